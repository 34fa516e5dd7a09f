import { type Fault, fault, type Reading, read, refuse } from '../fault.ts';
import { widthRepaired } from './code-text.ts';
import { isPlaceholder } from './placeholder.ts';

/** How numbers of one licence type look, from configuration; `test` gets the normalised number. A RegExp or an RE2 pattern fits. */
export interface LicencePattern {
  test(number: string): boolean;
  readonly example?: string;
}

/**
 * 许可证号 in one spelling: full-width brackets （桂）, years in 〔〕, half-width digits and capitals, no blanks. Leading zeros
 * stay: they are printed on the certificate. A number that does not fit its type’s pattern passes with a warning.
 */
export function readLicenceNumber(raw: string, pattern?: LicencePattern): Reading<string> {
  const text = TIDY.test(raw) ? raw : normalise(raw);
  if (text === '' || isPlaceholder(text) || isPlaceholder(raw)) return refuse(MISSING);
  const faults = text === raw ? [] : repairs(raw, text);
  if (pattern !== undefined && !pattern.test(text)) faults.push(unusual(pattern.example));
  return faults.length === 0 ? read(text) : read(text, faults);
}

const TIDY = /^[\u4e00-\u9fff〇0-9A-Z（）〔〕-]+$/;
const INVISIBLE = /[\p{Cc}\p{Cf}\s]/gu;
const YEAR = /[〔[【({]((?:19|20)\d{2})[〕\]】)}]/g;

function normalise(raw: string): string {
  const half = raw
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(/^['‘’]+/, '')
    .replace(/[‐‑‒–—−]/g, '-')
    .replace(/[a-z]+/g, (letters) => letters.toUpperCase());
  return half
    .replace(YEAR, '〔$1〕')
    .replace(/[([【{]/g, '（')
    .replace(/[)\]】}]/g, '）');
}

function repairs(raw: string, text: string): Fault[] {
  const faults: Fault[] = [];
  if (/[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/.test(raw)) faults.push(widthRepaired('LICENCE_NUMBER'));
  const plain = raw.normalize('NFKC').replace(INVISIBLE, '');
  if (/[a-z]/.test(plain)) faults.push(CASE);
  if (faults.length === 0 || raw.trim().length !== text.length || /[([【{［]/.test(raw)) faults.push(SPELLING);
  return faults;
}

const MISSING = fault(
  'error',
  'LICENCE_NUMBER_MISSING',
  '许可证号未填写；请填写证书上的编号',
  'the licence number is missing; fill in the number printed on the certificate',
);

const CASE = fault(
  'note',
  'LICENCE_NUMBER_CASE_REPAIRED',
  '许可证号中的小写字母已改为大写；请在业务系统中同样改正',
  'lower-case letters of the licence number were made upper-case; mend them in the bureau’s system too',
);

const SPELLING = fault(
  'note',
  'LICENCE_NUMBER_SPELLING_REPAIRED',
  '许可证号已去掉空格并统一括号写法；请在业务系统中同样改正',
  'blanks of the licence number were removed and its brackets unified; mend them in the bureau’s system too',
);

const unusual = (example: string | undefined): Fault =>
  fault(
    'warning',
    'LICENCE_NUMBER_UNUSUAL',
    `许可证号与该证照类型的编号样式不符${example === undefined ? '' : `（如 ${example}）`}；请对照证书确认`,
    `the licence number does not look like those of its type${example === undefined ? '' : ` (for instance ${example})`}; confirm it with the certificate`,
  );
