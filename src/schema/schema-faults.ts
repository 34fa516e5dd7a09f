import type { ErrorObject } from 'ajv';
import { type Fault, fault } from '../fault.ts';
import type { Title } from '../job/job.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';

/** At most so many faults are listed for one record: more help nobody and could fill the quarantine. */
const MOST_FAULTS = 20;

/** Chinese and English name of a field by its dotted path. */
export type Labels = ReadonlyMap<string, Title>;

/** Faults of a unified record (to be mended in the bureau's system) or of an outbound one (a column of a platform's form). */
export type Stage = 'unified' | 'outbound';

/** ajv's errors as sentences. Values are never quoted: a field may hold a person's id number. */
export function schemaFaults(errors: readonly ErrorObject[], labels: Labels, stage: Stage): Fault[] {
  return errors.filter(isOwn).map((error) => schemaFault(error, labels, stage));
}

/** Errors from inside anyOf or if only explain the one beside them, which carries the hint. */
const isOwn = ({ schemaPath, keyword }: ErrorObject): boolean =>
  !/\/(anyOf|oneOf|not)\//.test(schemaPath) && keyword !== 'if';

function schemaFault(error: ErrorObject, labels: Labels, stage: Stage): Fault {
  const path = pathOf(error);
  const label = labels.get(path.replace(/\.\d+$/, '')) ?? { zh: '', en: '' };
  const { code, zh, en } = sentence(error);
  const mend = stage === 'outbound' ? MEND_OUTBOUND : MEND_UNIFIED;
  const name =
    path === ''
      ? { zh: '', en: 'the record' }
      : { zh: `${label.zh}（${shown(path)}）`, en: `${label.en} (${shown(path)})` };
  return {
    ...fault(
      'error',
      stage === 'outbound' ? outboundCode(code) : code,
      `${name.zh}${zh}；${mend.zh}`,
      `${name.en} ${en}; ${mend.en}`,
    ),
    path,
  };
}

const MEND_UNIFIED = {
  zh: '请在业务系统中补正，或检查作业的映射',
  en: "mend it in the bureau's system, or check the job's mapping",
};
const MEND_OUTBOUND = {
  zh: '请由业务处室在业务系统中补正后重新归集',
  en: "the division mends it in the bureau's system, then pull again",
};

const outboundCode = (code: string): string => {
  if (code === 'FIELD_MISSING' || code === 'FIELD_TOO_LONG' || code === 'FIELD_UNKNOWN') return `OUTBOUND_${code}`;
  return code === 'FIELD_EMPTY' ? 'OUTBOUND_FIELD_MISSING' : 'OUTBOUND_FIELD_WRONG';
};

/** A field name of somebody's data, cut so that it cannot flood a sentence. */
const shown = (path: string): string => (path.length > 60 ? `${path.slice(0, 60).toWellFormed()}…` : path);

function pathOf({ instancePath, params }: ErrorObject): string {
  const last: unknown = params.missingProperty ?? params.additionalProperty ?? params.unevaluatedProperty;
  const steps = instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (typeof last === 'string' ? [...steps, last] : steps).join('.');
}

interface Sentence {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}

function sentence({ keyword, params, parentSchema }: ErrorObject): Sentence {
  const hint = hintOf(parentSchema);
  switch (keyword) {
    case 'required':
    case 'dependentRequired':
      return { code: 'FIELD_MISSING', zh: '未填', en: 'is missing' };
    case 'minLength':
      return { code: 'FIELD_EMPTY', zh: '为空', en: 'is empty' };
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return { code: 'FIELD_UNKNOWN', zh: '不是这一类记录的字段', en: 'is no field of this type' };
    case 'type':
      return {
        code: 'FIELD_TYPE_WRONG',
        zh: `类型不对，应为 ${params.type}`,
        en: `has the wrong type, ${params.type} is wanted`,
      };
    case 'enum':
    case 'const':
      return { code: 'FIELD_NOT_LISTED', zh: `只能是 ${listed(params)}`, en: `must be one of ${listed(params)}` };
    case 'maxLength':
      return {
        code: 'FIELD_TOO_LONG',
        zh: `超长，至多 ${params.limit} 个字符`,
        en: `is too long, at most ${params.limit} characters`,
      };
    case 'format':
      return {
        code: 'FIELD_DATE_WRONG',
        zh: `写法不符或日期不存在（${params.format}）`,
        en: `is not written as ${params.format} or does not exist`,
      };
    case 'pattern':
      return { code: 'FIELD_PATTERN_WRONG', ...(hint ?? { zh: '写法不符', en: 'is not written as agreed' }) };
    case 'anyOf':
      return { code: 'FIELD_NOT_LISTED', ...(hint ?? { zh: '不在所列范围内', en: 'is none of the listed' }) };
    default:
      return { code: 'FIELD_WRONG', ...(hint ?? { zh: '不合要求', en: 'does not fit' }) };
  }
}

const listed = (params: { readonly [name: string]: unknown }): string =>
  [params.allowedValues ?? params.allowedValue].flat().map(String).join('、');

function hintOf(schema: ErrorObject['parentSchema']): Title | undefined {
  const hint: unknown = schema?.['x-hint'];
  return isTitle(hint) ? hint : undefined;
}

/** `{ zh, en }`, both filled. */
export const isTitle = (value: unknown): value is Title & JsonObject =>
  isJsonObject(value) && isText(value.zh) && isText(value.en) && Object.keys(value).length === 2;

const isText = (value: Json | undefined): value is string => typeof value === 'string' && value.trim() !== '';

/** The first `MOST_FAULTS`, errors first; the last one then says how many are left out. */
export function cutFaults(faults: Fault[]): Fault[] {
  if (faults.length <= MOST_FAULTS) return faults;
  const rank = { error: 0, warning: 1, note: 2 };
  const sorted = faults.toSorted((a, b) => rank[a.level] - rank[b.level]);
  const left = faults.length - MOST_FAULTS + 1;
  return [
    ...sorted.slice(0, MOST_FAULTS - 1),
    fault(
      'warning',
      'FAULTS_CUT',
      `还有 ${left} 处问题未列出，请先改正以上各处`,
      `${left} more faults are not listed; mend these first`,
    ),
  ];
}
