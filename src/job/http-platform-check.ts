import { isJsonObject, type Json } from '../json.ts';
import type { BodyTemplate, HttpPlatformSpec, SortedSign } from '../platform-spec.ts';
import { EACH } from '../wire/body-template.ts';
import { missingAlgorithm } from '../wire/missing-algorithm.ts';
import { appKeyBytes } from '../wire/platform-secret.ts';
import { type TemplateFault, templateFaults, textFaults } from '../wire/template-check.ts';
import { CALL_NAMES, QUERY_NAMES } from '../wire/template-names.ts';
import { tlsMaterial } from '../wire/tls-material.ts';

/** A fault below `platform`, with the way to it. */
export type PlatformFault = TemplateFault;

export interface HttpCheckContext {
  /** Columns of the forms that this job sends. */
  readonly columns: ReadonlySet<string>;
  /** Is there a HUB_SECRET_KEY? */
  readonly hasSecretKey: boolean;
}

/** What the shape of an http platform cannot say: templates, placeholders, and what must stand together. */
export function httpPlatformFaults(spec: HttpPlatformSpec, context: HttpCheckContext): readonly PlatformFault[] {
  return [
    ...bodyFaults(spec, context),
    ...callFaults(spec),
    ...queryFaults(spec),
    ...loginFaults(spec),
    ...noticesFaults(spec),
    ...(typeof spec.sign === 'object' ? signFaults(spec.sign, spec) : []),
    ...tlsFaults(spec),
    ...refreshFaults(spec, context),
  ];
}

const noticesFaults = ({ notices, login }: HttpPlatformSpec): PlatformFault[] =>
  notices === undefined || notices === false || login === undefined
    ? []
    : [
        fault(
          ['notices'],
          '用 login 取令牌的平台不能取通知：请删去 notices，收到通知后用 hub repair 登记',
          'notices cannot be asked with the token of a login: leave it out and enter them by hub repair',
        ),
      ];

const fault = (path: PlatformFault['path'], zh: string, en: string): PlatformFault => ({ path, zh, en });

const below = (path: PlatformFault['path'], faults: readonly TemplateFault[]): PlatformFault[] =>
  faults.map((each) => ({ ...each, path: [...path, ...each.path] }));

function bodyFaults(
  { body, batchSize, answer, query }: HttpPlatformSpec,
  { columns }: HttpCheckContext,
): PlatformFault[] {
  if (typeof body !== 'object') return [];
  const alone = batchSize === 1;
  const wrong = below(['body'], templateFaults(body, { columns, alone }));
  if (!alone && !repeats('xml' in body ? body.xml : body.json)) {
    wrong.push(
      fault(
        ['body'],
        `模板没有 ${EACH}: records，只能逐条报送：请设 batchSize: 1`,
        `without ${EACH}: records each request carries one record: set batchSize: 1`,
      ),
    );
  }
  if (answer === undefined)
    wrong.push(
      fault(['body'], '自定报文要写 answer，说明怎样读回答', 'with a template `answer` says how to read the answer'),
    );
  if (query === undefined)
    wrong.push(
      fault(
        ['body'],
        '自定报文要写 query；平台没有查询接口就写 query: none',
        'with a template `query` is needed; write `query: none` where the platform has none',
      ),
    );
  return wrong;
}

const repeats = (tree: Json): boolean => {
  if (tree === null || typeof tree !== 'object') return false;
  if (!isJsonObject(tree)) return tree.some(repeats);
  return tree[EACH] !== undefined || Object.values(tree).some(repeats);
};

function callFaults(spec: HttpPlatformSpec): PlatformFault[] {
  const names = spec.login === undefined ? CALL_NAMES : [...CALL_NAMES, 'token'];
  const query = typeof spec.query === 'object' ? requestFaults(['query'], spec.query, names) : [];
  return [...(spec.submit === undefined ? [] : requestFaults(['submit'], spec.submit, names)), ...query];
}

function requestFaults(
  path: PlatformFault['path'],
  { path: address, headers = {} }: { readonly path: string; readonly headers?: { readonly [name: string]: string } },
  names: readonly string[],
): PlatformFault[] {
  const texts: [string[], string][] = Object.entries(headers).map(([name, value]) => [['headers', name], value]);
  texts.push([['path'], address]);
  return texts.flatMap(([where, text]) => namedFaults([...path, ...where], text, names));
}

