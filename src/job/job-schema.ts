import { isScalar } from 'yaml';
import { platform } from './platform-shape.ts';
import { cronFault } from './schedule.ts';
import { type Members, optional, required, type Shape, type TextCheck, text } from './shape.ts';
import {
  auth,
  byUse,
  checked,
  clock,
  day,
  duration,
  hasMember,
  httpUrl,
  identifier,
  integer,
  list,
  nameOf,
  object,
  oneOf,
  sqlUrl,
  textOf,
  texts,
} from './shape-words.ts';

/** What the sets of names in a job may be; the rest of its shape is fixed. */
export interface JobVocabulary {
  readonly types: readonly string[];
  readonly forms: readonly string[];
  readonly formats: readonly string[];
  /** Hosts that jobs may speak to (HUB_ALLOWED_HOSTS); empty: all. */
  readonly hosts: readonly string[];
}

/** The shape of one file in jobs/ (design.md §6); the contract types are those of job.ts, source.ts and platform.ts. */
export function jobShape(vocabulary: JobVocabulary): Shape {
  const pull = object({
    ...head('pull'),
    division: required(text),
    source: required(source(vocabulary)),
    type: required(nameOf(vocabulary.types)),
    id: optional(text),
    authority: optional(text),
    authorities: optional(list(text)),
    mapping: required({ is: 'map', of: fieldRule(vocabulary), min: 1 }),
    samples: required(list(sample, 1)),
  });
  const push = object({
    ...head('push'),
    duty: optional(duty),
    platform: required(platform(vocabulary)),
    types: required({ is: 'map', of: forms(vocabulary), key: typePattern(vocabulary), min: 1 }),
    deadlines: optional({ is: 'map', of: deadline, key: typePattern(vocabulary), min: 1 }),
    confirm: optional({ is: 'map', of: oneOf('required'), key: typePattern(vocabulary), min: 1 }),
  });
  const unknown: Shape = { is: 'object', members: head('pull', 'push'), open: true };
  const kinds: { readonly [kind: string]: Shape } = { pull, push };
  return { is: 'choice', choose: (node) => kinds[textOf(node, 'kind')] ?? unknown };
}

const cron = checked(cronFault);

const head = (...kinds: readonly string[]): Members => ({
  kind: required(oneOf(...kinds)),
  title: required(object({ zh: required(text), en: required(text) })),
  schedule: optional(object({ cron: required(cron), catchUp: optional(duration) })),
});

const deadline = object({ workdays: required(integer(1, 250)), basis: required(text) });

const duty = object({
  basis: required(text),
  every: required(oneOf('friday', 'month')),
  start: required(clock),
  due: required(clock),
  grace: required(duration),
  whenOff: optional(oneOf('previous-workday', 'next-workday', 'same-day')),
  makeUpSunday: optional({ is: 'boolean' }),
  goLive: required(day),
  extraPush: optional(oneOf('propose', 'make')),
});

const paging: Shape = {
  is: 'choice',
  choose: (node) => {
    const size = { size: optional(text) };
    const limit = integer(1, 100_000);
    if (hasMember(node, 'page')) {
      return object({ page: required(text), ...size, limit: required(limit), first: optional(integer(0, 1)) });
    }
    if (hasMember(node, 'offset')) return object({ offset: required(text), ...size, limit: required(limit) });
    if (hasMember(node, 'cursor'))
      return object({ cursor: required(text), next: required(text), ...size, limit: optional(limit) });
    return object({ next: required(text) });
  },
};

const source = ({ hosts }: JobVocabulary): Shape => {
  const http = object({
    use: required(oneOf('http')),
    url: required(checked(httpUrl(hosts))),
    auth: optional(auth),
    headers: optional(texts),
    query: optional(texts),
    format: optional(oneOf('json', 'xml')),
    items: optional(text),
    total: optional(text),
    paging: optional(paging),
    cursor: optional(object({ field: required(text), param: optional(text), overlap: optional(duration) })),
    timeout: optional(integer(1, 3600)),
  });
  const sql = object({
    use: required(oneOf('sql')),
    url: required(checked(sqlUrl(hosts))),
    table: required(identifier),
    columns: optional(list(identifier, 1)),
    id: required(identifier),
    updatedAt: optional(identifier),
    overlap: optional(duration),
    limit: optional(integer(1, 100_000)),
  });
  const files = object({
    use: required(oneOf('files')),
    folder: required(text),
    match: optional(text),
    format: optional(oneOf('csv', 'tsv', 'xlsx', 'ndjson', 'json', 'xml')),
    encoding: optional(oneOf('utf-8', 'gb18030')),
    items: optional(text),
    sheet: optional(text),
    marker: optional(text),
    settle: optional(duration),
    snapshot: optional({ is: 'boolean' }),
    byHand: optional({ is: 'boolean' }),
  });
  return byUse({ http, sql, files });
};

const fieldRule = ({ formats }: JobVocabulary): Shape => {
  const rule = object({
    from: optional({ is: 'choice', choose: (node) => (isScalar(node) ? text : list(text, 1)) }),
    const: optional({ is: 'json' }),
    as: optional({ is: 'text', oneOf: formats }),
    lookup: optional({ is: 'map', of: { is: 'json' }, min: 1 }),
    default: optional({ is: 'json' }),
  });
  return { is: 'choice', choose: (node) => (isScalar(node) ? text : rule) };
};

const anyMap: Shape = { is: 'map', of: { is: 'json' } };
const sample = object({ raw: required(anyMap), gives: optional(anyMap), faults: optional(list(text, 1)) });

const forms = ({ forms }: JobVocabulary): Shape => {
  const form = nameOf(forms);
  return { is: 'choice', choose: (node) => (isScalar(node) ? form : list(form, 1)) };
};

/** `licence/*` or one type's full name. */
const matchesType = (pattern: string, type: string): boolean =>
  pattern.endsWith('/*') ? type.startsWith(pattern.slice(0, -1)) : pattern === type;

const typePattern =
  ({ types }: JobVocabulary): TextCheck =>
  (pattern) =>
    types.length === 0 || types.some((type) => matchesType(pattern, type))
      ? undefined
      : {
          zh: `没有一种记录类型符合 ${pattern}，现有 ${types.join(', ')}`,
          en: `no record type matches ${pattern}; known are ${types.join(', ')}`,
        };
