import { type Fault, fault } from '../fault.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import { fieldReader, isPresent, textAt } from './field-path.ts';

/** A rule over several fields (双公示 field rules, domain sheet 2.4); every rule stands absent and wrongly typed fields. */
type Rule = (record: JsonObject, today: string) => Fault | undefined;

/** Sets of rules that a schema names with `x-rules`. */
export type RuleSet = 'licence' | 'penalty' | 'enterprise';

/** All faults of a record by the rules of its kind; `today` is a local date `YYYY-MM-DD`. */
export function ruleFaults(rules: RuleSet, record: JsonObject, today: string): Fault[] {
  const faults: Fault[] = [];
  for (const rule of RULES[rules]) {
    const found = rule(record, today);
    if (found !== undefined) faults.push(found);
  }
  return faults;
}

/** The kind of a party whose bureau does not say it: 92… is an individual business, an id number is a person's. */
export function inferKind(party: JsonObject): string | undefined {
  if (typeof party.creditCode === 'string') return party.creditCode.startsWith('92') ? '个体工商户' : undefined;
  return isPresent(party.idNumber) ? '自然人' : undefined;
}

const say =
  (level: Fault['level'], code: string, path: string) =>
  (zh: string, en: string): Fault => ({
    ...fault(level, code, zh, en),
    path,
  });

/** `later` must not lie before `earlier` (nor on it, when `strict`). */
function inOrder(earlier: string, later: string, broken: Fault, strict = false): Rule {
  const from = fieldReader(earlier);
  const until = fieldReader(later);
  return (record) => {
    const start = textAt(record, from);
    const end = textAt(record, until);
    if (start === undefined || end === undefined) return undefined;
    return end < start || (strict && end === start) ? broken : undefined;
  };
}

/** `needed` must be filled when `holds`. */
function needs(needed: string, holds: (record: JsonObject) => boolean, missing: Fault): Rule {
  const read = fieldReader(needed);
  return (record) => (isPresent(read(record)) || !holds(record) ? undefined : missing);
}

const has = (path: string, ...values: readonly string[]): ((record: JsonObject) => boolean) => {
  const read = fieldReader(path);
  return (record) => values.includes(String(read(record)));
};

function notInFuture(path: string, broken: Fault): Rule {
  const read = fieldReader(path);
  return (record, today) => ((textAt(record, read) ?? '') > today ? broken : undefined);
}

const decided = notInFuture(
  'decidedOn',
  say(
    'error',
    'DECISION_IN_FUTURE',
    'decidedOn',
  )('决定日期晚于今天，请核对决定书后改正', 'decided in the future; correct the date from the document'),
);

const reasonForWithholding = needs(
  'nonDisclosureReason',
  has('publicity', '不公开'),
  say(
    'error',
    'NON_DISCLOSURE_REASON_MISSING',
    'nonDisclosureReason',
  )('公开属性为不公开，请填写不公开理由', 'withheld from the public: give the reason'),
);

const documentYear: Rule = (record) => {
  const number = textAt(record, DOCUMENT_NUMBER);
  const decision = textAt(record, DECIDED_ON);
  const bracket = number?.indexOf('〔') ?? -1;
  if (number === undefined || decision === undefined || bracket < 0) return undefined;
  if (number.startsWith(decision.slice(0, 4), bracket + 1)) return undefined;
  return say(
    'warning',
    'DOCUMENT_YEAR_MISMATCHED',
    'document.number',
  )(
    '文书号的年份与决定日期的年份不同，请核对',
    'the year of the document number is not that of the decision; please check',
  );
};

const DOCUMENT_NUMBER = fieldReader('document.number');
const DECIDED_ON = fieldReader('decidedOn');

/** Kind of party against its codes; a natural person has no credit code, 92… belongs to individual businesses. */
function partyRule(member: string): Rule {
  const mismatch = say(
    'error',
    'HOLDER_KIND_MISMATCHED',
    `${member}.kind`,
  )(
    '行政相对人类别与统一社会信用代码不符（92 开头为个体工商户，91、93 开头为法人及非法人组织），请核对类别和代码',
    'the kind of party does not fit its credit code (92… is an individual business, 91… and 93… an organisation); check both',
  );
  const unexpected = say(
    'error',
    'HOLDER_CODE_UNEXPECTED',
    `${member}.creditCode`,
  )(
    '自然人没有统一社会信用代码，请改类别，或删去代码并填证件号码',
    'a natural person has no credit code: change the kind, or remove the code and give the id number',
  );
  const missing = say(
    'warning',
    'HOLDER_CODE_MISSING',
    `${member}.creditCode`,
  )(
    '没有统一社会信用代码，接收平台要求法人、非法人组织和个体工商户必填，请补填',
    'no credit code, which the platforms demand of organisations and individual businesses; please add it',
  );
  return (record) => {
    const party = record[member];
    if (!isJsonObject(party)) return undefined;
    const code = typeof party.creditCode === 'string' ? party.creditCode : '';
    if (party.kind === '自然人') return code === '' ? undefined : unexpected;
    if (code === '') return missing;
    if (party.kind === '个体工商户') return /^9[13]/.test(code) ? mismatch : undefined;
    return party.kind === '法人及非法人组织' && code.startsWith('92') ? mismatch : undefined;
  };
}

