import { fault, type Reading, read, refuse } from '../fault.ts';
import { tidyCode } from './code-text.ts';

/**
 * Check digit of the first 14 digits of an old business registration number (GS 15-2006, ISO 7064 MOD 11,10).
 * Throws RangeError unless `body` is 14 digits.
 */
export function registrationCheck(body: string): string {
  if (!/^\d{14}$/.test(body)) throw new RangeError('14 digits expected');
  let product = 10;
  for (const digit of body) product = (((Number(digit) + product) % 10 || 10) * 2) % 11;
  return String((11 - product) % 10);
}

/** Whether a text is a 15-digit registration number with the right check digit. */
export const isRegistrationNumber = (text: string): boolean =>
  /^\d{15}$/.test(text) && registrationCheck(text.slice(0, 14)) === text[14];

/**
 * Old 工商注册号: 15 digits. A wrong check digit is an error; forms from before 2007 (13 digits, 企合桂总字第…号) pass with a warning.
 */
export function readRegistrationNumber(raw: string): Reading<string> {
  const { text, notes } = tidyCode(raw, 'REGISTRATION_NUMBER');
  if (isRegistrationNumber(text)) return read(text, notes);
  if (/^\d(?:\.\d+)?E\+?\d+$/i.test(text)) return refuse(SCIENTIFIC, notes);
  if (/^[0-9A-Z]{17}[0-9A-Z]$/i.test(text)) return refuse(EIGHTEEN, notes);
  if (/^\d{15}$/.test(text)) return refuse(checkWrong(registrationCheck(text.slice(0, 14)), text.slice(14)), notes);
  if (text === '') return refuse(MISSING, notes);
  return read(text, [...notes, UNUSUAL]);
}

const MISSING = fault(
  'error',
  'REGISTRATION_NUMBER_MISSING',
  '注册号为空；请填写 15 位注册号，没有则整项留空',
  'the registration number is empty; give 15 digits or leave the field out',
);

const SCIENTIFIC = fault(
  'error',
  'REGISTRATION_NUMBER_SCIENTIFIC',
  '注册号被表格软件改成了科学计数法，末尾数字已丢失；请将该列设为文本格式后重新填写',
  'a spreadsheet turned the registration number into scientific notation and lost digits; format the column as text and enter it again',
);

const EIGHTEEN = fault(
  'error',
  'REGISTRATION_NUMBER_MISPLACED',
  '注册号应为 15 位，此处为 18 位；统一社会信用代码请填入“统一社会信用代码”栏',
  'a registration number has 15 digits, this has 18 characters; put a unified social credit code into its own field',
);

const UNUSUAL = fault(
  'warning',
  'REGISTRATION_NUMBER_UNUSUAL',
  '注册号不是 15 位数字；请核对是否为 2007 年以前的旧号',
  'the registration number is not 15 digits; check whether it is a form from before 2007',
);

const checkWrong = (want: string, got: string) =>
  fault(
    'error',
    'REGISTRATION_NUMBER_CHECK_WRONG',
    `注册号校验位应为 ${want}，实为 ${got}；请对照营业执照改正`,
    `the check digit of the registration number should be ${want}, not ${got}; mend it from the business licence`,
  );
