import pRetry from 'p-retry';
import { HubError, type Remedy } from '../errors.ts';
import type { FailureKind, HardenedHttp, HttpFailure, HttpHeaders } from '../hardened-http.ts';
import type { HttpSourceSpec } from '../source.ts';
import { authHeaders } from '../wire/exchange-sign.ts';

export interface Fetched {
  readonly url: URL;
  readonly headers: HttpHeaders;
  readonly body: Uint8Array;
}

export interface FetchOptions {
  readonly http: HardenedHttp;
  readonly spec: HttpSourceSpec;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/**
 * One page of bytes, or a HubError that tells the operator what to do. Only failures before any byte was sent are
 * tried again here, at most twice (delivery.md T21); everything slower is the runner's retry.
 */
export async function fetchPage(url: URL, options: FetchOptions): Promise<Fetched> {
  const { signal } = options;
  const answer = await pRetry(() => askOnce(url, options), {
    retries: 2,
    minTimeout: 200,
    maxTimeout: 1000,
    signal,
    shouldRetry: ({ error }) => error instanceof HubError && error.code === 'SOURCE_UNREACHABLE',
  });
  signal.throwIfAborted();
  return answer;
}

async function askOnce(url: URL, { http, spec, now, signal }: FetchOptions): Promise<Fetched> {
  const accept = spec.format === 'xml' ? 'application/xml, text/xml' : 'application/json';
  const headers = { Accept: accept, ...spec.headers, ...authHeaders(spec.auth, now()) };
  const outcome = await http.request({ method: 'GET', url: url.href, headers, signal });
  signal.throwIfAborted();
  if (outcome.outcome === 'failure') throw networkError(outcome);
  const { status, body } = outcome;
  if (status < 200 || status > 299) throw statusError(status, where(url));
  return { url, headers: outcome.headers, body };
}

/** An address as it may be printed: no query, no user, no fragment. */
export const where = (url: URL): string => `${url.origin}${url.pathname}`;

interface Advice {
  readonly code: string;
  readonly remedy: Remedy;
  readonly fix: string;
}

const UNREACHABLE: Advice = {
  code: 'SOURCE_UNREACHABLE',
  remedy: 'retry',
  fix: '检查业务系统是否开机、地址与端口是否正确、网络是否连通 (check that the bureau system runs and that address and network are right)',
};

const FAILURES: { readonly [K in FailureKind]: Advice } = {
  dns: UNREACHABLE,
  connect: UNREACHABLE,
  tls: {
    code: 'SOURCE_TLS_BROKEN',
    remedy: 'give-up',
    fix: '检查对方证书是否过期;内部 CA 的根证书请用 NODE_EXTRA_CA_CERTS 指定 (check the certificate; give an internal root by NODE_EXTRA_CA_CERTS)',
  },
  'host-refused': {
    code: 'SOURCE_HOST_REFUSED',
    remedy: 'give-up',
    fix: '确认地址无误后把主机加入 HUB_ALLOWED_HOSTS (add the host to HUB_ALLOWED_HOSTS if it is right)',
  },
  timeout: {
    code: 'SOURCE_SLOW',
    remedy: 'retry',
    fix: '减小 paging.limit 或加大 timeout,并请业务系统查看慢查询 (lower paging.limit or raise timeout)',
  },
  'cut-off': {
    code: 'SOURCE_CUT_OFF',
    remedy: 'retry',
    fix: '稍后自动重试;反复出现请查中间设备 (retried later; if it repeats look at the devices between)',
  },
  'too-large': {
    code: 'SOURCE_TOO_LARGE',
    remedy: 'give-up',
    fix: '减小 paging.limit,单页不得超过 64 MiB (lower paging.limit: a page may have 64 MiB)',
  },
  'body-too-large': { code: 'SOURCE_TOO_LARGE', remedy: 'give-up', fix: '减小请求 (make the request smaller)' },
  aborted: {
    code: 'SOURCE_ABORTED',
    remedy: 'retry',
    fix: '运行被中止,下次从同一位置继续 (the run was stopped; the next one goes on from here)',
  },
};

function networkError(failure: HttpFailure): HubError {
  const { code, ...advice } = FAILURES[failure.kind];
  return new HubError(code, failure.reason, advice);
}

function statusError(status: number, place: string): HubError {
  const { code, ...advice } = adviceFor(status);
  return new HubError(code, `${place} 返回 ${status} (answered ${status})`, advice);
}

function adviceFor(status: number): Advice {
  if (status < 400)
    return {
      code: 'SOURCE_REDIRECTED',
      remedy: 'give-up',
      fix: '不跟随跳转:多为登录失效或地址已变,请改正 url 或令牌 (redirects are not followed: correct the url or the token)',
    };
  if (status === 401 || status === 403)
    return {
      code: 'SOURCE_REFUSED',
      remedy: 'give-up',
      fix: '更换或续期该来源的令牌/密钥,并确认授权范围 (renew the token or secret of this source and check its permissions)',
    };
  if (status === 404 || status === 410)
    return {
      code: 'SOURCE_NOT_FOUND',
      remedy: 'give-up',
      fix: '检查作业里的 url 与路径 (check the url in the job file)',
    };
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    return {
      code: 'SOURCE_UNAVAILABLE',
      remedy: 'retry',
      fix: '业务系统暂时不可用,稍后自动重试;持续出现请联系其管理员 (the bureau system is unwell; retried later)',
    };
  return {
    code: 'SOURCE_CONTRACT_BROKEN',
    remedy: 'give-up',
    fix: '对方不接受此请求:核对参数名、分页与请求头 (the far end does not take this request: check parameters, paging, headers)',
  };
}
