import type { MemberState } from '../delivery/delivery-state.ts';
import type { Operation } from '../record.ts';
import { change, insertRows, placeholders, type Reader, select, type Tx } from './database.ts';

/** Members of batches: one row per platform × record × version × rendition. */
export const deliveryColumns = [
  'platform',
  'record_id',
  'version',
  'rendition',
  'operation',
  'idem_key',
  'payload_digest',
  'batch_seq',
  'row_no',
  'state',
];

export interface MemberRow {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly idemKey: string;
  readonly rowNo: number;
  readonly state: MemberState;
}

/** In row order. */
export async function readMembers(db: Reader, seq: number): Promise<MemberRow[]> {
  const sql =
    'SELECT record_id, version, rendition, operation, idem_key, row_no, state FROM deliveries WHERE batch_seq = ? ORDER BY row_no';
  const rows = await select<{
    record_id: number;
    version: number;
    rendition: number;
    operation: Operation;
    idem_key: string;
    row_no: number;
    state: MemberState;
  }>(db, sql, [seq]);
  return rows.map((row) => ({
    recordId: Number(row.record_id),
    version: row.version,
    rendition: row.rendition,
    operation: row.operation,
    idemKey: row.idem_key,
    rowNo: row.row_no,
    state: row.state,
  }));
}

export interface MemberVerdict {
  readonly idemKey: string;
  readonly from: MemberState;
  readonly to: MemberState;
  readonly verdict: string;
  readonly reason?: string | undefined;
}

/** Verdicts that stand out, one by one; each from the state that it was judged by. */
export async function settleEach(tx: Tx, seq: number, verdicts: readonly MemberVerdict[]): Promise<void> {
  const sql =
    'UPDATE deliveries SET state = ?, verdict = ?, verdict_reason = ? WHERE batch_seq = ? AND idem_key = ? AND state = ?';
  for (const { idemKey, from, to, verdict, reason } of verdicts) {
    const said = [verdict.slice(0, 64).toWellFormed(), reason?.toWellFormed() ?? null];
    const changed = await change(tx, sql, [to, ...said, seq, idemKey, from]);
    if (changed !== 1) throw new Error(`batch ${seq}: member ${idemKey} is no longer ${from}`);
  }
}

/** All members of a batch that are still open, in one statement; how many those were. */
export const settleOpen = (
  tx: Tx,
  seq: number,
  to: 'accepted' | 'rejected' | 'conflict' | 'cancelled',
  verdict: string,
): Promise<number> =>
  change(tx, "UPDATE deliveries SET state = ?, verdict = ? WHERE batch_seq = ? AND state = 'open'", [to, verdict, seq]);

export interface SkippedVersion {
  readonly recordId: number;
  readonly version: number;
  readonly state: 'superseded' | 'cancelled';
}

/**
 * Versions between the one that a batch brings and those that the platform was told of will never be sent: superseded by a later
 * state, or cancelled by a withdrawal. They get their row all the same, so that every version is accounted for.
 */
export async function settleSkipped(tx: Tx, seq: number): Promise<readonly SkippedVersion[]> {
  const rows = await select<SkippedRow>(
    tx,
    `SELECT v.record_id, v.version, v.operation, v.digest, d.platform,
       CASE WHEN d.operation = 'WITHDRAW' THEN 'cancelled' ELSE 'superseded' END AS "state"
     FROM deliveries d JOIN versions v ON v.record_id = d.record_id AND v.version < d.version
     WHERE d.batch_seq = ? AND NOT EXISTS (SELECT 1 FROM deliveries e
       WHERE e.platform = d.platform AND e.record_id = d.record_id AND e.version = v.version)`,
    [seq],
  );
  return insertSkipped(tx, rows);
}

/** A version that does not fit the platform's form, of a type of which none may be skipped: the next one may follow it. */
export async function settleUnfit(
  tx: Tx,
  platform: string,
  recordIds: readonly number[],
): Promise<readonly SkippedVersion[]> {
  if (recordIds.length === 0) return [];
  const rows = await select<SkippedRow>(
    tx,
    `SELECT v.record_id, v.version, v.operation, v.digest, ? AS "platform", 'superseded' AS "state"
     FROM records r JOIN versions v ON v.record_id = r.id AND v.version < r.newest_version
     WHERE r.id IN (${placeholders(recordIds.length)}) AND v.version =
       1 + COALESCE((SELECT MAX(d.version) FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id), 0)`,
    [platform, ...recordIds, platform],
  );
  return insertSkipped(tx, rows);
}

interface SkippedRow {
  readonly record_id: number;
  readonly version: number;
  readonly operation: string;
  readonly digest: Buffer;
  readonly platform: string;
  readonly state: SkippedVersion['state'];
}

async function insertSkipped(tx: Tx, rows: readonly SkippedRow[]): Promise<readonly SkippedVersion[]> {
  const values = rows.map((row) => [
    ...[row.platform, row.record_id, row.version, 1, row.operation, '', row.digest],
    ...[NO_BATCH, 0, row.state],
  ]);
  await insertRows(tx, 'deliveries', deliveryColumns, values);
  return rows.map(({ record_id, version, state }) => ({ recordId: Number(record_id), version, state }));
}

/** Of deliveries that never stood in a batch. */
const NO_BATCH = 0;

export interface RejectedMember {
  readonly recordId: number;
  readonly version: number;
  readonly type: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly idemKey: string;
}

/** The records behind some idem keys of a batch, in row order. */
export async function recordsBehind(tx: Tx, seq: number, idemKeys: readonly string[]): Promise<RejectedMember[]> {
  const sql = `SELECT r.id AS "recordId", d.version, r.type, r.job, r.number, r.name, d.idem_key AS "idemKey"
     FROM deliveries d JOIN records r ON r.id = d.record_id
     WHERE d.batch_seq = ? AND d.idem_key IN (${placeholders(idemKeys.length)}) ORDER BY d.row_no`;
  const rows = await select<RejectedMember>(tx, sql, [seq, ...idemKeys]);
  return rows.map((row) => ({ ...row, recordId: Number(row.recordId) }));
}

/** Records rejected so far in a batch and in everything that it was cut into. */
export async function countRefused(tx: Tx, root: number): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM batches b JOIN deliveries d ON d.batch_seq = b.seq
     WHERE (b.seq = ? OR b.root_seq = ?) AND d.state = 'rejected'`;
  const [row] = await select<{ n: number }>(tx, sql, [root, root]);
  return Number(row?.n ?? 0);
}

/** Verdicts so far of the deliveries that a run sealed. */
export async function countRun(
  db: Reader,
  platform: string,
  runId: number,
): Promise<{ accepted: number; rejected: number }> {
  const sql = `SELECT d.state, COUNT(*) AS n FROM batches b JOIN deliveries d ON d.batch_seq = b.seq
     WHERE b.platform = ? AND b.run_id = ? GROUP BY d.state`;
  const rows = await select<{ state: string; n: number }>(db, sql, [platform, runId]);
  const count = (state: string): number => Number(rows.find((row) => row.state === state)?.n ?? 0);
  return { accepted: count('accepted'), rejected: count('rejected') };
}

/** Was a later version of any member sent, or sealed to be sent, since? */
export async function hasLaterDelivery(db: Reader, seq: number): Promise<boolean> {
  const sql = `SELECT d.record_id FROM deliveries d WHERE d.batch_seq = ? AND EXISTS (SELECT 1 FROM deliveries l
    WHERE l.platform = d.platform AND l.record_id = d.record_id AND l.version > d.version) LIMIT 1`;
  return (await select(db, sql, [seq])).length > 0;
}
