import { type Db, select, type Tx } from './database.ts';

export async function openAttempt(
  tx: Tx,
  attempt: {
    readonly batchId: string;
    readonly attempt: number;
    readonly epoch: number;
    readonly action: 'send' | 'query' | 'receipt';
    readonly now: Date;
  },
): Promise<number> {
  const [id] = await tx('attempts').insert({
    batch_id: attempt.batchId,
    attempt: attempt.attempt,
    epoch: attempt.epoch,
    action: attempt.action,
    started_at: attempt.now.toISOString(),
  });
  return Number(id);
}

export async function closeAttempt(
  tx: Tx,
  id: number,
  end: {
    readonly outcome: string;
    readonly status?: number | undefined;
    readonly reason?: string | undefined;
    readonly answer?: Buffer | undefined;
    readonly now: Date;
  },
): Promise<void> {
  await tx('attempts')
    .where({ id })
    .update({
      outcome: end.outcome,
      status: end.status ?? null,
      reason: end.reason ?? null,
      answer: end.answer ?? null,
      ended_at: end.now.toISOString(),
    });
}

/** Keeps a receipt's exact bytes (compressed); the same receipt twice is one row. */
export async function keepReceipt(
  tx: Tx,
  receipt: {
    readonly platform: string;
    readonly receiptId: string;
    readonly batchId: string;
    readonly digest: Buffer;
    readonly body: Buffer;
    readonly now: Date;
  },
): Promise<void> {
  const sql = 'SELECT id FROM receipts WHERE platform = ? AND receipt_id = ? AND digest = ?';
  const known = await select(tx, sql, [receipt.platform, receipt.receiptId.slice(0, 255), receipt.digest]);
  if (known.length > 0) return;
  await tx('receipts').insert({
    platform: receipt.platform,
    receipt_id: receipt.receiptId.slice(0, 255),
    batch_id: receipt.batchId,
    digest: receipt.digest,
    body: receipt.body,
    received_at: receipt.now.toISOString(),
  });
}

export interface AttemptRow {
  readonly attempt: number;
  readonly action: 'send' | 'query' | 'receipt';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string | null;
  readonly status: number | null;
  readonly reason: string | null;
}

export async function listAttempts(db: Db, batchId: string): Promise<AttemptRow[]> {
  const rows = await db('attempts').where({ batch_id: batchId }).orderBy('id');
  return rows.map((row) => ({
    attempt: row.attempt,
    action: row.action,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    status: row.status,
    reason: row.reason,
  }));
}
