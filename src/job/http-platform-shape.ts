import { isMap, isScalar, type Node } from 'yaml';
import { terms, tls } from './platform-terms.ts';
import { optional, required, type Shape, type TextCheck, text } from './shape.ts';
import {
  auth,
  checked,
  duration,
  hasMember,
  httpUrl,
  integer,
  list,
  object,
  oneOf,
  secret,
  texts,
} from './shape-words.ts';

/** `platform: { use: http, … }` (HttpPlatformSpec); what hangs together is judged by http-platform-check.ts. */
export const http = (hosts: readonly string[]): Shape =>
  object({
    ...terms,
    use: required(oneOf('http')),
    url: required(checked(httpUrl(hosts))),
    auth: optional(platformAuth),
    sign: optional({ is: 'choice', choose: (node) => (isMap(node) ? sortedSign : oneOf('hmac-sha256')) }),
    body: optional({ is: 'choice', choose: (node) => (isScalar(node) ? oneOf('json') : template) }),
    submit: optional(object(request)),
    answer: optional(answer),
    query: optional({ is: 'choice', choose: (node) => (isScalar(node) ? oneOf('none') : query) }),
    notices: optional(notices),
    login: optional(login),
    tls: optional(tls),
    idempotent: optional({ is: 'boolean' }),
    anchor: optional(object({ header: required(checked(headerFault)) })),
    notProcessed: optional(list(integer(400, 599))),
    // The lease that guards a push lasts 60 s: a request must end well before (delivery.md §1.9).
    timeout: optional(integer(1, 29)),
  });

const headerFault: TextCheck = (value) =>
  /^X-[A-Za-z0-9-]{1,64}$/.test(value)
    ? undefined
    : { zh: '应写成 X- 开头的请求头名', en: 'write the name of a header that begins with X-' };

/** Behind the platform's url: credentials never go to another host. */
const path = checked((value) =>
  /^\//.test(value) && !/^\/\//.test(value)
    ? undefined
    : { zh: '应以 / 开头，接在 url 之后', en: 'begins with / and is put behind url' },
);
/** `true`, or where the list stands. */
const notices: Shape = {
  is: 'choice',
  choose: (node) => (isScalar(node) && typeof node.value === 'boolean' ? { is: 'boolean' } : listPath),
};
const listPath = checked((value) =>
  /^\/[^/?#{}][^?#{}]*$/.test(value)
    ? undefined
    : {
        zh: '应为 true，或以 / 开头的路径，不带参数',
        en: 'write true, or a path that begins with / and has no parameters',
      },
);
const request = { path: required(path), headers: optional(texts) };
const codes = list(text, 1);
const form = oneOf('json', 'xml');
const within = object({ at: required(text), form: required(form) });

/** The tree itself is judged by template-check.ts, with the columns of the job's forms. */
const template: Shape = {
  is: 'choice',
  choose: (node) =>
    hasMember(node, 'xml')
      ? object({ xml: required(tree), type: optional(text) })
      : object({ json: required(tree), type: optional(text) }),
};
const tree: Shape = {
  is: 'choice',
  choose: (node: Node) => (isMap(node) ? branches : isScalar(node) ? { is: 'json' } : items),
};
const SECRET_KEYS = /token|secret|passw|passwd|authorization|appkey/i;
const branches: Shape = { is: 'map', of: tree, secretKeys: SECRET_KEYS };
const items: Shape = list(tree);

const answer: Shape = object({
  form: optional(form),
  within: optional(within),
  code: required(text),
  codes: required(
    object({
      accepted: optional(codes),
      received: optional(codes),
      rejected: optional(codes),
      refused: optional(codes),
      conflict: optional(codes),
      notProcessed: optional(codes),
      absent: optional(codes),
      loginExpired: optional(codes),
    }),
  ),
  fault: optional(text),
  message: optional(text),
  receipt: optional(text),
  echo: optional(text),
  count: optional(text),
  digest: optional(text),
  results: optional(
    object({
      at: required(text),
      row: required(text),
      code: required(text),
      message: optional(text),
      platformId: optional(text),
      accepted: required(codes),
      lists: optional(oneOf('all', 'rejected')),
    }),
  ),
});

const query = object({ ...request, body: optional(template), answer: required(answer) });

const login = object({
  ...request,
  body: optional(template),
  form: optional(form),
  within: optional(within),
  token: required(text),
  code: optional(text),
  good: optional(codes),
  goodFor: optional(duration),
  expiredStatus: optional(list(integer(400, 599), 1)),
});

const sortedSign = object({
  use: required(oneOf('sorted-params')),
  algorithm: required(oneOf('hmac-sm3', 'hmac-sha256', 'sm2')),
  params: required({ is: 'map', of: text, min: 1, secretKeys: SECRET_KEYS }),
  secret: optional(secret),
  secretParam: optional(text),
  privateKey: optional(secret),
  as: required(text),
  into: required(oneOf('query', 'headers')),
  encoding: optional(oneOf('hex', 'HEX', 'base64')),
});

const refresh = object({
  path: required(path),
  appKey: required(secret),
  cipher: optional(oneOf('aes-128-ecb', 'aes-256-ecb', 'aes-128-cbc', 'aes-256-cbc')),
  secret: optional(text),
  endTime: optional(text),
  code: optional(text),
  good: optional(codes),
  before: optional(duration),
});

const platformAuth: Shape = {
  is: 'choice',
  choose: (node) => {
    const hmac = isMap(node) ? node.get('hmac') : undefined;
    if (!isMap(hmac) || !hmac.has('refresh')) return auth;
    const identity = { requesterId: required(text), serviceId: required(text), secret: required(secret) };
    return object({ hmac: required(object({ ...identity, refresh: required(refresh) })) });
  },
};
