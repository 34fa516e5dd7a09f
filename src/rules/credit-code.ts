import { type Fault, type Reading, read, refuse } from '../fault.ts';
import { isCitizenId } from './citizen-id.ts';
import { spacingRepaired, tidyCode } from './code-text.ts';
import * as say from './credit-code-faults.ts';
import { isPlaceholder } from './placeholder.ts';
import { isProvince } from './province.ts';

const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const WEIGHTS = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ORGANISATION_WEIGHTS = [3, 7, 9, 10, 5, 8, 4, 2];

/** Registration departments (position 1) and the categories each of them knows (position 2), GB 32100-2015. */
const CATEGORIES: { readonly [department: string]: string } = {
  '1': '1239', // 机构编制
  '2': '19', // 外交
  '3': '123459', // 司法行政
  '4': '19', // 文化
  '5': '1239', // 民政
  '6': '129', // 旅游
  '7': '129', // 宗教
  '8': '19', // 工会
  '9': '123', // 工商（市场监管）
  A: '19', // 中央军委改革和编制办公室
  N: '1239', // 农业
  Y: '1', // 其他
};

/**
 * 统一社会信用代码 (GB 32100-2015): 18 characters, department, category, division, organisation code with its own check
 * character (GB 11714; a mismatch is a warning, not every registrant class keeps to it) and check character.
 * Repairs only what is beyond doubt (width, case, spaces, hyphens), each with a note; never guesses a letter.
 */
export function readCreditCode(raw: string): Reading<string> {
  if (isSound(raw)) return read(raw);
  if (isPlaceholder(raw) || raw.trim() === '')
    return refuse(raw.trim().startsWith('0') ? say.PLACEHOLDER : say.MISSING);
  const { text: tidy, notes } = tidyCode(raw, 'CREDIT_CODE');
  const repairs = [...notes];
  if (/^\d(?:\.\d*)?E\+?\d+$/i.test(tidy) && /[.+]/.test(tidy)) return refuse(say.SCIENTIFIC, repairs);
  const organisation = /^[0-9A-Z]{8}-?[0-9X]$/i.test(tidy);
  const joined = tidy.replace(/[\s\-‐‑‒–—−]/g, '');
  if (joined !== tidy && !organisation) repairs.push(spacingRepaired('CREDIT_CODE'));
  const code = joined.toUpperCase();
  if (code !== joined && code.length === joined.length) repairs.push(say.CASE_REPAIRED);
  if (organisation) return refuse(say.ORGANISATION_CODE, repairs);
  return judge(code, repairs);
}

/** Check character of the first 17 characters; throws RangeError on a character outside the 31 or a wrong length. */
export function creditCodeCheck(body: string): string {
  let sum = 0;
  for (const [index, weight] of WEIGHTS.entries()) sum += valueIn(ALPHABET, body.charAt(index)) * weight;
  if (body.length !== WEIGHTS.length) throw new RangeError('17 characters expected');
  return ALPHABET.charAt((31 - (sum % 31)) % 31);
}

/** Check character (0-9, X) of the 8 body characters of an organisation code (GB 11714). */
export function organisationCheck(body: string): string {
  let sum = 0;
  for (const [index, weight] of ORGANISATION_WEIGHTS.entries()) {
    sum += valueIn(ORGANISATION_ALPHABET, body.charAt(index)) * weight;
  }
  if (body.length !== ORGANISATION_WEIGHTS.length) throw new RangeError('8 characters expected');
  const check = 11 - (sum % 11);
  return check === 10 ? 'X' : check === 11 ? '0' : String(check);
}

function valueIn(alphabet: string, letter: string): number {
  const value = letter === '' ? -1 : alphabet.indexOf(letter);
  if (value < 0) throw new RangeError('character outside the alphabet');
  return value;
}

