import { isSqlite, type Reader, select } from './database.ts';
import type { LogHead, PlacedEntry } from './log-tree.ts';

/** An entry as a walk over the whole log reads it: as text, for a Buffer of each value costs more than all the rest. */
export interface WalkedEntry extends Omit<PlacedEntry, 'entry' | 'leaf'> {
  /** Its bytes read as UTF-8. Holds U+FFFD where they are not; then `readEntries` has the bytes. */
  readonly text: string;
  /** Leaf hash, lower-case hex. */
  readonly leaf: string;
}

interface Row extends Omit<WalkedEntry, 'text'> {
  readonly text: string | Buffer;
}

const COLUMNS =
  'LOWER(HEX(leaf_hash)) AS leaf, at, actor, action, platform, batch_id AS "batchId", run_id AS "runId", record_id AS "recordId"';

/** Entries from `from` on, in order. */
export async function walkEntries(db: Reader, logNo: number, from: number, limit: number): Promise<WalkedEntry[]> {
  // MySQL would put other characters in the place of bytes that are no UTF-8, and not say so.
  const text = isSqlite(db) ? 'CAST(entry AS TEXT)' : 'entry';
  const sql = `SELECT idx AS "index", ${text} AS text, ${COLUMNS} FROM log_entries WHERE log_no = ? AND idx >= ? ORDER BY idx LIMIT ?`;
  const rows = await select<Row>(db, sql, [logNo, from, limit]);
  return isSqlite(db) ? (rows as WalkedEntry[]) : rows.map(plainRow);
}

const plainRow = (row: Row): WalkedEntry => ({
  ...row,
  index: Number(row.index),
  text: row.text.toString(),
  recordId: row.recordId === null ? null : Number(row.recordId),
});

/** What the entries alone say of the head, where its row is gone. */
export async function headOfEntries(db: Reader): Promise<LogHead> {
  const sql =
    'SELECT log_no, MAX(idx) AS last_idx, MIN(idx) AS first_idx FROM log_entries GROUP BY log_no ORDER BY log_no';
  const row = (await select<{ log_no: number; last_idx: number; first_idx: number }>(db, sql)).at(-1);
  if (row === undefined) return { logNo: 1, size: 0, frontier: [], epoch: 0, minimumIndex: 0 };
  const [size, minimumIndex] = [Number(row.last_idx) + 1, Number(row.first_idx)];
  return { logNo: row.log_no, size, frontier: [], epoch: 0, minimumIndex };
}
