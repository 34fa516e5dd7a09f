import type { HttpFailure, HttpOutcome } from '../hardened-http.ts';
import type { Answer, Evidence, OutgoingBatch, QueryAnswer } from '../platform.ts';
import { jsonDocument } from '../wire/json-document.ts';
import { retryAfterSeconds } from '../wire/retry-after.ts';
import { readFullReceipt, readReceipt, readStatus } from './http-receipt.ts';

/** What the classification needs beside the exchange itself. */
export interface Circumstances {
  readonly batch: OutgoingBatch;
  /** Status codes that the platform's contract defines as “not processed”. */
  readonly notProcessed: readonly number[];
  readonly now: Date;
}

/** A complete answer: status, headers, body. */
type Complete = Extract<HttpOutcome, { readonly outcome: 'answer' }>;

/** What a submit came to: definite or unknown, decided by what was sent (delivery.md §1.4). */
export function classifySend(exchange: HttpOutcome, circumstances: Circumstances): Answer {
  if (exchange.outcome === 'failure') return failed(exchange);
  if (exchange.status === 200) return answered(exchange, circumstances);
  if (exchange.status === 202) return received(exchange, circumstances);
  return classifyStatus(exchange, circumstances);
}

/** What a status other than success means, whatever the platform's dialect. */
export function classifyStatus(exchange: Complete, circumstances: Circumstances): Answer {
  const { status } = exchange;
  if (status >= 300 && circumstances.notProcessed.includes(status)) return notProcessed(exchange, circumstances);
  if (status === 409) return outstanding(exchange, circumstances);
  if (refusesCertificate(exchange)) return loginRefused(exchange);
  if (status === 400 || status === 413 || status === 422) return refused(exchange);
  if (status === 401 || status === 403) return loginRefused(exchange);
  if (isContractFault(status)) return contractFault(exchange);
  return unknownAnswer(exchange, circumstances, statusDoubt(status));
}

/** What a query came to. Whatever cannot be trusted is `unknown`: a query may be asked again at no cost. */
export function classifyQuery(exchange: HttpOutcome, circumstances: Circumstances): QueryAnswer {
  if (exchange.outcome === 'failure') return { outcome: 'unknown', reason: exchange.reason, evidence: {} };
  if (exchange.status === 200) return found(exchange, circumstances);
  if (exchange.status === 404 && saysAbsent(exchange, circumstances.batch)) {
    return { outcome: 'absent', evidence: evidenceOf(exchange) };
  }
  return unknownAnswer(exchange, circumstances, statusDoubt(exchange.status));
}

export function failed({ reason, sent, kind }: HttpFailure): Answer {
  if (sent) return { outcome: 'unknown', reason, evidence: {} };
  return { outcome: 'not-sent', reason, page: NEEDS_A_PERSON.has(kind), evidence: {} };
}

/** Failures before any byte left that no waiting mends. */
const NEEDS_A_PERSON: ReadonlySet<HttpFailure['kind']> = new Set(['tls', 'host-refused', 'body-too-large'] as const);

function answered(exchange: Complete, circumstances: Circumstances): Answer {
  const document = jsonDocument(exchange.headers['content-type'], exchange.body);
  if ('doubt' in document) return unknownAnswer(exchange, circumstances, document.doubt);
  const receipt = readFullReceipt(document.json, circumstances.batch);
  if ('doubt' in receipt) return unknownAnswer(exchange, circumstances, receipt.doubt);
  return { outcome: 'answered', ...receipt, evidence: evidenceOf(exchange) };
}

function received(exchange: Complete, circumstances: Circumstances): Answer {
  const document = jsonDocument(exchange.headers['content-type'], exchange.body);
  if ('doubt' in document) return unknownAnswer(exchange, circumstances, document.doubt);
  const receipt = readReceipt(document.json, circumstances.batch);
  if ('doubt' in receipt) return unknownAnswer(exchange, circumstances, receipt.doubt);
  return { outcome: 'received', ...receipt, evidence: evidenceOf(exchange) };
}

function notProcessed(exchange: Complete, { now }: Circumstances): Answer {
  const { status } = exchange;
  const reason = `对方答 ${status}，按其约定未处理 (answered ${status}: not processed by its contract)`;
  const page = status === 401 || status === 403;
  return { outcome: 'not-sent', reason, page, ...wait(exchange, now), evidence: evidenceOf(exchange) };
}

/** The platform works on this very package: no receipt yet, and the query tells how far it is. */
function outstanding(exchange: Complete, circumstances: Circumstances): Answer {
  const { resultCode, packageId } = fieldsOf(exchange);
  if (resultCode !== 'OUTSTANDING' || packageId !== circumstances.batch.batchId) return contractFault(exchange);
  return unknownAnswer(exchange, circumstances, '对方正在处理同一批次 (this package is being worked on)');
}

