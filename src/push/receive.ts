import { sha256Bytes } from '../canonical.ts';
import type { Answer, StrayReceipt } from '../platform.ts';
import { closeAttempt, keepReceipt, openAttempt } from '../store/attempts.ts';
import { inTransaction, type Tx } from '../store/database.ts';
import { readMembers } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, batchById, packBody } from '../store/outbox.ts';
import { keepOrphan, type OrphanCause } from '../store/receipts.ts';
import type { Deliver } from './deliver.ts';
import { apply } from './outcome.ts';

/** Takes in every receipt that came by itself; each is kept before the platform is told that it was taken. */
export async function takeStrayReceipts(context: Deliver): Promise<number> {
  const { platform, signal } = context;
  if (platform.strayReceipts === undefined) return 0;
  let count = 0;
  for await (const receipt of platform.strayReceipts(signal)) {
    await takeReceipt(receipt, context);
    await receipt.taken();
    count += 1;
  }
  return count;
}

/** What became of a receipt: it moved its batch, changed nothing, contradicted what is known, or belongs to nothing. */
export type Taken = 'applied' | 'repeated' | 'contradicted' | 'orphaned';

/**
 * Sorts out one receipt (delivery.md §1.6). It may only move a batch of this platform that was sent, whose bytes it does not
 * contradict; anything else is kept as an orphan and reported, and no state changes.
 */
export async function takeReceipt(receipt: StrayReceipt, context: Deliver): Promise<Taken> {
  const body = await packBody(receipt.evidence.bytes ?? new Uint8Array());
  return inTransaction(context.db, async (tx) => {
    const batch = receipt.batchId === undefined ? undefined : await batchById(tx, receipt.batchId);
    const cause = orphanCause(receipt, batch, context);
    if (batch === undefined || cause !== undefined) {
      return orphan(tx, receipt, { cause: cause ?? 'unknown-batch', body }, context);
    }
    const members = await readMembers(tx, batch.seq);
    const known = new Set(members.map(({ idemKey }) => idemKey));
    const strangers = receipt.verdicts.filter(({ idemKey }) => !known.has(idemKey));
    if (strangers.length > 0) await orphan(tx, receipt, { cause: 'unknown-record', body }, context);
    const verdicts = receipt.verdicts.filter(({ idemKey }) => known.has(idemKey));
    const answer = answerOf(receipt, verdicts, batch);
    const after = await apply(tx, batch, answer, context);
    await keep(tx, receipt, { batch, answer, body }, context);
    if (after === batch) return 'repeated';
    return answer.outcome === 'conflict' ? 'contradicted' : 'applied';
  });
}

function orphanCause(
  receipt: StrayReceipt,
  batch: BatchRow | undefined,
  { platformName }: Deliver,
): OrphanCause | undefined {
  if (receipt.batchId === undefined) return 'no-batch';
  if (batch === undefined) return 'unknown-batch';
  if (batch.platform !== platformName) return 'other-platform';
  if (batch.state === 'SEALED') return 'never-sent';
  return batch.state === 'SPLIT' ? 'split-batch' : undefined;
}

function answerOf(receipt: StrayReceipt, verdicts: StrayReceipt['verdicts'], batch: BatchRow): Answer {
  const { receiptId, evidence, bodyDigest, count } = receipt;
  if (bodyDigest !== undefined && bodyDigest !== batch.bodyDigest) {
    const reason = '回执所载报文摘要与所报不同 (the receipt names other bytes than were sent)';
    return { outcome: 'conflict', reason, evidence };
  }
  if (receipt.level < 3) return { outcome: 'received', receiptId, evidence };
  const all = new Set(verdicts.map(({ idemKey }) => idemKey)).size === batch.members;
  if (all && (count === undefined || count === batch.members))
    return { outcome: 'answered', receiptId, verdicts, evidence };
  const reason = `报送 ${batch.members} 条，回执载 ${count ?? verdicts.length} 条 (sent ${batch.members}, the receipt has ${count ?? verdicts.length})`;
  return { outcome: 'partial', receiptId, verdicts, reason, evidence };
}

async function keep(
  tx: Tx,
  receipt: StrayReceipt,
  { batch, answer, body }: { readonly batch: BatchRow; readonly answer: Answer; readonly body: Buffer },
  { now, epoch }: Deliver,
): Promise<void> {
  const start = { batchId: batch.id, attempt: batch.attempts, epoch, action: 'receipt' as const, now: now() };
  const reason = 'reason' in answer ? answer.reason : undefined;
  const end = { outcome: answer.outcome, status: receipt.evidence.status, reason, answer: body, now: now() };
  await closeAttempt(tx, await openAttempt(tx, start), end);
  const digest = sha256Bytes(receipt.evidence.bytes ?? '');
  const { platform, id: batchId } = batch;
  await keepReceipt(tx, { platform, receiptId: receipt.receiptId, batchId, digest, body, now: now() });
}

async function orphan(
  tx: Tx,
  { receiptId, batchId }: StrayReceipt,
  { cause, body }: { readonly cause: OrphanCause; readonly body: Buffer },
  { platformName: platform, actor, runId, now }: Deliver,
): Promise<Taken> {
  const isNew = await keepOrphan(tx, { platform, receiptId, batchId, cause, body, now: now() });
  if (!isNew) return 'repeated';
  const detail = {
    receiptId: receiptId.slice(0, 255),
    cause,
    ...(batchId === undefined ? {} : { names: batchId.slice(0, 64) }),
  };
  await appendLog(tx, now(), [{ actor, action: 'receipt.orphaned', platform, runId, detail }]);
  return 'orphaned';
}
