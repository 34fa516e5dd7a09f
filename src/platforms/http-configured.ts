import type { HttpOutcome } from '../hardened-http.ts';
import type { Answer, Evidence, QueryAnswer } from '../platform.ts';
import type { AnswerSpec } from '../platform-spec.ts';
import { type AnswerBytes, readAnswer, type Said, verdictsOf } from './http-answer.ts';
import { type Circumstances, classifyStatus, evidenceOf, failed, unknownAnswer } from './http-classify.ts';

type Complete = Extract<HttpOutcome, { readonly outcome: 'answer' }>;
export type ReadableAnswer = AnswerSpec & { readonly form: 'json' | 'xml' };

/** A submit's answer by the words of the job's YAML; whatever they do not explain is judged by what was sent. */
export function classifyConfiguredSend(
  exchange: HttpOutcome,
  spec: ReadableAnswer,
  circumstances: Circumstances,
): Answer | { readonly outcome: 'login-expired' } {
  if (exchange.outcome === 'failure') return failed(exchange);
  if (!isRead(exchange, spec)) return classifyStatus(exchange, circumstances);
  const said = readAnswer(spec, bytesOf(exchange), circumstances.batch);
  if (exchange.status === 500 && 'code' in said && !said.isFault) return classifyStatus(exchange, circumstances);
  if ('doubt' in said) return unknownAnswer(exchange, circumstances, said.doubt);
  const evidence = evidenceOf(exchange);
  const told = sentence(said);
  switch (said.meaning) {
    case 'loginExpired':
      return { outcome: 'login-expired' };
    case 'received':
      return { outcome: 'received', receiptId: said.receiptId, evidence };
    case 'refused':
    case 'rejected':
      if (said.meaning === 'rejected' && circumstances.batch.idemKeys.length === 1) {
        return answered(exchange, said, spec, circumstances);
      }
      return { outcome: 'refused', reason: `整批被拒 ${told} (whole batch refused)`, evidence };
    case 'conflict':
      return {
        outcome: 'conflict',
        reason: `对方称此批次号曾带来别的内容 ${told} (other bytes under this id)`,
        evidence,
      };
    case 'notProcessed':
      return { outcome: 'not-sent', reason: `对方称未处理 ${told} (not processed)`, page: false, evidence };
    case 'absent':
      return unknownAnswer(exchange, circumstances, '对方称没有此批次 (the platform says it has no such package)');
    default:
      return answered(exchange, said, spec, circumstances);
  }
}

/** The same of a query, which may be asked again at no cost: only what it finds for certain counts. */
export function classifyConfiguredQuery(
  exchange: HttpOutcome,
  spec: ReadableAnswer,
  circumstances: Circumstances,
): QueryAnswer | { readonly outcome: 'login-expired' } {
  if (exchange.outcome === 'failure') return { outcome: 'unknown', reason: exchange.reason, evidence: {} };
  if (!isRead(exchange, spec) && exchange.status !== 404) {
    return unknownAnswer(exchange, circumstances, `对方答 ${exchange.status} (answered ${exchange.status})`);
  }
  const { batch } = circumstances;
  const said = readAnswer(spec, bytesOf(exchange), batch);
  if (exchange.status === 500 && 'code' in said && !said.isFault) {
    return unknownAnswer(exchange, circumstances, '对方答 500 (answered 500)');
  }
  if ('doubt' in said) return unknownAnswer(exchange, circumstances, said.doubt);
  const evidence = evidenceOf(exchange);
  if (said.meaning === 'loginExpired') return { outcome: 'login-expired' };
  if (said.meaning === 'absent') return { outcome: 'absent', evidence };
  if (said.meaning === 'conflict' || (said.digest !== undefined && said.digest !== batch.bodyDigest))
    return other(evidence);
  if (said.meaning === 'received') return { outcome: 'received', receiptId: said.receiptId, evidence };
  if (said.meaning === 'accepted' || said.meaning === 'rejected') return answered(exchange, said, spec, circumstances);
  return unknownAnswer(exchange, circumstances, `对方答 ${sentence(said)} (nothing certain about this package)`);
}

/** SOAP 1.1 puts its faults under status 500; there only a fault's code counts. */
const isRead = ({ status }: Complete, { fault }: ReadableAnswer): boolean =>
  status === 200 || status === 202 || (status === 500 && fault !== undefined);

const other = (evidence: Evidence): Extract<Answer, { outcome: 'conflict' }> => ({
  outcome: 'conflict',
  reason: '对方保存的批次内容与所报不同 (the platform holds other bytes under this package id)',
  evidence,
});

function answered(
  exchange: Complete,
  said: Extract<Said, { readonly code: string }>,
  spec: ReadableAnswer,
  circumstances: Circumstances,
): Extract<Answer, { outcome: 'answered' | 'unknown' }> {
  const verdicts = verdictsOf(said, spec, circumstances.batch);
  if ('doubt' in verdicts) return unknownAnswer(exchange, circumstances, verdicts.doubt);
  return { outcome: 'answered', receiptId: said.receiptId, verdicts, evidence: evidenceOf(exchange) };
}

const bytesOf = ({ headers, body }: Complete): AnswerBytes => ({ contentType: headers['content-type'], body });

/** The platform's own words, short and on one line. */
const sentence = ({ code, message }: { readonly code: string; readonly message: string }): string =>
  `${code} ${message}`.replace(/\s+/g, ' ').trim().slice(0, 300);
