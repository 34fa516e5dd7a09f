import type { HardenedHttp, HttpOutcome, HttpRequest } from '../hardened-http.ts';
import type { OutgoingBatch } from '../platform.ts';
import type { HttpPlatformSpec } from '../platform-spec.ts';
import { fillText, type Lookup } from '../wire/placeholders.ts';
import type { CallName } from '../wire/template-names.ts';
import { uuidOf } from '../wire/uuid-of.ts';
import type { Proof } from './proof.ts';

/** A call to a platform before it is signed: path and headers may hold placeholders. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: Uint8Array;
}

export interface Moment {
  readonly now: Date;
  /** 32 hex digits, never twice. */
  readonly nonce: string;
  readonly token?: string | undefined;
}

/** Values of a call's placeholders; `batch` is absent for a login. */
export function callValues({ now, nonce, token = '' }: Moment, batch?: OutgoingBatch): Lookup {
  const known: { readonly [N in CallName | 'token']: string } = {
    packageId: batch?.batchId ?? '',
    packageUuid: batch === undefined ? '' : uuidOf(batch.batchId),
    bodyDigest: batch?.bodyDigest ?? '',
    bodyDigestBase64: batch === undefined ? '' : Buffer.from(batch.bodyDigest, 'hex').toString('base64'),
    timestamp: String(now.getTime()),
    nonce,
    token,
  };
  const members: { readonly [name: string]: string } = known;
  return (name) => (Object.hasOwn(members, name) ? (members[name] ?? '') : '');
}

/** Fills in, proves who asks, and sends. An abort before any byte left throws: it is the caller's own doing and no answer. */
export async function perform(
  http: HardenedHttp,
  spec: Pick<HttpPlatformSpec, 'url'>,
  { call, values, proof, signal }: { call: Call; values: Lookup; proof: Proof; signal: AbortSignal },
): Promise<HttpOutcome> {
  const headers = Object.entries(call.headers).map(([name, value]) => [name, fillText(value, values)]);
  const request: HttpRequest = {
    method: call.method,
    url: address(spec.url, fillText(call.path, values, encodeURIComponent), proof.query),
    headers: { ...Object.fromEntries(headers), ...proof.headers },
    ...(call.body === undefined ? {} : { body: call.body }),
    signal,
  };
  const exchange = await http.request(request);
  const untouched = exchange.outcome === 'failure' && exchange.kind === 'aborted' && !exchange.sent;
  if (untouched) throw signal.reason;
  return exchange;
}

/** `path` behind the platform's url, never another host; signed parameters join what stands in it. */
function address(base: string, path: string, query: Proof['query']): string {
  const url = `${base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`;
  const added = new URLSearchParams(query).toString();
  if (added === '') return url;
  return `${url}${url.includes('?') ? '&' : '?'}${added}`;
}