/** Everything right, nothing to say: the way of nearly all codes, so without regular expressions or garbage. */
function isSound(code: string): boolean {
  if (code.length !== 18) return false;
  let sum = 0;
  let organisation = 0;
  for (let i = 0; i < 18; i++) {
    const unit = code.charCodeAt(i);
    const value = unit < 128 ? (VALUES[unit] ?? -1) : -1;
    if (value < 0 || (i >= 2 && i < 8 && value > 9)) return false;
    if (i < 17) sum += value * (WEIGHTS[i] ?? 0);
    else if ((31 - (sum % 31)) % 31 !== value) return false;
    if (i >= 8 && i < 16) organisation += (unit < 58 ? unit - 48 : unit - 55) * (ORGANISATION_WEIGHTS[i - 8] ?? 0);
  }
  if ('0X987654321'.charCodeAt(organisation % 11) !== code.charCodeAt(16)) return false;
  return knowsCategory(code) && knowsDivision(code);
}

const VALUES = Int8Array.from({ length: 128 }, (_, unit) => ALPHABET.indexOf(String.fromCharCode(unit)));

const knowsCategory = (code: string): boolean => CATEGORIES[code.charAt(0)]?.includes(code.charAt(1)) ?? false;

/** 100000 stands for national registration. */
const knowsDivision = (code: string): boolean => isProvince(code.slice(2, 4)) || code.slice(2, 8) === '100000';

/** `code` is upper case and free of spaces; the first error ends it, because the next ones only follow from it. */
function judge(code: string, repairs: readonly Fault[]): Reading<string> {
  const error = lengthFault(code) ?? letterFault(code) ?? structureFault(code);
  if (error !== undefined) return refuse(error, repairs);
  const check = creditCodeCheck(code.slice(0, 17));
  if (check !== code.charAt(17)) {
    return refuse(isCitizenId(code) ? say.PERSONAL : say.checkWrong(check, code.charAt(17)), repairs);
  }
  const faults = [...repairs];
  if (!knowsDivision(code)) faults.push(say.divisionUnknown(code.slice(2, 8)));
  const inner = organisationCheck(code.slice(8, 16));
  if (inner !== code.charAt(16)) faults.push(say.organisationCheckWrong(inner, code.charAt(16)));
  return read(code, faults);
}

function lengthFault(code: string): Fault | undefined {
  if (code.length === 18) return undefined;
  if (/^\d{15}$/.test(code)) return say.REGISTRATION_NUMBER;
  if (code.length === 0) return say.MISSING;
  return code.length > 18 ? say.tooLong(code.length) : say.tooShort(code.length);
}

function letterFault(code: string): Fault | undefined {
  if (/^(.)\1+$/.test(code) || /^0{17}/.test(code)) return say.PLACEHOLDER;
  const wrong = [...code].findIndex((letter) => !ALPHABET.includes(letter));
  const letter = code.charAt(wrong);
  if (wrong < 0) return undefined;
  return /[IOSVZ]/.test(letter) ? say.letterWrong(letter, wrong + 1, likely(code)) : say.characterWrong(wrong + 1);
}

/** The code with look-alike letters read as digits, if that makes it sound: a hint for the person who mends it. */
function likely(code: string): string | undefined {
  const guess = code.replace(/O/g, '0').replace(/I/g, '1').replace(/S/g, '5').replace(/Z/g, '2').replace(/V/g, 'U');
  return isSound(guess) ? guess : undefined;
}

function structureFault(code: string): Fault | undefined {
  if (code.slice(2, 8) === '000000') return say.PLACEHOLDER;
  const category = knowsCategory(code);
  const personal = !category && isCitizenId(code);
  if (personal) return say.PERSONAL;
  if (!/^\d{6}$/.test(code.slice(2, 8))) return say.DIVISION_WRONG;
  if (CATEGORIES[code.charAt(0)] === undefined) return say.departmentUnknown(code.charAt(0));
  return category ? undefined : say.categoryUnknown(code.slice(0, 2));
}
