import { HubError } from '../errors.ts';
import { type HardenedHttp, type HttpOutcome, type HttpRequest, hardenedHttp } from '../hardened-http.ts';
import type { Answer, OutgoingBatch, Platform, QueryAnswer } from '../platform.ts';
import type { HttpPlatformSpec } from '../platform-spec.ts';
import type { AllowedHosts } from '../wire/allowed-hosts.ts';
import { authHeaders } from '../wire/exchange-sign.ts';
import { classifyQuery, classifySend } from './http-classify.ts';
import { httpHoldings } from './http-holdings.ts';

export interface HttpPlatformOptions {
  /** Platform name, for messages. */
  readonly name: string;
  readonly allowed: AllowedHosts;
  readonly now: () => Date;
}

/** Far above what 1000 verdicts need, far below what would hurt (delivery.md T4). */
const MAX_ANSWER_BYTES = 8 << 20;

/** A platform that speaks docs/platform-http.md. */
export async function openHttp(spec: HttpPlatformSpec, { name, allowed, now }: HttpPlatformOptions): Promise<Platform> {
  refuseUnsigned(name, spec);
  const http = hardenedHttp({
    allowed,
    timeoutS: spec.timeout ?? 20,
    maxAnswerBytes: MAX_ANSWER_BYTES,
    sockets: spec.concurrency ?? 2,
  });
  const batches = `${spec.url.replace(/\/+$/, '')}/batches`;
  const circumstances = (batch: OutgoingBatch) => ({ batch, notProcessed: spec.notProcessed ?? [], now: now() });
  return {
    send: async (batch, signal): Promise<Answer> => {
      const headers = { ...submitHeaders(batch), ...authHeaders(spec.auth, now()) };
      const exchange = await perform(http, { method: 'POST', url: batches, headers, body: batch.body, signal });
      return classifySend(exchange, circumstances(batch));
    },
    query: async (batch, signal): Promise<QueryAnswer> => {
      const headers = { Accept: 'application/json', ...authHeaders(spec.auth, now()) };
      const exchange = await perform(http, { method: 'GET', url: `${batches}/${batch.batchId}`, headers, signal });
      return classifyQuery(exchange, circumstances(batch));
    },
    holdings: (signal) => {
      const headers = () => ({ Accept: 'application/json', ...authHeaders(spec.auth, now()) });
      return httpHoldings({ http, url: batches.replace(/batches$/, 'holdings'), headers, signal });
    },
    close: async () => http.close(),
  };
}

/** `sign` without its secret would send everything unsigned. */
function refuseUnsigned(name: string, { sign, auth }: HttpPlatformSpec): void {
  if (sign === undefined || (auth !== undefined && 'hmac' in auth)) return;
  throw new HubError('PLATFORM_WRONG', `平台 ${name} 要求签名但没有密钥 (platform ${name}: sign needs auth.hmac)`, {
    remedy: 'give-up',
    fix: '请在作业的 platform.auth.hmac 中写 requesterId、serviceId 与 secret (write them under platform.auth.hmac)',
  });
}

/** The key and the digest of the exact body go beside it (RFC 9530); `bodyDigest` is hex, the header base64. */
const submitHeaders = ({ batchId, bodyDigest, contentType }: OutgoingBatch) => ({
  Accept: 'application/json',
  'Content-Type': contentType,
  'Idempotency-Key': batchId,
  'Content-Digest': `sha-256=:${Buffer.from(bodyDigest, 'hex').toString('base64')}:`,
});

/** An abort before any byte left is the caller's own doing and no answer; after it, the outcome is unknown. */
async function perform(http: HardenedHttp, request: HttpRequest): Promise<HttpOutcome> {
  const exchange = await http.request(request);
  const untouched = exchange.outcome === 'failure' && exchange.kind === 'aborted' && !exchange.sent;
  if (untouched) throw request.signal.reason;
  return exchange;
}
