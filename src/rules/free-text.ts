import { fault, type Reading, read } from '../fault.ts';

const DIRTY = /[<&\u00a0\p{Cf}\p{Zl}\p{Zp}]|[^\P{Cc}\n]|^\s|\s$/u;
/** Han, ASCII and common punctuation only: nearly every text, told without Unicode properties because those are slow. */
const TIDY = /^[!-%'-;=-~·—‘’“”…、-】〔〕\u4e00-\u9fff！-～]+$/;
const BREAK = /<br\s*\/?>|<\/(?:p|div|li|tr)\s*>|\r\n?|[\u2028\u2029\u0085]/gi;
const TAG = /<!--[^<>]*-->|<\/?[a-zA-Z][a-zA-Z0-9:]*(?:\s[^<>]*)?\/?>/g;
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/g;
const NAMED: { readonly [name: string]: string } = {
  nbsp: ' ',
  ensp: ' ',
  emsp: ' ',
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  ldquo: '“',
  rdquo: '”',
  lsquo: '‘',
  rsquo: '’',
  mdash: '—',
  middot: '·',
  hellip: '…',
};

/**
 * Running text (违法事实, 许可内容 …) without HTML tags and entities, zero-width and control characters; paragraphs and line
 * breaks become `\n`, outer blanks go. A note says so where anything visible or invisible but blanks was removed.
 */
export function readFreeText(raw: string): Reading<string> {
  if (TIDY.test(raw) || !DIRTY.test(raw)) return read(raw);
  const text = clean(raw);
  return text === raw.trim() ? read(text) : read(text, [CLEANED]);
}

/** Deeper escaping than this is no accident, and each pass costs the length of the text. */
const MAX_PASSES = 8;

/** Until nothing changes: entities of entities (`&amp;nbsp;`) are common where two systems escaped one after the other. */
function clean(raw: string): string {
  let text = raw;
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const next = cleanOnce(text);
    if (next === text) return text;
    text = next;
  }
  return text;
}

const cleanOnce = (text: string): string =>
  text
    .replace(BREAK, '\n')
    .replace(TAG, '')
    .replace(ENTITY, decode)
    .replace(/[\t\v\f\u00a0]/g, ' ')
    .replace(/[^\P{Cc}\n]|\p{Cf}/gu, '')
    .trim();

function decode(entity: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return NAMED[name.toLowerCase()] ?? entity;
  const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
  return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff) ? String.fromCodePoint(point) : '';
}

const CLEANED = fault(
  'note',
  'TEXT_CLEANED',
  '文字中的网页标签、转义符或不可见字符已清除；请在业务系统中同样改正',
  'HTML tags, entities or invisible characters in the text were removed; mend it in the bureau’s system too',
);
