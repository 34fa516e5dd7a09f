import { requireLog } from '../evidence/log-gate.ts';
import { failpoint } from '../failpoint.ts';
import type { OutgoingBatch } from '../platform.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, sealBatch } from '../store/outbox.ts';
import { mend } from '../store/quarantine.ts';
import type { ReadyBatch } from './ready-batches.ts';
import { platformSubject } from './reject.ts';

/** What sealing needs besides the batch. */
export interface Seal {
  readonly db: Db;
  readonly platformName: string;
  /** False lets the hot path skip looking for tickets to close. */
  readonly ticketsOpen: () => boolean;
  /** The period that it is sealed for; null outside of one. */
  readonly period: string | null;
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
}

/** Freezes a batch: exact bytes, deliveries, log entry, one transaction. */
export async function seal(batch: ReadyBatch, context: Seal): Promise<{ row: BatchRow; outgoing: OutgoingBatch }> {
  const { platformName: platform, runId, epoch, period, actor, now } = context;
  const { id, form, members, bodyDigest, manifestRoot } = batch;
  await requireLog(context.db, now);
  const row = await inTransaction(context.db, async (tx) => {
    const sealed = await sealBatch(tx, { ...batch, platform, period, runId, epoch }, now());
    if (context.ticketsOpen())
      await mend(
        tx,
        members.map(({ recordId }) => platformSubject(platform, recordId)),
        now(),
      );
    const detail = { to: 'SEALED', form, members: members.length, manifestRoot, period, attempt: 0, epoch };
    const payload = { kind: 'body' as const, subject: id, bytes: batch.body };
    await appendLog(tx, now(), [{ actor, action: 'batch.sealed', platform, batchId: id, runId, detail, payload }]);
    return sealed;
  });
  failpoint('S2-sealed');
  const idemKeys = members.map((member) => member.idemKey);
  const { seq } = row;
  const { body, contentType } = batch;
  const outgoing = { batchId: id, seq, period, epoch, body, bodyDigest, contentType, idemKeys };
  return { row, outgoing };
}
