import dns from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { AllowedHosts } from './wire/allowed-hosts.ts';
import { checkServer, type TlsMaterial } from './wire/tls-material.ts';
import { isTlsCode, refusesOurCertificate, tlsAlert, tlsSentence } from './wire/tls-sentence.ts';

/** What a request came to. Never an AxiosError: those carry the Authorization header wherever they are printed (T5). */
export type HttpOutcome =
  | { readonly outcome: 'answer'; readonly status: number; readonly headers: HttpHeaders; readonly body: Uint8Array }
  | HttpFailure;

export interface HttpFailure {
  readonly outcome: 'failure';
  readonly kind: FailureKind;
  /** False only when it is certain that no byte of the request left this machine (delivery.md §1.4). */
  readonly sent: boolean;
  /** Chinese first; holds origin and cause, never a path, query, header or body. */
  readonly reason: string;
}

export type FailureKind =
  | 'host-refused'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'too-large'
  | 'body-too-large'
  | 'cut-off'
  | 'aborted';

/** Lower-case names. */
export interface HttpHeaders {
  readonly [name: string]: string | undefined;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

export interface HttpOptions {
  readonly allowed: AllowedHosts;
  /** One total deadline per request, from start to the last byte of the answer. */
  readonly timeoutS: number;
  /** Largest answer after decompression; default 64 MiB. */
  readonly maxAnswerBytes?: number;
  /** Sockets kept open per host; default 8. */
  readonly sockets?: number;
  /** Client certificate, private root and pinned keys; absent: the usual roots. */
  readonly tls?: TlsMaterial | undefined;
}

export interface HardenedHttp {
  /** Never throws for anything the network or the far end does. */
  request(request: HttpRequest): Promise<HttpOutcome>;
  close(): void;
}

const MEBIBYTE = 1_048_576;

/**
 * axios with every default of delivery.md T1–T5 turned round: no redirects, no proxy from the environment, a
 * total deadline instead of an idle timer, bounded sizes, bytes in and out untouched, and addresses checked
 * after they were resolved and before they are connected to.
 */
export function hardenedHttp(options: HttpOptions): HardenedHttp {
  const agents = { http: new http.Agent(agentOptions(options)), https: new https.Agent(tlsOptions(options)) };
  const client = hardenedAxios(options, agents);
  return {
    request: (request) => perform(client, request, options),
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

const agentOptions = (options: HttpOptions) => ({
  keepAlive: true,
  maxSockets: options.sockets ?? 8,
  proxyEnv: undefined,
});

function tlsOptions(options: HttpOptions): https.AgentOptions {
  if (options.tls === undefined) return agentOptions(options);
  const { pins = [], ...material } = options.tls;
  return { ...agentOptions(options), ...material, checkServerIdentity: checkServer(pins) };
}

function hardenedAxios(options: HttpOptions, agents: { http: http.Agent; https: https.Agent }): AxiosInstance {
  return axios.create({
    adapter: 'http',
    proxy: false,
    maxRedirects: 0,
    timeout: options.timeoutS * 1000,
    maxContentLength: options.maxAnswerBytes ?? 64 * MEBIBYTE,
    maxBodyLength: 64 * MEBIBYTE,
    decompress: true,
    responseType: 'arraybuffer',
    transitional: { silentJSONParsing: false, forcedJSONParsing: false, clarifyTimeoutError: true },
    transformRequest: [(data: unknown) => data],
    transformResponse: [(data: unknown) => data],
    validateStatus: () => true,
    httpAgent: agents.http,
    httpsAgent: agents.https,
  });
}

/** What is known about one request's bytes and target while it runs. */
interface Watch {
  sent: boolean;
  hostRefused: boolean;
}

async function perform(client: AxiosInstance, request: HttpRequest, options: HttpOptions): Promise<HttpOutcome> {
  const url = readUrl(request.url);
  const refusal = refuse(url, options.allowed);
  if (url === undefined || refusal !== undefined) return failure('host-refused', false, refusal ?? '');
  const watch: Watch = { sent: false, hostRefused: false };
  const deadline = AbortSignal.timeout(options.timeoutS * 1000);
  try {
    const answer: AxiosResponse<Uint8Array> = await client.request({
      method: request.method,
      url: url.href,
      headers: { 'User-Agent': 'zhengxin-hub', Accept: '*/*', ...request.headers },
      ...(request.body === undefined ? {} : { data: request.body }),
      signal: AbortSignal.any([request.signal, deadline]),
      lookup: guardedLookup(options.allowed, portOf(url), watch) as never,
      transport: watchedTransport(url, watch),
    });
    return { outcome: 'answer', status: answer.status, headers: plainHeaders(answer), body: answer.data };
  } catch (error) {
    return classify(error, { url, watch, aborted: request.signal.aborted, late: deadline.aborted });
  }
}

function readUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'http:' || url.protocol === 'https:') ? url : undefined;
}

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

/** Why an address may not be asked at all, before anything is resolved. */
function refuse(url: URL | undefined, allowed: AllowedHosts): string | undefined {
  if (url === undefined) return '地址不是 http 或 https (the address is not http or https)';
  if (url.username !== '' || url.password !== '') return '地址中不得带用户名 (no user name in an address)';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const named = allowed.allowsName(host, portOf(url));
  const good = named && (isIP(host) === 0 || allowed.allowsAddress(host, host, portOf(url)));
  return good ? undefined : notAllowed(url.origin);
}

const notAllowed = (origin: string): string => `${origin} 不在 HUB_ALLOWED_HOSTS 之内 (not in HUB_ALLOWED_HOSTS)`;

/** Checks what the name resolved to and hands exactly those addresses to the socket: no second resolution between. */
export function guardedLookup(allowed: AllowedHosts, port: number, watch?: { hostRefused: boolean }): LookupFunction {
  return (host, options, callback) => {
    dns.lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 4);
      const good = addresses.filter(({ address }) => allowed.allowsAddress(address, host, port));
      const first = good[0];
      if (first === undefined) {
        if (watch !== undefined) watch.hostRefused = true;
        return callback(Object.assign(new Error('address not allowed'), { code: 'EHOSTREFUSED' }), '', 4);
      }
      return options.all === true ? callback(null, good) : callback(null, first.address, first.family);
    });
  };
}

