import { at, type Fault, fault, type Reading } from '../fault.ts';
import type { Title } from '../job/job.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { type Operation, recordKey } from '../record.ts';
import { readCreditCode } from '../rules/credit-code.ts';
import { compareKey } from '../rules/name.ts';
import { personalDataFaults } from '../rules/personal-data.ts';
import { textFaults } from '../wire/row-fault.ts';
import type { Authorities } from './authority.ts';
import { type FieldReader, fieldReader, firstPresent, matcher, textAt, textList } from './field-path.ts';
import type { FlatSchema } from './flat-schema.ts';
import { issuerRules } from './issuer-rules.ts';
import { inferKind, type RuleSet, ruleFaults } from './record-rules.ts';
import { linearPattern, type ShapeCheck } from './schema-engine.ts';
import { cutFaults, schemaFaults } from './schema-faults.ts';

/** By what people look a record up. */
export interface SearchTerms {
  readonly number: string | undefined;
  readonly name: string | undefined;
  readonly creditCode: string | undefined;
}

/** Which record this is, and by what people look it up. */
export interface Identity extends SearchTerms {
  /** 32 bytes, `recordKey` of type, code of the issuing authority and natural key. */
  readonly key: Buffer;
  /** Id of the issuing authority in schemas/authorities.json; '' where any organ may issue and this one is not listed. */
  readonly authority: string;
}

/** A unified record type, compiled from one JSON Schema. */
export interface UnifiedType {
  /** e.g. `licence/printing`. */
  readonly name: string;
  readonly title: Title;
  /** Penalties: no version may be skipped on its way to a platform (delivery.md §1.6). */
  readonly everyVersion: boolean;
  /** Ids of the authorities that issue this type. */
  readonly authorities: readonly string[];
  /**
   * Fills in place what the record leaves to its schema and to the authority table: defaults, the kind of party where a code
   * tells it, the issuer of the decision date (`authority`: the job's, before those of the type), official names and codes.
   */
  complete(record: JsonObject, authority?: string): readonly Fault[];
  /**
   * All faults of a completed record; `today` is a local date. May put a credit code into canonical form in place, with a
   * note. Personal data in free text is a warning here and an error of `personalData`: it may be kept, but not sent.
   */
  check(record: JsonObject, context: { readonly today: string }): readonly Fault[];
  /** Personal data in free-text fields, as errors: not to be sent until mended or released with a reason. */
  personalData(record: JsonObject): readonly Fault[];
  /** Of a record that passed `check`. */
  identity(record: JsonObject): Identity | { readonly faults: readonly Fault[] };
  /** Of any mapped record, sound or not. */
  search(record: JsonObject): SearchTerms;
  /** WITHDRAW for what `x-withdrawn` names, and for what is not (or no longer) for active publication. */
  operation(record: JsonObject): Operation;
}

/** A record that is still being completed. */
type Mutable = { [name: string]: Json };

export function compileUnifiedType(schema: FlatSchema, shape: ShapeCheck, authorities: Authorities): UnifiedType {
  const fill = filler(schema);
  const issuer = issuerRules(schema, authorities);
  const codes = codeChecks(schema);
  const texts = freeTexts(schema);
  const number = numberCheck(schema);
  const withdrawn = withdrawal(schema);
  const rules = schema.keyword('x-rules') as RuleSet;
  const personalData = (record: JsonObject): Fault[] => texts(record);
  const search = searchTerms(schema);
  return {
    name: schema.name,
    title: schema.title,
    everyVersion: schema.keyword('x-every-version') === true,
    authorities: textList(schema.keyword('x-authorities')),
    complete(record, authority) {
      fill(record);
      return issuer.complete(record, authority);
    },
    check(record, { today }) {
      const faults: Fault[] = [];
      const unsound = isSound(record) ? [] : textFaults(record);
      const errors = shape(record);
      if (errors.length > 0) faults.push(...schemaFaults(errors, schema.labels, 'unified'));
      codes(record, faults);
      faults.push(...ruleFaults(rules, record, today), ...unsound);
      number(record, faults);
      issuer.check(record, faults);
      for (const found of personalData(record)) faults.push({ ...found, level: 'warning' });
      return cutFaults(faults);
    },
    personalData,
    identity: identityOf(schema, authorities, search),
    search,
    operation: (record) => (withdrawn(record) || isClosed(record) ? 'WITHDRAW' : 'UPSERT'),
  };
}

/** 依申请公开 and 不公开: never shown; if it was shown before, it must be taken back. */
const isClosed = ({ publicity }: JsonObject): boolean => publicity === '依申请公开' || publicity === '不公开';

/** `default`s of the schema, and the kind of party where its codes tell it. */
function filler(schema: FlatSchema): (record: JsonObject) => void {
  const defaults = [...schema.fields].flatMap(([path, { default: value }]) => {
    const steps = path.split('.');
    const member = steps.pop() ?? '';
    const parent = steps.length === 0 ? undefined : fieldReader(steps.join('.'));
    return value === undefined ? [] : [{ parent, member, value }];
  });
  return (record) => {
    for (const party of [record.holder, record.party]) {
      if (!isJsonObject(party) || party.kind !== undefined) continue;
      const kind = inferKind(party);
      if (kind !== undefined) (party as Mutable).kind = kind;
    }
    for (const { parent, member, value } of defaults) {
      const owner = parent === undefined ? record : parent(record);
      if (isJsonObject(owner) && owner[member] === undefined) (owner as Mutable)[member] = value;
    }
  };
}

