import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import type { ReceiptFile, ReceiptRow } from '../platforms/receipt-file.ts';
import { readMembers } from '../store/deliveries.ts';
import { batchesOfKeys } from '../store/members-by-key.ts';
import { findBatches } from '../store/outbox.ts';
import { matchRows } from './match-rows.ts';
import { columnCodes, sentRecords } from './sent-records.ts';

/** A row of a receipt with the batch that its record was sent in; null: it fits nothing that was sent, or more than one thing. */
export interface Placed {
  readonly row: ReceiptRow;
  readonly batchId: string | null;
}

/** Finds batch and row id of every row: by row id, by its number in the named batch, by the columns of our form. */
export async function placeRows(
  hub: Hub,
  job: PushJob,
  receipt: ReceiptFile,
  named: string | undefined,
): Promise<Placed[]> {
  const keys = receipt.rows.flatMap(({ rowId }) => rowId ?? []);
  const known = await batchesOfKeys(hub.db, job.platformName, keys);
  const order = named === undefined ? [] : await keysInOrder(hub, named);
  const bare = receipt.rows.filter(({ rowId, rowNo }) => rowId === undefined && order[(rowNo ?? 0) - 1] === undefined);
  const matched = await placeByColumns(hub, job, bare);
  return receipt.rows.map((row) => {
    if (row.rowId !== undefined) return { row, batchId: known.get(row.rowId) ?? null };
    const byColumns = matched.get(row);
    if (byColumns !== undefined) return byColumns;
    const rowId = order[(row.rowNo ?? 0) - 1];
    return rowId === undefined ? { row, batchId: null } : { row: { ...row, rowId }, batchId: named ?? null };
  });
}

async function keysInOrder({ db }: Hub, batchId: string): Promise<readonly string[]> {
  const [batch] = await findBatches(db, batchId);
  return batch === undefined ? [] : (await readMembers(db, batch.seq)).map(({ idemKey }) => idemKey);
}

/** Records that wait for an answer first: the same licence may have been sent before. */
async function placeByColumns(hub: Hub, job: PushJob, rows: readonly ReceiptRow[]): Promise<Map<ReceiptRow, Placed>> {
  const codeOf = columnCodes(hub, job);
  const placed = new Map<ReceiptRow, Placed>();
  for (const which of ['open', 'settled'] as const) {
    const left = rows.filter((row) => !placed.has(row));
    if (left.length === 0) break;
    for (const { row, record, fits } of matchRows(left, await sentRecords(hub, job.platformName, which), codeOf)) {
      if (record !== undefined) placed.set(row, { row: { ...row, rowId: record.idemKey }, batchId: record.batchId });
      else if (fits > 1) placed.set(row, { row, batchId: null });
    }
  }
  return placed;
}
