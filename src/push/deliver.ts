import { createHash } from 'node:crypto';
import { type BatchEvent, batchAfter, isFinal } from '../delivery/delivery-state.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import { HubError } from '../errors.ts';
import { requireLog } from '../evidence/log-gate.ts';
import { failpoint } from '../failpoint.ts';
import type { Answer, OutgoingBatch, Platform, QueryAnswer, Verdict } from '../platform.ts';
import { closeAttempt, keepReceipt, openAttempt } from '../store/attempts.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import {
  type BatchRow,
  type MemberRow,
  moveBatch,
  packBody,
  readBody,
  readMembers,
  settleMembers,
  type Transition,
} from '../store/outbox.ts';
import type { Trace } from '../trace.ts';
import { rejectMembers } from './reject.ts';
import { splitBatch } from './split.ts';

/** What delivering a batch needs besides the batch. */
export interface Deliver {
  readonly db: Db;
  readonly platform: Platform;
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
  readonly trace: Trace;
  /** 处室 that mends the records of a pull job. */
  readonly divisionOf: (job: string) => string;
  readonly ticketOpened: () => void;
  /** How this platform wants its batches written. */
  readonly wire: WireForm;
  /** ms to wait before `absent` is believed (delivery.md F22). */
  readonly querySettleMs: number;
  /** ms after the first send until which an answer may be outstanding. */
  readonly answerWithinMs: number;
}

/** One step of a batch: send it, or ask for it. Returns the batch as it then stands. `sealed` saves reading a fresh one back. */
export async function advance(batch: BatchRow, context: Deliver, sealed?: OutgoingBatch): Promise<BatchRow> {
  if (batch.state === 'SENDING') return observe(batch, diedSending, undefined, context);
  if (batch.state === 'SEALED' || batch.state === 'RETRY_WAIT') return send(batch, context, sealed);
  if (batch.state === 'UNKNOWN' || batch.state === 'RECEIVED') return ask(batch, context);
  return batch;
}

/** The process died with the intent open: nobody knows whether bytes left (delivery.md §1.10 S3, S4). */
const diedSending: Answer = { outcome: 'unknown', reason: '上次运行中断 (the last run was cut off)', evidence: {} };

/** Intent before the wire: committed before the first byte leaves. */
async function send(batch: BatchRow, context: Deliver, sealed?: OutgoingBatch): Promise<BatchRow> {
  await requireLog(context.db, context.now);
  const outgoing = sealed ?? (await toOutgoing(batch, context));
  const attempts = batch.attempts + 1;
  const { moved, attempt } = await inTransaction(context.db, async (tx) => {
    const moved = await step(
      tx,
      batch,
      'intent',
      { attempts, sentAt: batch.sentAt ?? context.now().toISOString() },
      context,
    );
    const start = {
      batchId: batch.id,
      attempt: attempts,
      epoch: context.epoch,
      action: 'send' as const,
      now: context.now(),
    };
    return { moved, attempt: await openAttempt(tx, start) };
  });
  failpoint('S3-intent');
  const answer = await context.platform.send(outgoing, context.signal);
  failpoint('S4-sent');
  return observe(moved, answer, attempt, context);
}

async function ask(batch: BatchRow, context: Deliver): Promise<BatchRow> {
  const outgoing = await toOutgoing(batch, context);
  const start = { batchId: batch.id, attempt: batch.attempts, epoch: context.epoch, action: 'query' as const };
  const attempt = await inTransaction(context.db, (tx) => openAttempt(tx, { ...start, now: context.now() }));
  const answer = await context.platform.query(outgoing, context.signal);
  return observe(batch, believable(answer, batch, context), attempt, context);
}

/** `absent` right after sending may only mean that the platform has not looked yet. */
function believable(answer: QueryAnswer, batch: BatchRow, { now, querySettleMs }: Deliver): QueryAnswer {
  const age = now().getTime() - Date.parse(batch.sentAt ?? batch.sealedAt);
  if (answer.outcome !== 'absent' || age >= querySettleMs) return answer;
  return {
    outcome: 'unknown',
    reason: '平台称未收到，尚在观察期内 (absent, but still within querySettle)',
    evidence: answer.evidence,
  };
}

