import { type Reader, select } from './database.ts';
import type { ShownVersion } from './withdrawals.ts';

/** The withdrawal that is the newest version of a record; undefined where the record is shown. */
export async function newestWithdrawal(db: Reader, recordId: number): Promise<ShownVersion | undefined> {
  const sql = `SELECT r.type, v.version, v.body FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.id = ? AND r.newest_operation = 'WITHDRAW'`;
  const [row] = await select<ShownVersion>(db, sql, [recordId]);
  return row;
}

/** A platform to which a version was sent, or may have been. */
export interface Told {
  readonly platform: string;
  /** When it was first sent; UTC text. */
  readonly at: string | null;
}

/** Platforms to which this version went out: an intent to send it was written down. */
export async function toldOf(db: Reader, recordId: number, version: number): Promise<Told[]> {
  const sql = `SELECT d.platform, MIN(b.sent_at) AS at FROM deliveries d JOIN batches b ON b.seq = d.batch_seq
    WHERE d.record_id = ? AND d.version = ? AND d.state NOT IN ('superseded', 'cancelled') AND b.tried = 1
    GROUP BY d.platform ORDER BY d.platform`;
  return select(db, sql, [recordId, version]);
}

/** Platforms that were once sent this record, in any version. */
export async function knowsRecord(db: Reader, recordId: number): Promise<string[]> {
  const sql = `SELECT DISTINCT platform FROM deliveries WHERE record_id = ? AND state NOT IN ('superseded', 'cancelled')
    ORDER BY platform`;
  return (await select<{ platform: string }>(db, sql, [recordId])).map(({ platform }) => platform);
}