const namedFaults = (path: PlatformFault['path'], text: string, names: readonly string[]): PlatformFault[] =>
  textFaults(text, { path, each: false }, { columns: NO_COLUMNS, alone: false, names, records: false });

const NO_COLUMNS: ReadonlySet<string> = new Set();

function smallFaults(
  path: PlatformFault['path'],
  body: BodyTemplate | undefined,
  names: readonly string[],
): PlatformFault[] {
  if (body === undefined) return [];
  return below([...path, 'body'], templateFaults(body, { columns: NO_COLUMNS, alone: false, names, records: false }));
}

function queryFaults({ query, batchSize, idempotent, body }: HttpPlatformSpec): PlatformFault[] {
  if (query === 'none' && idempotent === undefined && typeof body === 'object') {
    return [
      fault(
        ['query'],
        '没有查询接口时请写明 idempotent：平台是否保证同一批次号只生效一次',
        'without a query say `idempotent`: does the platform promise one effect per package id?',
      ),
    ];
  }
  if (typeof query !== 'object') return [];
  const names = batchSize === 1 ? QUERY_NAMES : QUERY_NAMES.filter((name) => !name.startsWith('row'));
  return smallFaults(['query'], query.body, names);
}

function loginFaults({ login, submit, query }: HttpPlatformSpec): PlatformFault[] {
  if (login === undefined) return [];
  const used = JSON.stringify([submit?.headers ?? {}, query]).includes('{token}');
  return [
    ...requestFaults(['login'], login, ['timestamp', 'nonce']),
    ...smallFaults(['login'], login.body, ['timestamp', 'nonce']),
    ...(used ? [] : [fault(['login'], '没有任何请求头用到 {token}', 'no header uses {token}')]),
  ];
}

function signFaults(sign: SortedSign, { login }: HttpPlatformSpec): PlatformFault[] {
  const names = login === undefined ? CALL_NAMES : [...CALL_NAMES, 'token'];
  const wrong = Object.entries(sign.params).flatMap(([name, value]) =>
    namedFaults(['sign', 'params', name], value, names),
  );
  const missing = missingAlgorithm(sign);
  if (missing !== undefined) {
    wrong.push(
      fault(['sign', 'algorithm'], `本机 Node 的 OpenSSL 不支持 ${missing}`, `this Node's OpenSSL has no ${missing}`),
    );
  }
  if (sign.algorithm !== 'sm2' && sign.secret === undefined) {
    wrong.push(fault(['sign'], `${sign.algorithm} 需要 secret`, `${sign.algorithm} needs a secret`));
  }
  if (sign.algorithm === 'sm2' && !/^[0-9a-f]{64}$/i.test(sign.privateKey ?? '')) {
    wrong.push(fault(['sign'], 'sm2 需要 64 位十六进制的 privateKey', 'sm2 needs a privateKey of 64 hex digits'));
  }
  return wrong;
}

export function tlsFaults({ tls }: Pick<HttpPlatformSpec, 'tls'>): PlatformFault[] {
  if (tls === undefined) return [];
  const wrong = (tls.pins ?? []).filter((pin) => Buffer.from(pin, 'base64').length !== 32);
  if (wrong.length > 0)
    return [fault(['tls', 'pins'], '应为公钥 SHA-256 的 Base64', 'must be the Base64 of a SHA-256')];
  const read = tlsMaterial(tls);
  return 'material' in read ? [] : [fault(['tls'], read.zh, read.en)];
}

function refreshFaults({ auth }: HttpPlatformSpec, { hasSecretKey }: HttpCheckContext): PlatformFault[] {
  if (auth === undefined || !('hmac' in auth) || !('refresh' in auth.hmac)) return [];
  const { appKey, cipher } = auth.hmac.refresh;
  const path = ['auth', 'hmac', 'refresh'];
  const wrong: PlatformFault[] = [];
  if (!hasSecretKey) {
    wrong.push(
      fault(
        path,
        '平台签发的密钥要加密保存：请设 HUB_SECRET_KEY（openssl rand -hex 32）',
        'an issued secret is kept encrypted: set HUB_SECRET_KEY (openssl rand -hex 32)',
      ),
    );
  }
  if (appKeyBytes(appKey, cipher) === undefined) {
    wrong.push(
      fault([...path, 'appKey'], 'appKey 的长度与 cipher 不符', 'appKey has not the length that cipher needs'),
    );
  }
  return wrong;
}
