import { type Reader, select } from './database.ts';

/** A batch as its row has it, to be held against what the log tells. */
export interface BatchState {
  readonly seq: number;
  readonly id: string;
  readonly state: string;
  readonly members: number;
  readonly manifestRoot: Buffer;
  readonly sealedAt: string;
}

/** Batches in the order of their ids, after `id`. */
export async function readBatchStates(db: Reader, id: string, limit: number): Promise<BatchState[]> {
  const sql =
    'SELECT seq, id, state, members, manifest_root, sealed_at AS "sealedAt" FROM batches WHERE id > ? ORDER BY id LIMIT ?';
  const rows = await select<Omit<BatchState, 'manifestRoot'> & { manifest_root: Buffer }>(db, sql, [id, limit]);
  return rows.map(({ manifest_root, ...row }) => ({ ...row, seq: Number(row.seq), manifestRoot: manifest_root }));
}

export interface MemberState {
  readonly recordId: number;
  readonly version: number;
  readonly idemKey: string;
  readonly rowNo: number;
  readonly state: string;
  readonly payloadDigest: Buffer;
  readonly verdict: string | null;
  readonly reason: string | null;
}

/** Members of a batch in row order. */
export async function readMemberStates(db: Reader, seq: number): Promise<MemberState[]> {
  const sql = `SELECT record_id AS "recordId", version, idem_key AS "idemKey", row_no AS "rowNo", state, payload_digest AS "payloadDigest",
       verdict, verdict_reason AS reason FROM deliveries WHERE batch_seq = ? ORDER BY row_no`;
  return (await select<MemberState>(db, sql, [seq])).map((row) => ({ ...row, recordId: Number(row.recordId) }));
}

export interface Delivered {
  readonly platform: string;
  readonly version: number;
  readonly batchSeq: number;
  readonly batchId: string;
  readonly idemKey: string;
}

/** Deliveries of a record, newest first. */
export function deliveriesOf(db: Reader, recordId: number): Promise<Delivered[]> {
  const sql = `SELECT d.platform, d.version, d.batch_seq AS "batchSeq", b.id AS "batchId", d.idem_key AS "idemKey"
     FROM deliveries d JOIN batches b ON b.seq = d.batch_seq WHERE d.record_id = ? ORDER BY d.version DESC, d.platform`;
  return select<Delivered>(db, sql, [recordId]);
}

/** Where the sealing of a batch stands in the log. */
export async function sealedAt(
  db: Reader,
  batchId: string,
): Promise<{ readonly logNo: number; readonly index: number } | undefined> {
  const sql =
    'SELECT log_no AS "logNo", idx FROM log_entries WHERE batch_id = ? AND action = \'batch.sealed\' ORDER BY log_no, idx LIMIT 1';
  const [row] = await select<{ logNo: number; idx: number }>(db, sql, [batchId]);
  return row && { logNo: row.logNo, index: Number(row.idx) };
}
