import { type Fault, fault, type Reading, read, refuse } from '../fault.ts';
import { spacingRepaired, tidyCode, widthRepaired } from './code-text.ts';
import { isPlaceholder } from './placeholder.ts';

const FORM =
  /^(?<prefix>[\p{Script=Han}A-Za-z]{2,20})(?<open>[〔[(【{〈《]?)(?<year>(?:19|20)\d{2})(?<close>[〕\])】}〉》]?)(?<word>年?)(?<ordinal>第?)(?<number>\d{1,6})(?<end>号?)$/u;
const SHORT_YEAR = /^\p{Script=Han}{2,20}[〔[(【{]\d{2}[〕\])】}]第?\d{1,6}号?$/u;

/**
 * 文号 of a decision (GB/T 9704): agency word, year in 〔〕, number without 第 or leading zeros, 号: `桂新广罚字〔2017〕3号`.
 * Brackets, zeros, 第, blanks and a missing 号 are repaired with a note. `桂新广罚字2017年3号` is repaired with a warning, anything
 * of another shape passes unchanged with a warning, a two-digit year is an error.
 */
export function readDocumentNumber(raw: string): Reading<string> {
  if (CANONICAL.test(raw)) return read(raw);
  if (raw.trim() === '' || isPlaceholder(raw)) return refuse(MISSING);
  const { text, notes } = tidyCode(raw, 'DOCUMENT_NUMBER');
  const joined = text.replace(/\s/g, '');
  const parts = FORM.exec(joined)?.groups;
  if (parts === undefined) return SHORT_YEAR.test(joined) ? refuse(YEAR_SHORT) : unusual(raw);
  const { prefix = '', open = '', year = '', close = '', word = '', ordinal = '', number = '', end = '' } = parts;
  const bracketed = open !== '' && close !== '';
  if (!bracketed && (open !== '' || close !== '' || (word === '' && ordinal === ''))) return unusual(raw);
  const faults = notes.filter(({ code }) => code !== 'DOCUMENT_NUMBER_WIDTH_REPAIRED');
  if (/[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/.test(raw)) faults.push(widthRepaired('DOCUMENT_NUMBER'));
  if (joined !== text) faults.push(spacingRepaired('DOCUMENT_NUMBER'));
  if (bracketed && raw.match(/[〔〕]/g)?.length !== 2) faults.push(BRACKETS);
  if (!bracketed) faults.push(BRACKETS_MISSING);
  if (/^0/.test(number)) faults.push(ZEROS);
  if (ordinal !== '' || end === '' || (bracketed && word !== '')) faults.push(WORDING);
  const digits = number.replace(/^0+(?=\d)/, '');
  return read(`${prefix}〔${year}〕${digits}号`, faults);
}

/** The year of a document number as `readDocumentNumber` gives it, undefined where it has none. */
export const documentNumberYear = (number: string): string | undefined => /〔(\d{4})〕/.exec(number)?.[1];

const CANONICAL = /^[\u4e00-\u9fffA-Za-z]{2,20}〔(?:19|20)\d{2}〕(?:0|[1-9]\d{0,5})号$/;

/** Kept as written apart from invisible characters and outer blanks: nobody knows what it should be. */
function unusual(raw: string): Reading<string> {
  const text = raw.replace(/[\p{Cc}\p{Cf}]/gu, '').trim();
  return text === '' || isPlaceholder(text) ? refuse(MISSING) : read(text, [UNUSUAL]);
}

const note = (code: string, zh: string, en: string): Fault => fault('note', `DOCUMENT_NUMBER_${code}`, zh, en);

const BRACKETS = note(
  'BRACKETS_REPAIRED',
  '文号年份括号已改为六角括号〔〕；请在业务系统中同样改正',
  'the brackets around the year of the document number were made 〔〕; mend them in the bureau’s system too',
);

const ZEROS = note(
  'ZEROS_REPAIRED',
  '文号序号前的 0 已去掉；请在业务系统中同样改正',
  'leading zeros of the document number were removed; mend them in the bureau’s system too',
);

const WORDING = note(
  'WORDING_REPAIRED',
  '文号已去掉多余的“第”“年”或补上“号”；请在业务系统中同样改正',
  'a stray 第 or 年 of the document number was removed, or the missing 号 added; mend it in the bureau’s system too',
);

const BRACKETS_MISSING = fault(
  'warning',
  'DOCUMENT_NUMBER_BRACKETS_MISSING',
  '文号年份没有括号，已按〔年份〕理解；请对照文书确认',
  'the year of the document number has no brackets and was read as 〔year〕; confirm it with the document',
);

const UNUSUAL = fault(
  'warning',
  'DOCUMENT_NUMBER_UNUSUAL',
  '文号不是“机关代字〔年份〕序号号”的样式；请对照文书确认',
  'the document number is not of the form agency〔year〕number号; confirm it with the document',
);

const YEAR_SHORT = fault(
  'error',
  'DOCUMENT_NUMBER_YEAR_SHORT',
  '文号年份只有两位；请按文书补全四位年份，如〔2017〕',
  'the year of the document number has two digits; write four, like 〔2017〕',
);

const MISSING = fault(
  'error',
  'DOCUMENT_NUMBER_MISSING',
  '文号未填写；请填写决定书文号，确无文号的许可可填许可编号',
  'the document number is missing; fill it in, or the licence number where a licence decision has none',
);
