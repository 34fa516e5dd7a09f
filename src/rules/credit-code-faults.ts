import { type Fault, fault } from '../fault.ts';

/** The sentences of `readCreditCode`. None of them repeats the code in full: it may be a person’s id number. */
const error = (code: string, zh: string, en: string): Fault => fault('error', `CREDIT_CODE_${code}`, zh, en);

export const MISSING = error(
  'MISSING',
  '统一社会信用代码未填写（“无”“-”“暂无”等不是代码）；请补填 18 位代码，自然人请将该栏留空',
  'the credit code is missing (无, -, N/A are no codes); fill in its 18 characters, or leave the field empty for a natural person',
);

export const PLACEHOLDER = error(
  'PLACEHOLDER',
  '统一社会信用代码是占位内容（如全 0 或登记机关区划 000000）；请填写营业执照或法人证书上的真实代码',
  'the credit code is a placeholder (all zeros, one repeated character, or division 000000); fill in the real code from the certificate',
);

export const SCIENTIFIC = error(
  'SCIENTIFIC',
  '统一社会信用代码被表格软件改成了科学计数法，末尾数字已丢失；请将该列设为文本格式后重新填写 18 位代码',
  'a spreadsheet turned the credit code into scientific notation and lost digits; format the column as text and enter the 18 characters again',
);

export const REGISTRATION_NUMBER = error(
  'REGISTRATION_NUMBER',
  '这是 15 位的旧工商注册号或税号，不是统一社会信用代码；请移到“工商注册号”栏，并补填 18 位代码',
  'this is an old 15-digit registration or tax number, not a credit code; move it to the registration number field and fill in the 18 characters',
);

export const ORGANISATION_CODE = error(
  'ORGANISATION_CODE',
  '这是 9 位的组织机构代码，不是统一社会信用代码；请移到“组织机构代码”栏，并补填 18 位代码',
  'this is a 9-character organisation code, not a credit code; move it to its own field and fill in the 18 characters',
);

export const PERSONAL = error(
  'PERSONAL',
  '此处填的是公民身份号码，不是统一社会信用代码；请立即移到“证件号码”栏，勿对外报送',
  'this is a citizen id number, not a credit code; move it to the id number field at once and keep it from being sent',
);

export const DIVISION_WRONG = error(
  'DIVISION_WRONG',
  '统一社会信用代码第 3–8 位（登记机关行政区划码）必须是数字；请检查字母 O 与数字 0 等是否混淆',
  'characters 3–8 of the credit code (division of the registering office) must be digits; look for letters typed as digits',
);

export const CASE_REPAIRED = fault(
  'note',
  'CREDIT_CODE_CASE_REPAIRED',
  '统一社会信用代码中的小写字母已改为大写；请在业务系统中同样改正',
  'lower-case letters of the credit code were made upper-case; mend them in the bureau’s system too',
);

export const tooLong = (length: number): Fault =>
  error(
    'LONG',
    `统一社会信用代码应为 18 位，实为 ${length} 位；请对照证照删去多余字符`,
    `a credit code has 18 characters, this has ${length}; compare with the certificate and remove the extra ones`,
  );

export const tooShort = (length: number): Fault =>
  error(
    'SHORT',
    `统一社会信用代码应为 18 位，实为 ${length} 位；请对照证照补全`,
    `a credit code has 18 characters, this has ${length}; compare with the certificate and complete it`,
  );

export function letterWrong(letter: string, position: number, likely: string | undefined): Fault {
  const zh = likely === undefined ? '请对照证照改正' : `很可能应为 ${likely}，请对照证照确认后改正`;
  const en = likely === undefined ? 'mend it from the certificate' : `probably ${likely} is meant, confirm it and mend`;
  return error(
    'LETTER_WRONG',
    `统一社会信用代码第 ${position} 位是字母 ${letter}，代码中不使用 I、O、S、V、Z；${zh}`,
    `character ${position} of the credit code is the letter ${letter}; I, O, S, V and Z are never used: ${en}`,
  );
}

export const characterWrong = (position: number): Fault =>
  error(
    'CHARACTER_WRONG',
    `统一社会信用代码第 ${position} 位不是数字或大写字母；请对照证照改正`,
    `character ${position} of the credit code is neither a digit nor a capital letter; mend it from the certificate`,
  );

export const departmentUnknown = (department: string): Fault =>
  error(
    'DEPARTMENT_UNKNOWN',
    `统一社会信用代码首位 ${department} 不是登记管理部门代码（1–9、A、N、Y）；请对照证照改正`,
    `the credit code begins with ${department}, which is no registration department (1–9, A, N, Y); mend it from the certificate`,
  );

export const categoryUnknown = (head: string): Fault =>
  error(
    'CATEGORY_UNKNOWN',
    `统一社会信用代码前两位 ${head} 不是已有的机构类别；请对照证照改正`,
    `the first two characters ${head} of the credit code name no category of that department; mend it from the certificate`,
  );

export const checkWrong = (want: string, got: string): Fault =>
  error(
    'CHECK_WRONG',
    `统一社会信用代码校验位应为 ${want}，实为 ${got}，代码中至少有一位错误；请对照证照逐位核对`,
    `the check character of the credit code should be ${want}, not ${got}, so at least one character is wrong; compare it with the certificate`,
  );

export const organisationCheckWrong = (want: string, got: string): Fault =>
  fault(
    'warning',
    'CREDIT_CODE_ORGANISATION_CHECK_WRONG',
    `统一社会信用代码第 17 位按 GB 11714 应为 ${want}，实为 ${got}；请对照证照确认`,
    `character 17 of the credit code should be ${want} by GB 11714, not ${got}; confirm it with the certificate`,
  );

export const divisionUnknown = (division: string): Fault =>
  fault(
    'warning',
    'CREDIT_CODE_DIVISION_UNKNOWN',
    `统一社会信用代码第 3–8 位 ${division} 不是已知的行政区划；请对照证照确认`,
    `characters 3–8 of the credit code, ${division}, are no known division; confirm them with the certificate`,
  );
