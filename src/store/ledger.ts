import { type Reader, select } from './database.ts';

export interface RecordRow {
  readonly id: number;
  readonly key: string;
  readonly type: string;
  readonly authority: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly creditCode: string | null;
  readonly newestVersion: number;
  readonly newestOperation: string;
  readonly successorId: number | null;
  readonly predecessorId: number | null;
}

/** By record key (hex, at least 8 characters of it), credit code, licence or document number, or enterprise name. */
export async function findRecords(db: Reader, text: string, limit = 50): Promise<RecordRow[]> {
  const query = db('records').orderBy('id').limit(limit);
  query.where('number', text).orWhere('credit_code', text).orWhere('name', text);
  if (/^[0-9a-f]{64}$/.test(text)) query.orWhere('record_key', Buffer.from(text, 'hex'));
  return (await query).map((row) => ({
    id: Number(row.id),
    key: row.record_key.toString('hex'),
    type: row.type,
    authority: row.authority,
    job: row.job,
    number: row.number,
    name: row.name,
    creditCode: row.credit_code,
    newestVersion: row.newest_version,
    newestOperation: row.newest_operation,
    successorId: row.successor_id === null ? null : Number(row.successor_id),
    predecessorId: row.predecessor_id === null ? null : Number(row.predecessor_id),
  }));
}

export interface LedgerRow {
  readonly version: number;
  readonly operation: string;
  readonly createdAt: string;
  readonly platform: string | null;
  readonly rendition: number | null;
  readonly state: string | null;
  readonly verdict: string | null;
  readonly verdictReason: string | null;
  readonly idemKey: string | null;
  readonly batchId: string | null;
  readonly batchState: string | null;
  readonly receiptId: string | null;
  readonly sentAt: string | null;
  readonly settledAt: string | null;
}

/** Versions × platforms × receipts of one record, oldest version first. */
export async function ledgerOf(db: Reader, recordId: number): Promise<LedgerRow[]> {
  return select<LedgerRow>(
    db,
    `SELECT v.version, v.operation, v.created_at AS "createdAt", d.platform, d.rendition, d.state, d.verdict,
       d.verdict_reason AS "verdictReason", d.idem_key AS "idemKey", b.id AS "batchId", b.state AS "batchState",
       b.receipt_id AS "receiptId", b.sent_at AS "sentAt", b.settled_at AS "settledAt"
     FROM versions v LEFT JOIN deliveries d ON d.record_id = v.record_id AND d.version = v.version
       LEFT JOIN batches b ON b.seq = d.batch_seq
     WHERE v.record_id = ? ORDER BY v.version, d.platform, d.rendition`,
    [recordId],
  );
}

export interface PlatformTotals {
  readonly platform: string;
  readonly operation: string;
  readonly state: string;
  readonly count: number;
}

/** Deliveries per platform, operation and state. */
export const platformTotals = async (db: Reader): Promise<PlatformTotals[]> => {
  const sql =
    'SELECT platform, operation, state, COUNT(*) AS "count" FROM deliveries GROUP BY platform, operation, state';
  const rows = await select<PlatformTotals>(db, `${sql} ORDER BY platform, operation, state`);
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
};

/** Records and versions per type. */
export async function libraryTotals(
  db: Reader,
): Promise<{ type: string; records: number; versions: number; withdrawn: number }[]> {
  const sql = `SELECT type, COUNT(*) AS records, SUM(newest_version) AS versions,
     SUM(CASE WHEN newest_operation = 'WITHDRAW' THEN 1 ELSE 0 END) AS withdrawn FROM records GROUP BY type ORDER BY type`;
  const rows = await select<{ type: string; records: number; versions: number; withdrawn: number }>(db, sql);
  return rows.map((row) => ({
    type: row.type,
    records: Number(row.records),
    versions: Number(row.versions),
    withdrawn: Number(row.withdrawn),
  }));
}