/** Rules that a field names with `x-check`; they speak their own sentences. */
export const CODE_CHECKS: { readonly [name: string]: (text: string) => Reading<string> } = {
  'credit-code': readCreditCode,
};

function codeChecks(schema: FlatSchema): (record: JsonObject, faults: Fault[]) => void {
  const checks = [...schema.fields].flatMap(([path, field]) => {
    const read = CODE_CHECKS[String(field['x-check'])];
    const steps = path.split('.');
    const member = steps.pop() ?? '';
    const parent: FieldReader = steps.length === 0 ? (record) => record : fieldReader(steps.join('.'));
    return read === undefined ? [] : [{ path, parent, member, read }];
  });
  return (record, faults) => {
    for (const { path, parent, member, read } of checks) {
      const owner = parent(record);
      const text = isJsonObject(owner) ? owner[member] : undefined;
      // A longer text is refused by maxLength already.
      if (!isJsonObject(owner) || typeof text !== 'string' || text.length > 64) continue;
      const reading = read(text);
      if (reading.faults.length > 0) faults.push(...at(path, reading.faults));
      if (reading.value !== undefined && reading.value !== text) (owner as Mutable)[member] = reading.value;
    }
  };
}

/** `x-number-pattern`: how the numbers of this type look; another look is doubtful, not wrong. */
function numberCheck(schema: FlatSchema): (record: JsonObject, faults: Fault[]) => void {
  const pattern = schema.keyword('x-number-pattern');
  if (typeof pattern !== 'string') return () => undefined;
  const regular = linearPattern(pattern);
  const doubtful: Fault = {
    ...fault(
      'warning',
      'LICENCE_NUMBER_UNUSUAL',
      `许可证号不像${schema.title.zh}的编号，请核对`,
      `the number does not look like one of this type (${schema.title.en}); please check`,
    ),
    path: 'number',
  };
  return (record, faults) => {
    if (typeof record.number === 'string' && record.number.length <= 64 && !regular.test(record.number))
      faults.push(doubtful);
  };
}

function freeTexts(schema: FlatSchema): (record: JsonObject) => Fault[] {
  const fields = textList(schema.keyword('x-free-text')).map((path) => ({ path, read: fieldReader(path) }));
  return (record) => {
    const faults: Fault[] = [];
    for (const { path, read } of fields) {
      const text = textAt(record, read);
      if (text === undefined) continue;
      const found = personalDataFaults(text.length > 10_000 ? text.slice(0, 10_000) : text);
      if (found.length > 0) faults.push(...at(path, found));
    }
    return faults;
  };
}

function withdrawal(schema: FlatSchema): (record: JsonObject) => boolean {
  const conditions = schema.keyword('x-withdrawn');
  return isJsonObject(conditions) ? matcher(conditions) : () => false;
}

/** No text with half characters (delivery.md T11): such a record has no digest. */
function isSound(record: JsonObject): boolean {
  for (const name in record) {
    const value = record[name];
    if (typeof value === 'string') {
      if (!value.isWellFormed()) return false;
    } else if (isJsonObject(value) && !isSound(value)) return false;
    else if (Array.isArray(value) && textFaults(value).length > 0) return false;
  }
  return true;
}

function searchTerms(schema: FlatSchema): (record: JsonObject) => SearchTerms {
  const paths = schema.keyword('x-search');
  const by = isJsonObject(paths) ? paths : {};
  const reader = (what: string): FieldReader => fieldReader(String(by[what] ?? ''));
  const [number, name, creditCode] = [reader('number'), reader('name'), reader('creditCode')];
  return (record) => ({
    number: textAt(record, number),
    name: textAt(record, name),
    creditCode: textAt(record, creditCode),
  });
}

function identityOf(
  schema: FlatSchema,
  authorities: Authorities,
  search: (record: JsonObject) => SearchTerms,
): UnifiedType['identity'] {
  const keys: Json | undefined = schema.keyword('x-key');
  const parts = (Array.isArray(keys) ? keys : []).map((part: Json) =>
    firstPresent(Array.isArray(part) ? textList(part) : [String(part)]),
  );
  const any = schema.keyword('x-any-issuer') === true;
  return (record) => {
    const natural: string[] = [];
    for (const part of parts) {
      const text = textAt(record, part);
      if (text !== undefined) natural.push(keyPart(text));
    }
    const issuer = record.issuer;
    const code = isJsonObject(issuer) && typeof issuer.code === 'string' ? issuer.code : '';
    if (natural.length < parts.length || (code === '' && !any)) return { faults: [NO_KEY] };
    return {
      key: recordKey(schema.name, any ? '' : code, natural),
      authority: authorities.byCode(code)[0]?.id ?? '',
      ...search(record),
    };
  };
}

/** `compareKey`, with a short way for codes. */
const keyPart = (text: string): string => (/^[0-9A-Za-z-]+$/.test(text) ? text.toLowerCase() : compareKey(text));

const NO_KEY = fault(
  'error',
  'RECORD_KEY_MISSING',
  '缺少确定业务主键所需的字段（编号、相对人、机关代码），请补正',
  'fields that make the record key are missing (number, party, authority code); mend them',
);