async function toOutgoing(batch: BatchRow, { db, epoch }: Deliver): Promise<OutgoingBatch> {
  const [body, members] = [await readBody(db, batch.seq), await readMembers(db, batch.seq)];
  return {
    batchId: batch.id,
    seq: batch.seq,
    period: batch.period,
    epoch,
    body,
    bodyDigest: batch.bodyDigest,
    contentType: batch.contentType,
    idemKeys: members.map(({ idemKey }) => idemKey),
    acknowledged: batch.receiptId !== null,
  };
}

/** Takes down what was observed: state, verdicts, receipt and log in one transaction. */
async function observe(
  batch: BatchRow,
  answer: Answer | QueryAnswer,
  attempt: number | undefined,
  context: Deliver,
): Promise<BatchRow> {
  const bytes = answer.evidence.bytes;
  const kept = bytes === undefined || bytes.length === 0 ? undefined : await packBody(bytes);
  failpoint('S5-answered');
  const moved = await inTransaction(context.db, async (tx) => {
    const now = context.now();
    const after = await apply(tx, batch, answer, context);
    const reason = 'reason' in answer ? answer.reason : undefined;
    const end = { outcome: answer.outcome, status: answer.evidence.status, reason, answer: kept, now };
    if (attempt !== undefined) await closeAttempt(tx, attempt, end);
    if ('receiptId' in answer && kept !== undefined && bytes !== undefined) {
      const digest = createHash('sha256').update(bytes).digest();
      await keepReceipt(tx, {
        platform: batch.platform,
        receiptId: answer.receiptId,
        batchId: batch.id,
        digest,
        body: kept,
        now,
      });
    }
    return after;
  });
  failpoint('S6-settled');
  context.trace.info('batch', {
    batch: batch.id,
    platform: batch.platform,
    run: context.runId,
    outcome: answer.outcome,
    state: moved.state,
  });
  return moved;
}

async function apply(tx: Tx, batch: BatchRow, answer: Answer | QueryAnswer, context: Deliver): Promise<BatchRow> {
  if (answer.outcome === 'answered') return settle(tx, batch, answer, context);
  if (answer.outcome === 'received' || answer.outcome === 'partial') {
    return step(
      tx,
      batch,
      'received',
      { receiptId: answer.receiptId, nextAt: later(context, 60) },
      context,
      hashed(answer.evidence.bytes),
    );
  }
  if (answer.outcome === 'refused') return refuse(tx, batch, answer.reason, context);
  if (answer.outcome === 'absent') return step(tx, batch, 'absent', { nextAt: later(context, 0) }, context);
  if (answer.outcome === 'conflict') await settleMembers(tx, batch.seq, [], 'conflict');
  if (answer.outcome === 'conflict' || answer.outcome === 'contract-fault') {
    return step(tx, batch, answer.outcome, { reason: answer.reason }, context);
  }
  const overdue = context.now().getTime() - Date.parse(batch.sentAt ?? batch.sealedAt) > context.answerWithinMs;
  const giveUp = overdue && (batch.state === 'UNKNOWN' || batch.state === 'RECEIVED');
  const asked = 'retryAfterS' in answer ? answer.retryAfterS : undefined;
  const wait = {
    nextAt: later(context, asked ?? backoffS(batch.attempts)),
    notBefore: asked === undefined ? null : later(context, asked),
  };
  return step(tx, batch, giveUp ? 'give-up' : answer.outcome, { reason: answer.reason, ...wait }, context);
}

async function settle(
  tx: Tx,
  batch: BatchRow,
  answer: Extract<Answer, { outcome: 'answered' }>,
  context: Deliver,
): Promise<BatchRow> {
  const rejected = answer.verdicts.filter((verdict) => verdict.outcome === 'rejected');
  await settleMembers(tx, batch.seq, rejected.map(toMemberVerdict), 'accepted');
  await rejectMembers(tx, batch, rejected, context);
  const settledAt = context.now().toISOString();
  return step(tx, batch, 'answered', { receiptId: answer.receiptId, settledAt, reason: null }, context, {
    accepted: answer.verdicts.length - rejected.length,
    rejected: rejected.length,
    ...hashed(answer.evidence.bytes),
  });
}

