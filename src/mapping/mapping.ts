import { SetupError } from '../errors.ts';
import { at, type Fault, fault } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { type Reader, readers, readPlainDate } from '../rules/formats.ts';
import { isPlaceholder } from '../rules/placeholder.ts';
import { quote } from '../rules/quote.ts';
import { checkMapping } from './mapping-check.ts';
import type { FieldRule, FormatName, MappingSpec } from './mapping-spec.ts';

/** A raw row's fields in the shape of the unified record; faults stand at their dotted paths in it. */
export interface Mapped {
  readonly record: JsonObject;
  readonly faults: Fault[];
}

export type Mapping = (fields: JsonObject) => Mapped;

/**
 * Compiles a mapping once to closures. Blank values are absent, so are fillers (无, /, 暂无 …) of fields with a format, with a
 * warning; `from: [a, b]` takes the first that is present, then `default`. A lookup comes before the format. 长期 in a `…Until` field
 * becomes null, beside `validFrom` with `longTerm: true`. Throws SetupError, with all faults, for a spec that `checkMapping` refuses.
 */
export function compileMapping(spec: MappingSpec): Mapping {
  const wrong = checkMapping(spec);
  if (wrong.length > 0) throw new SetupError(wrong.map(({ path, zh, en }) => ({ where: `mapping.${path}`, zh, en })));
  const steps = Object.entries(spec).map(([target, rule]) => compileStep(target, rule, spec));
  return (fields) => {
    const record: Draft = {};
    const faults: Fault[] = [];
    for (const step of steps) step(fields, record, faults);
    return { record, faults };
  };
}

interface Draft {
  [name: string]: Json | Draft;
}

type Step = (fields: JsonObject, record: Draft, faults: Fault[]) => void;
type Take = (fields: JsonObject) => Json | undefined;
type Put = (record: Draft, value: Json) => void;
type Convert = (value: Json, faults: Fault[]) => Json | undefined;

function compileStep(target: string, rule: FieldRule, spec: MappingSpec): Step {
  const put = compilePut(target, spec);
  if (typeof rule !== 'string' && rule.const !== undefined) {
    const constant = rule.const;
    return (_, record) => put(record, constant);
  }
  const { from, default: fallback } = typeof rule === 'string' ? { from: rule, default: undefined } : rule;
  const sources = (typeof from === 'string' ? [from] : (from ?? [])).map(compileTake);
  const convert = compileConvert(target, rule);
  return (fields, record, faults) => {
    for (const take of sources) {
      const raw = take(fields);
      if (raw === undefined) continue;
      const before = faults.length;
      const value = convert(raw, faults);
      if (value !== undefined) return put(record, value);
      if (faults.slice(before).some(({ level }) => level === 'error')) return;
    }
    if (fallback !== undefined) put(record, fallback);
  };
}

/** The value at a raw field, trimmed; undefined when there is none. The whole name comes first, because column titles may hold dots. */
function compileTake(from: string): Take {
  const path = from.split('.');
  if (path.length === 1) return (fields) => present(fields[from]);
  return (fields) => {
    let value: Json | undefined = fields;
    for (const name of path) value = isJsonObject(value) ? value[name] : undefined;
    return present(fields[from] ?? value);
  };
}

function present(value: Json | undefined): Json | undefined {
  if (typeof value === 'string') {
    const trimmed = value.trim();
    return trimmed === '' ? undefined : trimmed;
  }
  return value === null || (Array.isArray(value) && value.length === 0) ? undefined : value;
}

function compileConvert(target: string, rule: FieldRule): Convert {
  if (typeof rule === 'string' || (rule.as === undefined && rule.lookup === undefined)) return (value) => value;
  const look = rule.lookup === undefined ? undefined : compileLookup(target, rule.lookup);
  if (rule.as === undefined) return look ?? ((value) => value);
  const apply = compileReader(target, rule.as);
  if (look === undefined) return apply;
  return (value, faults) => {
    const found = look(value, faults);
    return found === undefined || found === null ? found : apply(found, faults);
  };
}

/** Formats in which 无 or / may be an answer. */
const MEANS_NONE: ReadonlySet<string> = new Set(['text', 'boolean', 'name']);
/** Formats that have their own say about zeros: 000… is a hard reject, a long term, nothing to pay. */
const JUDGES_ZEROS: ReadonlySet<string> = new Set(['credit-code', 'date', 'amount-yuan', 'amount-wan-yuan']);

function compileReader(target: string, as: FormatName): Convert {
  const reader: Reader = as === 'date' && !target.endsWith('Until') ? readPlainDate : readers[as];
  const fillers = !MEANS_NONE.has(as);
  const own = (raw: string): boolean =>
    (raw.startsWith('0') && JUDGES_ZEROS.has(as)) || (raw === '空' && as === 'date');
  const filler = at(target, [FILLER]);
  return (raw, faults) => {
    if (fillers && typeof raw === 'string' && isPlaceholder(raw) && !own(raw)) {
      faults.push(...filler);
      return undefined;
    }
    const { value, faults: found } = reader(raw);
    if (found.length > 0) faults.push(...at(target, found));
    return value === '' ? undefined : value;
  };
}

function compileLookup(target: string, lookup: { readonly [raw: string]: Json }): Convert {
  const table = new Map(Object.entries(lookup));
  const known = [...table.keys()].slice(0, 20).join('、');
  return (value, faults) => {
    const found = typeof value === 'object' ? undefined : table.get(String(value));
    if (found === undefined) faults.push({ ...lookupUnknown(shown(value), known), path: target });
    return found;
  };
}

const shown = (value: Json): string => quote(typeof value === 'object' ? JSON.stringify(value) : String(value));

function compilePut(target: string, spec: MappingSpec): Put {
  const path = target.split('.');
  const last = path.pop() ?? '';
  const open = compileOpen(path);
  const begin = [...path, 'validFrom'].join('.');
  if (last !== 'validUntil' || !Object.hasOwn(spec, begin)) {
    return (record, value) => {
      open(record)[last] = value;
    };
  }
  return (record, value) => {
    const group = open(record);
    group[last] = value;
    if (value === null) group['longTerm'] = true;
  };
}

/** The object at a path of the record, made when missing; each object belongs to one record. */
function compileOpen(path: readonly string[]): (record: Draft) => Draft {
  const [first, ...rest] = path;
  if (first === undefined) return (record) => record;
  const inner = compileOpen(rest);
  return (record) => {
    const group = record[first];
    if (isDraft(group)) return inner(group);
    const made: Draft = {};
    record[first] = made;
    return inner(made);
  };
}

const isDraft = (value: Json | Draft | undefined): value is Draft =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const FILLER = fault(
  'warning',
  'VALUE_MISSING',
  '此处填的是“无”“/”“-”“0000”之类的占位内容，按未填处理；请补填，确无内容请留空',
  'this holds a filler such as 无, /, - or 0000 and counts as absent; fill it in, or leave it empty where there is nothing',
);

const lookupUnknown = (value: string, known: string): Fault =>
  fault(
    'error',
    'MAPPING_LOOKUP_UNKNOWN',
    `“${value}”不在已知取值中（${known}）；请业务系统改正，或在作业文件的 lookup 中补上`,
    `“${value}” is none of the known values (${known}); correct it at the bureau, or add it to the lookup in the job file`,
  );