/** Node's own transport, watched for the moment from which bytes may have left. */
function watchedTransport(url: URL, watch: Watch) {
  const native = url.protocol === 'https:' ? https : http;
  const ready = url.protocol === 'https:' ? 'secureConnect' : 'connect';
  const markSent = (): void => {
    watch.sent = true;
  };
  return {
    request: (options: https.RequestOptions, onAnswer: (answer: http.IncomingMessage) => void): http.ClientRequest => {
      const request = native.request(options, onAnswer);
      request.once('socket', (socket) => {
        const fresh = socket.connecting || isHandshaking(socket);
        if (fresh) socket.once(ready, markSent);
        else markSent();
      });
      return request;
    },
  };
}

/** Undocumented but stable since Node 6: true until `secureConnect`. */
const isHandshaking = (socket: Socket): boolean => 'secureConnecting' in socket && socket.secureConnecting === true;

function plainHeaders(answer: AxiosResponse): HttpHeaders {
  const headers: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(answer.headers)) headers[name.toLowerCase()] = String(value);
  return headers;
}

interface Circumstances {
  readonly url: URL;
  readonly watch: Watch;
  readonly aborted: boolean;
  readonly late: boolean;
}

const CONNECT_CODES = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENETDOWN',
  'EHOSTDOWN',
]);

/** Reads the code of an error and nothing else of it. */
function classify(error: unknown, { url, watch, aborted, late }: Circumstances): HttpFailure {
  const code = codeOf(error);
  const { origin } = url;
  const { sent } = watch;
  if (watch.hostRefused) return failure('host-refused', false, notAllowed(origin));
  if (aborted) return failure('aborted', sent, `${origin} 请求被中止 (aborted)`);
  if (late || code === 'ETIMEDOUT' || code === 'ECONNABORTED')
    return failure('timeout', sent, `${origin} 超时 (timed out)`);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return failure('dns', false, `${origin} 域名解析失败 (DNS: ${code})`);
  if (isTlsCode(code)) {
    const alert = tlsAlert(error) ?? code;
    return failure('tls', sent && !refusesOurCertificate(alert), `${origin} ${tlsSentence(alert)}`);
  }
  if (code === 'ERR_FR_MAX_BODY_LENGTH_EXCEEDED') return failure('body-too-large', false, '报文过大 (body too large)');
  if (isTooLarge(error)) return failure('too-large', sent, `${origin} 应答超过大小限制 (answer too large)`);
  if (!sent && CONNECT_CODES.has(code)) return failure('connect', false, `${origin} 无法连接 (${code})`);
  return failure(sent ? 'cut-off' : 'connect', sent, `${origin} 连接中断 (connection broken: ${code})`);
}

const failure = (kind: FailureKind, sent: boolean, reason: string): HttpFailure => ({
  outcome: 'failure',
  kind,
  sent,
  reason,
});

const codeOf = (error: unknown): string => {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'UNKNOWN';
};

/** axios tells an oversized answer apart by its message only. */
const isTooLarge = (error: unknown): boolean => error instanceof Error && error.message.startsWith('maxContentLength');