const toMemberVerdict = (verdict: Extract<Verdict, { outcome: 'rejected' }>) => ({
  idemKey: verdict.idemKey,
  state: 'rejected' as const,
  verdict: verdict.code,
  reason: verdict.reason,
});

/** A whole batch was refused: halve it to find the poison; one record alone is rejected (delivery.md §1.5). */
async function refuse(tx: Tx, batch: BatchRow, reason: string, context: Deliver): Promise<BatchRow> {
  const members = await readMembers(tx, batch.seq);
  if (members.length > 1) {
    await splitBatch(tx, batch, members, context);
    return step(tx, batch, 'refused', { reason }, context);
  }
  const verdicts = members.map(({ idemKey }: MemberRow) => ({
    idemKey,
    outcome: 'rejected' as const,
    code: 'BATCH_REFUSED',
    reason,
  }));
  await settleMembers(tx, batch.seq, verdicts.map(toMemberVerdict), 'accepted');
  await rejectMembers(tx, batch, verdicts, context);
  return step(tx, batch, 'refused-alone', { reason, settledAt: context.now().toISOString() }, context);
}

/** One arrow of the state table, with its log entry; throws when another holder was faster. */
async function step(
  tx: Tx,
  batch: BatchRow,
  event: BatchEvent,
  change: Omit<Transition, 'to' | 'epoch'>,
  context: Deliver,
  counts: { readonly accepted?: number; readonly rejected?: number; readonly receiptHash?: string } = {},
): Promise<BatchRow> {
  const to = batchAfter(batch.state, event);
  if (!(await moveBatch(tx, batch, { ...change, to, epoch: context.epoch }))) throw lostLease(batch);
  await appendLog(tx, context.now(), [
    {
      actor: context.actor,
      action: event === 'intent' ? 'batch.intent' : 'batch.outcome',
      platform: batch.platform,
      batchId: batch.id,
      runId: context.runId,
      detail: {
        event,
        from: batch.state,
        to,
        attempt: change.attempts ?? batch.attempts,
        epoch: context.epoch,
        bodyDigest: batch.bodyDigest,
        members: batch.members,
        ...(change.receiptId === undefined ? {} : { receiptId: change.receiptId }),
        ...(counts.receiptHash === undefined ? {} : { receiptHash: counts.receiptHash }),
        ...counts,
      },
    },
  ]);
  return {
    ...batch,
    state: to,
    epoch: context.epoch,
    attempts: change.attempts ?? batch.attempts,
    reason: change.reason ?? null,
    nextAt: change.nextAt ?? null,
    notBefore: change.notBefore ?? null,
    receiptId: change.receiptId ?? batch.receiptId,
    sentAt: change.sentAt ?? batch.sentAt,
    settledAt: change.settledAt ?? batch.settledAt,
  };
}

const lostLease = (batch: BatchRow): HubError =>
  new HubError('LEASE_LOST', `批次 ${batch.id} 已由另一进程接手 (another process has taken over this batch)`, {
    remedy: 'retry',
    fix: '无需处理，由接手的进程继续 (nothing to do: the other process goes on)',
  });

const later = ({ now }: Deliver, seconds: number): string => new Date(now().getTime() + seconds * 1000).toISOString();

/** Full jitter, at most 15 minutes (delivery.md §1.7). */
const backoffS = (attempts: number): number => Math.random() * Math.min(900, 2 * 2 ** attempts);

export const isOpen = (batch: BatchRow): boolean => !isFinal(batch.state) && batch.state !== 'HELD';

/** Of the receipt's exact bytes. */
const hashed = (bytes?: Uint8Array) =>
  bytes === undefined ? {} : { receiptHash: createHash('sha256').update(bytes).digest('hex') };
