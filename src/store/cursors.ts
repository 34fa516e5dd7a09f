import { canonicalJson } from '../canonical.ts';
import type { Cursor } from '../source.ts';
import { type Reader, select, type Tx } from './database.ts';

export interface StoredCursor {
  readonly value: Cursor;
  /** Rows of the last full snapshot, if the source gives snapshots. */
  readonly snapshotRows: number | undefined;
}

export async function readCursor(db: Reader, job: string): Promise<StoredCursor | undefined> {
  const [row] = await select<{ value: string; snapshot_rows: number | null }>(
    db,
    'SELECT value, snapshot_rows FROM cursors WHERE job = ?',
    [job],
  );
  if (row === undefined) return undefined;
  return {
    value: JSON.parse(row.value),
    snapshotRows: row.snapshot_rows === null ? undefined : Number(row.snapshot_rows),
  };
}

/** In the transaction of the rows that it stands behind. */
export async function writeCursor(tx: Tx, job: string, value: Cursor, now: Date): Promise<void> {
  const row = { job, value: canonicalJson(value), updated_at: now.toISOString() };
  await tx('cursors').insert(row).onConflict('job').merge(['value', 'updated_at']);
}

/** Remembers how many rows a full snapshot had, once it was read to its end. */
export async function writeSnapshotRows(tx: Tx, job: string, rows: number): Promise<void> {
  await tx('cursors').where({ job }).update({ snapshot_rows: rows });
}
