import { type Fault, fault, type Reading, read } from '../fault.ts';

const PLAIN = /^[!-~]*$/;
const INVISIBLE = /[\p{Cc}\p{Cf}]/gu;
const APOSTROPHE = /^['‘’`]+(?=.)/;

export interface TidyCode {
  readonly text: string;
  readonly notes: readonly Fault[];
}

const NO_NOTES: readonly Fault[] = Object.freeze([]);

/**
 * A code field without what typing and spreadsheets add: full-width forms (NFKC), invisible characters, outer spaces and
 * the apostrophe that marks text cells. For codes only: NFKC would also change （） ： ① in names. `area` begins the note codes.
 */
export function tidyCode(raw: string, area: string): TidyCode {
  if (PLAIN.test(raw) && raw.charCodeAt(0) !== 0x27 && raw.charCodeAt(0) !== 0x60)
    return { text: raw, notes: NO_NOTES };
  const notes: Fault[] = [];
  const shown = raw.replace(INVISIBLE, '').trim().replace(APOSTROPHE, '').trim();
  if (shown !== raw) notes.push(spacingRepaired(area));
  const text = shown.normalize('NFKC').replace(INVISIBLE, '').trim().replace(APOSTROPHE, '').trim();
  if (text !== shown) notes.push(widthRepaired(area));
  return { text, notes };
}

export const spacingRepaired = (area: string): Fault =>
  fault(
    'note',
    `${area}_SPACING_REPAIRED`,
    '已去掉多余的空格、连字符、单引号或不可见字符；请在业务系统中同样改正',
    'stray spaces, hyphens, apostrophes or invisible characters were removed; mend them in the bureau’s system too',
  );

export const widthRepaired = (area: string): Fault =>
  fault(
    'note',
    `${area}_WIDTH_REPAIRED`,
    '已将全角字符改为半角；请在业务系统中同样改正',
    'full-width characters were made half-width; mend them in the bureau’s system too',
  );

/** Any code: NFKC and trimmed; inner spaces and letter case stay. */
export function readCode(raw: string): Reading<string> {
  const { text, notes } = tidyCode(raw, 'CODE');
  return read(text, notes);
}
