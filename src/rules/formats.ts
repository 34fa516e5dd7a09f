import { fault, type Reading, read, refuse } from '../fault.ts';
import type { Json } from '../json.ts';
import type { FormatName } from '../mapping/mapping-spec.ts';
import { type AmountUnit, readAmount } from './amount.ts';
import { readCode } from './code-text.ts';
import { readCreditCode } from './credit-code.ts';
import { readDocumentNumber } from './document-number.ts';
import { readFreeText } from './free-text.ts';
import { readLegalDate, readLegalDateOrLongTerm, readTimestamp } from './legal-date.ts';
import { readLicenceNumber } from './licence-number.ts';
import { readName } from './name.ts';
import { readPenaltyKinds } from './penalty-kind.ts';
import { quote } from './quote.ts';
import { readRegistrationNumber } from './registration-number.ts';

/** Reads one raw value, which is neither null nor blank. */
export type Reader = (value: Json) => Reading<Json>;

/**
 * The closed list of formats that a mapping may apply. Both amount formats give 元; the name says what a bare number means in the
 * raw field. `date` gives null for 长期 in any spelling. Numbers in date fields may be Excel serials or epoch milliseconds.
 */
export const readers = {
  text: ofText(readFreeText),
  code: ofText(readCode),
  'credit-code': ofText(readCreditCode),
  'registration-number': ofText(readRegistrationNumber),
  date: ofText(readDate),
  'amount-yuan': ofAmount('元'),
  'amount-wan-yuan': ofAmount('万元'),
  'document-number': ofText(readDocumentNumber),
  'licence-number': ofText((text) => readLicenceNumber(text)),
  name: ofText(readName),
  'holder-kind': ofText(readHolderKind),
  publicity: ofText(readPublicity),
  boolean: readBoolean,
  list: readList,
  timestamp: ofText((text) => readTimestamp(text, { serials: true })),
} satisfies { readonly [F in FormatName]: Reader };

/** `date` where there is no 长期: a decision has a day. */
export const readPlainDate: Reader = ofText((text) => readLegalDate(text, { serials: true }));

function readDate(text: string): Reading<string | null> {
  const { value, faults } = readLegalDateOrLongTerm(text, { serials: true });
  return { value: value?.date, faults };
}

function ofText(reader: (text: string) => Reading<Json>): Reader {
  return (value) => {
    if (typeof value === 'string') return reader(value);
    if (typeof value === 'number') return reader(digitsOf(value));
    return typeof value === 'boolean' ? reader(String(value)) : refuse(TYPE_WRONG);
  };
}

/** Whole numbers beyond 2^53 have lost digits: written in scientific notation, so that code rules see it. */
const digitsOf = (value: number): string =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? value.toExponential().toUpperCase() : String(value);

function ofAmount(unit: AmountUnit): Reader {
  return ofText((text) => readAmount(text, unit));
}

const HOLDER_KINDS = table({
  法人及非法人组织:
    '法人及非法人组织 法人和非法人组织 法人 非法人 非法人组织 法人或非法人组织 法人或其他组织 法人及其他组织 企业 企业法人 单位 1 02 03',
  自然人: '自然人 个人 公民 2 01',
  个体工商户: '个体工商户 个体户 个体 4 04',
});

/** Two digits after the licensing system’s list (01 自然人), one digit after the credit platforms’ (1 法人及非法人组织). */
function readHolderKind(text: string): Reading<string> {
  const kind = HOLDER_KINDS.get(text) ?? HOLDER_KINDS.get(text.normalize('NFKC').trim());
  return kind === undefined ? refuse(holderKindUnknown(text)) : read(kind);
}

const PUBLICITY = table({
  主动公开: '主动公开 主动',
  依申请公开: '依申请公开 依申请',
  不公开: '不公开 不予公开 免予公开 不予主动公开',
});

/** Words only: a wrongly guessed digit would publish what must stay closed. */
function readPublicity(text: string): Reading<string> {
  const publicity = PUBLICITY.get(text) ?? PUBLICITY.get(text.replace(/\s/g, ''));
  return publicity === undefined ? refuse(publicityUnknown(text)) : read(publicity);
}

const BOOLEANS = table({ true: 'true 是 有 已 y yes t 1 √ ✓', false: 'false 否 无 未 没有 n no f 0 × ✗' });

function readBoolean(value: Json): Reading<boolean> {
  if (typeof value === 'boolean') return read(value);
  const text = typeof value === 'object' ? '' : String(value);
  const word = BOOLEANS.get(text) ?? BOOLEANS.get(text.normalize('NFKC').trim().toLowerCase());
  return word === undefined ? refuse(BOOLEAN_UNKNOWN) : read(word === 'true');
}

function readList(value: Json): Reading<Json> {
  if (typeof value === 'string') return readPenaltyKinds(value);
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return readPenaltyKinds(value);
  return refuse(TYPE_WRONG);
}

/** Each blank-separated word → its meaning. */
function table(words: { readonly [meaning: string]: string }): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(words).flatMap(([meaning, list]) =>
      list.split(' ').map((word): [string, string] => [word, meaning]),
    ),
  );
}

const TYPE_WRONG = fault(
  'error',
  'VALUE_TYPE_WRONG',
  '此处应为文字或数字，来源给出的是对象或列表；请检查映射的字段路径',
  'a text or number is expected, the source gives an object or list; check the field path in the mapping',
);

const BOOLEAN_UNKNOWN = fault(
  'error',
  'BOOLEAN_UNKNOWN',
  '此处应为“是”或“否”；请改正，或在映射中用 lookup 说明取值',
  'this should be 是 or 否 (true or false); mend it, or explain the values with a lookup in the mapping',
);

const holderKindUnknown = (text: string) =>
  fault(
    'error',
    'HOLDER_KIND_UNKNOWN',
    `“${quote(text)}”不是相对人类别（法人及非法人组织、自然人、个体工商户）；请改正，或在映射中用 lookup 说明取值`,
    `“${quote(text)}” is no kind of holder (法人及非法人组织, 自然人, 个体工商户); mend it, or explain the values with a lookup in the mapping`,
  );

const publicityUnknown = (text: string) =>
  fault(
    'error',
    'PUBLICITY_UNKNOWN',
    `“${quote(text)}”不是公开属性（主动公开、依申请公开、不公开）；请改正，代码值请在映射中用 lookup 说明`,
    `“${quote(text)}” is no publicity (主动公开, 依申请公开, 不公开); mend it, or explain coded values with a lookup in the mapping`,
  );