const validityReversed = (path: string): Fault =>
  say(
    'error',
    'VALIDITY_REVERSED',
    path,
  )('截止日期早于起始日期，请核对后改正', 'ends before it starts; correct the dates');

/** No end must be said, never guessed from an empty field; and an end contradicts it. */
const longTerm: Rule = (record) => {
  if (record.longTerm === true && typeof record.validUntil === 'string') {
    return say(
      'error',
      'LONG_TERM_CONTRADICTED',
      'longTerm',
    )('标为长期有效，却填了有效期至，请只留一项', 'said to be without end, yet has an end date; keep one');
  }
  if (record.validUntil !== null || record.longTerm === true) return undefined;
  return say(
    'error',
    'VALIDITY_END_UNSAID',
    'validUntil',
  )('有效期至为空又未注明长期，请填写日期或“长期”', 'no end date and not said to be without end; give a date or 长期');
};

const expiredUnsaid: Rule = (record, today) =>
  record.status === 'valid' && typeof record.validUntil === 'string' && record.validUntil < today
    ? say(
        'warning',
        'STATUS_EXPIRED_UNSAID',
        'status',
      )('有效期已过而状态仍为有效，请核对状态', 'its validity is over but the status is valid; please check')
    : undefined;

const statusDateMissing = needs(
  'statusDate',
  has('status', 'suspended', 'revoked', 'withdrawn', 'cancelled'),
  say(
    'warning',
    'STATUS_DATE_MISSING',
    'statusDate',
  )(
    '许可已暂扣、吊销、撤销或注销而无日期，请补填状态日期',
    'suspended, revoked, withdrawn or cancelled without a date; please add it',
  ),
);

function kindsInclude(...kinds: readonly string[]): (record: JsonObject) => boolean {
  return ({ kinds: given }) => Array.isArray(given) && given.some((kind) => kinds.includes(kind));
}

const fineUnexpected: Rule = (record) =>
  isPresent(record.fine) && !/^[0.]*$/.test(String(record.fine)) && !kindsInclude('罚款')(record)
    ? say(
        'warning',
        'FINE_UNEXPECTED',
        'fine',
      )('填了罚款金额而处罚类别中没有罚款，请核对', 'an amount is given but the kinds hold no fine; please check')
    : undefined;

const RULES: { readonly [S in RuleSet]: readonly Rule[] } = {
  licence: [
    decided,
    inOrder('validFrom', 'validUntil', validityReversed('validUntil')),
    inOrder(
      'decidedOn',
      'validFrom',
      say(
        'warning',
        'DECISION_AFTER_START',
        'decidedOn',
      )(
        '决定日期晚于有效期自，请核对（延续许可可以如此）',
        'decided after it became valid; please check (renewals may be so)',
      ),
    ),
    longTerm,
    expiredUnsaid,
    statusDateMissing,
    partyRule('holder'),
    documentYear,
    reasonForWithholding,
  ],
  penalty: [
    decided,
    inOrder('decidedOn', 'validUntil', validityReversed('validUntil')),
    inOrder(
      'decidedOn',
      'publicityUntil',
      say(
        'error',
        'PUBLICITY_END_EARLY',
        'publicityUntil',
      )('公示截止期应晚于处罚决定日期，请核对后改正', 'publicity must end after the decision; correct the dates'),
      true,
    ),
    needs(
      'fine',
      kindsInclude('罚款'),
      say(
        'error',
        'FINE_MISSING',
        'fine',
      )('处罚类别含罚款，请填写罚款金额（元）', 'the kinds hold a fine: give its amount in yuan'),
    ),
    fineUnexpected,
    needs(
      'confiscated',
      kindsInclude('没收违法所得', '没收非法财物'),
      say(
        'error',
        'CONFISCATED_MISSING',
        'confiscated',
      )('处罚类别含没收，请填写没收金额（元）', 'the kinds hold a confiscation: give its amount in yuan'),
    ),
    needs(
      'suspendedCertificate',
      kindsInclude('暂扣许可证件', '吊销许可证件'),
      say(
        'error',
        'SUSPENDED_CERTIFICATE_MISSING',
        'suspendedCertificate',
      )('处罚类别含暂扣或吊销，请填写证照名称及编号', 'a certificate is suspended or revoked: name it and its number'),
    ),
    partyRule('party'),
    documentYear,
    reasonForWithholding,
  ],
  enterprise: [
    notInFuture(
      'establishedOn',
      say(
        'error',
        'ESTABLISHED_IN_FUTURE',
        'establishedOn',
      )('成立日期晚于今天，请核对', 'established in the future; please check'),
    ),
    inOrder('businessFrom', 'businessUntil', validityReversed('businessUntil')),
    reasonForWithholding,
  ],
};

/** Used by schemas to know which sets exist. */
export const RULE_SETS: readonly string[] = Object.keys(RULES);
