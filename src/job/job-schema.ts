import { isMap, isScalar, type Node } from 'yaml';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { durationS } from './duration.ts';
import { cronFault } from './schedule.ts';
import { type Members, optional, required, type Shape, type TextCheck, text } from './shape.ts';
import { VARIABLE } from './yaml-file.ts';

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
  });
  const unknown: Shape = { is: 'object', members: head('pull', 'push'), open: true };
  const kinds: { readonly [kind: string]: Shape } = { pull, push };
  return { is: 'choice', choose: (node) => kinds[textOf(node, 'kind')] ?? unknown };
}

/** Where schemas are broken there are no names to compare with: their own faults come first. */
const nameOf = (names: readonly string[]): Shape => (names.length === 0 ? text : { is: 'text', oneOf: names });

const object = (members: Members): Shape => ({ is: 'object', members });
const list = (of: Shape, min = 0): Shape => ({ is: 'list', of, min });
const oneOf = (...words: readonly string[]): Shape => ({ is: 'text', oneOf: words });
const checked = (check: TextCheck): Shape => ({ is: 'text', check });
const integer = (min: number, max: number): Shape => ({ is: 'integer', min, max });
const secret: Shape = { is: 'text', secret: true };
/** Headers and parameters: those named like secrets must not stand in clear. */
const texts: Shape = { is: 'map', of: text, secretKeys: /token|secret|password|authorization|cookie|sign|key$/i };

const matching =
  (pattern: RegExp, zh: string, en: string): TextCheck =>
  (value) =>
    pattern.test(value) ? undefined : { zh, en };

const duration = checked((value) =>
  durationS(value) === undefined
    ? { zh: '时长应写成 90s、10m、20h 或 7d', en: 'write a duration as 90s, 10m, 20h or 7d' }
    : undefined,
);
const clock = checked(matching(/^([01]\d|2[0-3]):[0-5]\d$/, '时刻应写成 "09:00"', 'write a time of day as "09:00"'));
const day = checked(
  matching(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, '日期应写成 2026-12-04', 'write a date as 2026-12-04'),
);
/** SQL identifiers never come quoted from outside (faults.md S21). */
const identifier = checked(
  matching(
    /^[A-Za-z_][A-Za-z0-9_]{0,63}$/,
    '表名、列名只能用字母、数字和下划线',
    'letters, digits and underscores only in table and column names',
  ),
);

const cron = checked(cronFault);

const head = (...kinds: readonly string[]): Members => ({
  kind: required(oneOf(...kinds)),
  title: required(object({ zh: required(text), en: required(text) })),
  schedule: optional(object({ cron: required(cron), catchUp: optional(duration) })),
});

const duty = object({
  basis: required(text),
  every: required(oneOf('friday')),
  start: required(clock),
  due: required(clock),
  grace: required(duration),
  whenOff: required(oneOf('previous-workday', 'next-workday', 'same-day')),
  goLive: required(day),
});

const auth: Shape = {
  is: 'choice',
  choose: (node) => {
    if (hasMember(node, 'header')) return object({ header: required({ is: 'map', of: secret, min: 1 }) });
    if (hasMember(node, 'hmac')) {
      return object({
        hmac: required(object({ requesterId: required(text), serviceId: required(text), secret: required(secret) })),
      });
    }
    return object({ bearer: required(secret) });
  },
};

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
  });
  return byUse({ http, sql, files });
};

const platform = ({ hosts }: JobVocabulary): Shape =>
  byUse({
    http: object({
      use: required(oneOf('http')),
      url: required(checked(httpUrl(hosts))),
      auth: optional(auth),
      sign: optional(oneOf('hmac-sha256')),
      batchSize: optional(integer(1, 1000)),
      concurrency: optional(integer(1, 16)),
      receipts: optional(oneOf('sync', 'async')),
      idempotent: optional({ is: 'boolean' }),
      notProcessed: optional(list(integer(400, 599))),
      // The lease that guards a push lasts 60 s: a request must end well before (delivery.md §1.9).
      timeout: optional(integer(1, 29)),
      querySettle: optional(duration),
      answerWithin: optional(duration),
      doneWhen: optional(oneOf('handed-over', 'received', 'answered')),
      nil: optional(oneOf('message', 'report')),
      sender: optional(object({ code: required(text), name: required(text) })),
    }),
  });

/** With a wrong `use` nothing else can be judged: complain of that member alone. */
function byUse(shapes: { readonly [use: string]: Shape }): Shape {
  const unknown: Shape = { is: 'object', members: { use: required(oneOf(...Object.keys(shapes))) }, open: true };
  return { is: 'choice', choose: (node) => shapes[textOf(node, 'use')] ?? unknown };
}

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

const httpUrl =
  (hosts: readonly string[]): TextCheck =>
  (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol)) {
      return {
        zh: '应为 http:// 或 https:// 开头的网址',
        en: 'must be an address that begins with http:// or https://',
      };
    }
    if (url.username !== '' || url.password !== '') {
      return { zh: '网址里不可带用户名和密码，请用 auth', en: 'no user name or password in an address; use auth' };
    }
    return notAllowed(url, hosts);
  };

const sqlUrl =
  (hosts: readonly string[]): TextCheck =>
  (value, written) => {
    if (/^sqlite:./.test(value)) return undefined;
    if (/:\/\/[^/@:]*:[^@]+@/.test(written.replace(VARIABLE, ''))) return CLEAR_PASSWORD;
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (
      url === undefined ||
      !/^[a-z][a-z0-9]*:$/.test(url.protocol) ||
      url.hostname === '' ||
      url.pathname.length < 2
    ) {
      return {
        zh: '应写成 sqlite:路径 或 mysql://用户:密码@主机:端口/库名',
        en: 'write sqlite:path or mysql://user:password@host:port/database',
      };
    }
    return notAllowed(url, hosts);
  };

const CLEAR_PASSWORD = {
  zh: '密码不可写明文，请把它（或整个地址）写成 ${变量名} 并把值放进 .env',
  en: 'no password in clear: write it, or the whole address, as ${NAME} and put its value into .env',
};

function notAllowed(url: URL, hosts: readonly string[]): ReturnType<TextCheck> {
  const port = Number(url.port || USUAL_PORTS[url.protocol]);
  if (hosts.length === 0 || allowedHosts(hosts).allowsName(url.hostname, port)) return undefined;
  return {
    zh: `${url.host} 不在 HUB_ALLOWED_HOSTS 之列；确属可信请加入`,
    en: `${url.host} is not in HUB_ALLOWED_HOSTS; add it if it can be trusted`,
  };
}

const USUAL_PORTS: { readonly [protocol: string]: number } = {
  'http:': 80,
  'https:': 443,
  'mysql:': 3306,
  'mariadb:': 3306,
};

const hasMember = (node: Node, member: string): boolean => isMap(node) && node.has(member);

const textOf = (node: Node, member: string): string => {
  const value = isMap(node) ? node.get(member) : undefined;
  return typeof value === 'string' ? value : '';
};
