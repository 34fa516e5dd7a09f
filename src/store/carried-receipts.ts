import type { Reader, Tx } from './database.ts';

/** A receipt that people or a medium brought, in the hub's own shape (docs/platform-sftp.md §3). */
export interface CarriedReceipt {
  readonly id: number;
  readonly lane: string;
  readonly batchId: string | null;
  readonly receiptId: string;
  readonly level: number;
  /** By packBody. */
  readonly body: Buffer;
  readonly receivedAt: string;
}

export interface NewReceipt {
  readonly lane: string;
  readonly batchId: string | null;
  readonly receiptId: string;
  readonly level: number;
  /** Hex SHA-256 of the body. */
  readonly digest: string;
  readonly body: Buffer;
  readonly original: Buffer | null;
  readonly file: string;
  readonly actor: string;
  readonly reason: string;
}

/** False where exactly this receipt is kept already. */
export async function addReceipt(tx: Tx, one: NewReceipt, now: Date): Promise<boolean> {
  const digest = Buffer.from(one.digest, 'hex');
  const same = { lane: one.lane, receipt_id: one.receiptId, digest };
  const known = await tx('carried_receipts').select('id').where(same).first();
  if (known !== undefined) return false;
  await tx('carried_receipts').insert({
    ...same,
    batch_id: one.batchId,
    level: one.level,
    body: one.body,
    original: one.original,
    file: one.file.slice(0, 255),
    actor: one.actor,
    reason: one.reason,
    received_at: now.toISOString(),
  });
  return true;
}

const columns = ['id', 'lane', 'batch_id', 'receipt_id', 'level', 'body', 'received_at'];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toReceipt = (row: any): CarriedReceipt => ({
  id: Number(row.id),
  lane: row.lane,
  batchId: row.batch_id,
  receiptId: row.receipt_id,
  level: row.level,
  body: row.body,
  receivedAt: row.received_at,
});

/** Receipts about one batch, oldest first. */
export async function receiptsAbout(db: Reader, lane: string, batchId: string): Promise<CarriedReceipt[]> {
  return (await db('carried_receipts').select(columns).where({ lane, batch_id: batchId }).orderBy('id')).map(toReceipt);
}

/** Receipts that nobody has worked on yet, oldest first. */
export async function untakenReceipts(db: Reader, lane: string, limit = 1000): Promise<CarriedReceipt[]> {
  const query = db('carried_receipts').select(columns).where({ lane }).whereNull('taken_at').orderBy('id').limit(limit);
  return (await query).map(toReceipt);
}

export async function takeReceipts(tx: Reader, ids: readonly number[], now: Date): Promise<void> {
  await tx('carried_receipts')
    .whereIn('id', [...ids])
    .update({ taken_at: now.toISOString() });
}
