import { createHash } from 'node:crypto';
import { MOST_ATTEMPTS } from '../delivery/backoff.ts';
import type { BatchEvent } from '../delivery/delivery-state.ts';
import { HubError } from '../errors.ts';
import { requireLog } from '../evidence/log-gate.ts';
import { failpoint } from '../failpoint.ts';
import type { Answer, OutgoingBatch, QueryAnswer } from '../platform.ts';
import { closeAttempt, keepReceipt, openAttempt } from '../store/attempts.ts';
import { inTransaction } from '../store/database.ts';
import { readMembers } from '../store/deliveries.ts';
import { type BatchRow, packBody, readBatch, readBody } from '../store/outbox.ts';
import type { Deliver } from './deliver.ts';
import { noteAnswer } from './guard.ts';
import { apply } from './outcome.ts';
import { isLostLease, noteStale, step } from './transition.ts';

/** One step of a batch: send it, or ask for it. Returns the batch as it then stands. `sealed` saves reading a fresh one back. */
export async function advance(batch: BatchRow, context: Deliver, sealed?: OutgoingBatch): Promise<BatchRow> {
  try {
    if (batch.state === 'SENDING') return await recover(batch, context);
    if (batch.state === 'SEALED' || batch.state === 'RETRY_WAIT') return await send(batch, 'intent', context, sealed);
    if (batch.state === 'UNKNOWN' && !context.terms.queryable) return await withoutAsking(batch, context);
    if (batch.state === 'UNKNOWN' || batch.state === 'RECEIVED' || batch.state === 'HELD')
      return await ask(batch, context);
    return batch;
  } catch (error) {
    if (isLostLease(error)) await noteStale(context.db, batch, context);
    throw error;
  }
}

/** May a batch that failed before be sent again in this retry window? First tries always may. */
export function mayResend({ attempts, retryWindow, windowAttempts }: BatchRow, { mayTryNow, now }: Deliver): boolean {
  if (attempts === 0) return true;
  const { open, id } = mayTryNow(now());
  return open && (retryWindow !== id || windowAttempts < MOST_ATTEMPTS);
}

/** The process died with the intent open: nobody knows whether bytes left (delivery.md §1.10 S3, S4). */
function recover(batch: BatchRow, context: Deliver): Promise<BatchRow> {
  const reason = '上次运行中断 (the last run was cut off)';
  return observe(batch, { outcome: 'unknown', reason, evidence: {} }, undefined, context);
}

/** Intent before the wire: committed before the first byte leaves. */
async function send(
  batch: BatchRow,
  event: Extract<BatchEvent, 'intent' | 'intent-same-key'>,
  context: Deliver,
  sealed?: OutgoingBatch,
): Promise<BatchRow> {
  const outgoing = sealed ?? (await toOutgoing(batch, context));
  demandLease(context);
  await requireLog(context.db, context.now);
  const now = context.now();
  const window = context.mayTryNow(now).id;
  const attempts = batch.attempts + 1;
  const windowAttempts = batch.retryWindow === window ? batch.windowAttempts + 1 : 1;
  const sent = { attempts, window, windowAttempts, at: now.toISOString() };
  const { moved, attempt } = await inTransaction(context.db, async (tx) => {
    const moved = await step(tx, batch, event, { sent }, context);
    const start = { batchId: batch.id, attempt: attempts, epoch: context.epoch, action: 'send' as const, now };
    return { moved, attempt: await openAttempt(tx, start) };
  });
  failpoint('S3-intent');
  demandLease(context);
  const answer = await context.platform.send(outgoing, context.signal);
  failpoint('S4-sent');
  return observe(moved, answer, attempt, context);
}

/** Monotonic time left must cover a whole request, else a successor may be at work before it ends (delivery.md §1.9). */
function demandLease({ lease, terms, platformName }: Deliver): void {
  if (lease.leftMs() > terms.requestMs) return;
  throw new HubError('LEASE_LOST', `平台 ${platformName} 的租约将尽，未发送 (the lease is running out; not sent)`, {
    remedy: 'retry',
    fix: '无需处理，由接手的进程继续 (nothing to do: whoever holds the lease goes on)',
  });
}

async function ask(batch: BatchRow, context: Deliver): Promise<BatchRow> {
  const outgoing = await toOutgoing(batch, context);
  demandLease(context);
  const start = { batchId: batch.id, attempt: batch.attempts, epoch: context.epoch, action: 'query' as const };
  const attempt = await inTransaction(context.db, (tx) => openAttempt(tx, { ...start, now: context.now() }));
  const answer = await context.platform.query(outgoing, context.signal);
  return observe(batch, answer, attempt, context);
}

/** Nobody to ask: the same key again as long as the platform remembers it, else a person (delivery.md §1.4). */
async function withoutAsking(batch: BatchRow, context: Deliver): Promise<BatchRow> {
  const { terms, now } = context;
  const age = now().getTime() - Date.parse(batch.sentAt ?? batch.sealedAt);
  if (terms.idempotent && age < terms.idempotencyTtlMs) {
    return mayResend(batch, context) ? send(batch, 'intent-same-key', context) : batch;
  }
  const reason =
    '平台既不能查询，也不保证（或已不再保证）同一批次号只生效一次，请在平台界面核对 (it can neither be asked nor promises one effect per key: look on its own screen)';
  return inTransaction(context.db, (tx) => step(tx, batch, 'unaskable', { reason }, context));
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

/** Takes down what was observed: state, verdicts, receipt, breaker and log in one transaction. */
async function observe(
  batch: BatchRow,
  answer: Answer | QueryAnswer,
  attempt: number | undefined,
  context: Deliver,
): Promise<BatchRow> {
  const { bytes } = answer.evidence;
  const kept = bytes === undefined || bytes.length === 0 ? undefined : await packBody(bytes);
  failpoint('S5-answered');
  const moved = await inTransaction(context.db, async (tx) => {
    const now = context.now();
    const after = await apply(tx, await asItStands(tx, batch, context), answer, context);
    const reason = 'reason' in answer ? answer.reason : undefined;
    const end = { outcome: answer.outcome, status: answer.evidence.status, reason, answer: kept, now };
    if (attempt !== undefined) {
      await closeAttempt(tx, attempt, end);
      await noteAnswer(tx, answer, context);
    }
    if ('receiptId' in answer && kept !== undefined && bytes !== undefined) {
      const digest = createHash('sha256').update(bytes).digest();
      const { platform, id: batchId } = batch;
      await keepReceipt(tx, { platform, receiptId: answer.receiptId, batchId, digest, body: kept, now });
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

/** A receipt may have come before the answer to the very request that brought it (F20); only where receipts come by themselves. */
async function asItStands(
  tx: Parameters<typeof readBatch>[0],
  batch: BatchRow,
  { platform }: Deliver,
): Promise<BatchRow> {
  if (platform.strayReceipts === undefined) return batch;
  const now = await readBatch(tx, batch.seq);
  return now.epoch === batch.epoch ? now : batch;
}