function refused(exchange: Complete): Answer {
  const { status } = exchange;
  const { resultCode, resultMsg } = fieldsOf(exchange);
  const evidence = evidenceOf(exchange);
  if (status === 422 && resultCode === 'KEY_REUSED') {
    return {
      outcome: 'conflict',
      reason: '对方称此批次号曾带来别的内容 (this key came before with other bytes)',
      evidence,
    };
  }
  const said = [resultCode, resultMsg].filter((part) => typeof part === 'string' && part !== '').join(' ');
  return {
    outcome: 'refused',
    reason: `整批被拒 ${status} ${said} (whole batch refused)`.replace(/ +/g, ' '),
    evidence,
  };
}

/** nginx says 400 (inwardly 495, 496) where it did not like the client certificate: no fault of any record. */
const refusesCertificate = ({ status, body }: Complete): boolean =>
  status === 495 ||
  status === 496 ||
  (status === 400 && /SSL certificate/i.test(Buffer.from(body.subarray(0, 2000)).toString('latin1')));

function loginRefused(exchange: Complete): Answer {
  const reason = `登录被拒 ${exchange.status}，请检查令牌或密钥 (login refused: check the token or secret)`;
  return { outcome: 'not-sent', reason, page: true, evidence: evidenceOf(exchange) };
}

/** The remaining 4xx; 408 only says that the far end stopped waiting. */
const isContractFault = (status: number): boolean => status >= 400 && status < 500 && status !== 408 && status !== 429;

function contractFault(exchange: Complete): Answer {
  const reason = `对方答 ${exchange.status}，接口约定不符 (answered ${exchange.status}: the contract does not fit)`;
  return { outcome: 'contract-fault', reason, evidence: evidenceOf(exchange) };
}

function found(exchange: Complete, circumstances: Circumstances): QueryAnswer {
  const document = jsonDocument(exchange.headers['content-type'], exchange.body);
  if ('doubt' in document) return unknownAnswer(exchange, circumstances, document.doubt);
  const { batch } = circumstances;
  const status = readStatus(document.json, batch);
  if ('doubt' in status) return unknownAnswer(exchange, circumstances, status.doubt);
  const evidence = evidenceOf(exchange);
  if (status.bodyDigest !== batch.bodyDigest) {
    return {
      outcome: 'conflict',
      reason: '对方保存的批次内容与所报不同 (the platform holds other bytes under this packageId)',
      evidence,
    };
  }
  if (status.state !== 'done') {
    const receipt = readReceipt(document.json, batch);
    if ('doubt' in receipt) return unknownAnswer(exchange, circumstances, receipt.doubt);
    return { outcome: 'received', ...receipt, evidence };
  }
  const receipt = readFullReceipt(document.json, batch);
  if ('doubt' in receipt) return unknownAnswer(exchange, circumstances, receipt.doubt);
  return { outcome: 'answered', ...receipt, evidence };
}

/** A 404 without that body proves nothing: any proxy or mistyped address says 404. */
function saysAbsent(exchange: Complete, batch: OutgoingBatch): boolean {
  const { packageId, state } = fieldsOf(exchange);
  return packageId === batch.batchId && state === 'absent';
}

export function unknownAnswer(
  exchange: Complete,
  { now }: Circumstances,
  reason: string,
): Extract<Answer, { outcome: 'unknown' }> {
  return { outcome: 'unknown', reason, ...wait(exchange, now), evidence: evidenceOf(exchange) };
}

function statusDoubt(status: number): string {
  if (status >= 300 && status < 400) return `对方答 ${status} 要求转向，未跟随 (redirect ${status}, not followed)`;
  return `对方答 ${status}，是否已处理不明 (answered ${status}: nobody can tell whether it was processed)`;
}

function wait(exchange: Complete, now: Date): { readonly retryAfterS?: number } {
  const seconds = retryAfterSeconds(exchange.headers['retry-after'], now);
  return seconds === undefined ? {} : { retryAfterS: seconds };
}

const KEPT_BYTES = 1 << 20;

export const evidenceOf = ({ status, body }: Complete): Evidence => ({ status, bytes: body.subarray(0, KEPT_BYTES) });

interface Fields {
  readonly resultCode?: unknown;
  readonly resultMsg?: unknown;
  readonly packageId?: unknown;
  readonly state?: unknown;
}

/** The members of an error answer, where it is JSON at all. */
function fieldsOf(exchange: Complete): Fields {
  const document = jsonDocument(exchange.headers['content-type'], exchange.body);
  return 'json' in document && typeof document.json === 'object' && document.json !== null ? document.json : {};
}
