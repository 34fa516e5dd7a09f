import { HubError } from '../errors.ts';
import { placeholders, type Reader, select } from './database.ts';
import { platformsTold } from './ledger.ts';
import { unpackBody } from './outbox.ts';

/** A batch as an evidence pack needs it. */
export interface PackBatchRow {
  readonly seq: number;
  readonly id: string;
  readonly platform: string;
  readonly form: string;
  readonly state: string;
  readonly period: string | null;
  readonly parentId: string | null;
  readonly receiptId: string | null;
  readonly sentAt: string | null;
  readonly settledAt: string | null;
}

const batchColumns = `seq, id, platform, form, state, period, parent_id AS "parentId", receipt_id AS "receiptId",
  sent_at AS "sentAt", settled_at AS "settledAt"`;

const toBatch = (row: PackBatchRow): PackBatchRow => ({ ...row, seq: Number(row.seq) });

/** Batches of a period at all platforms or one, in order. */
export async function batchesOfPeriod(db: Reader, period: string, platform?: string): Promise<PackBatchRow[]> {
  const of = platform === undefined ? '' : ' AND platform = ?';
  const sql = `SELECT ${batchColumns} FROM batches WHERE period = ?${of} ORDER BY seq`;
  return (await select<PackBatchRow>(db, sql, platform === undefined ? [period] : [period, platform])).map(toBatch);
}

export const allBatches = async (db: Reader): Promise<PackBatchRow[]> =>
  (await select<PackBatchRow>(db, `SELECT ${batchColumns} FROM batches ORDER BY seq`)).map(toBatch);

export async function batchesBySeq(db: Reader, seqs: readonly number[]): Promise<PackBatchRow[]> {
  if (seqs.length === 0) return [];
  const sql = `SELECT ${batchColumns} FROM batches WHERE seq IN (${placeholders(seqs.length)}) ORDER BY seq`;
  return (await select<PackBatchRow>(db, sql, seqs)).map(toBatch);
}

/** What these batches were split from. */
export async function batchesById(db: Reader, ids: readonly string[]): Promise<PackBatchRow[]> {
  if (ids.length === 0) return [];
  const sql = `SELECT ${batchColumns} FROM batches WHERE id IN (${placeholders(ids.length)}) ORDER BY seq`;
  return (await select<PackBatchRow>(db, sql, ids)).map(toBatch);
}

/** The halves of a split batch, first half first. */
export async function halvesOf(db: Reader, id: string): Promise<PackBatchRow[]> {
  return (
    await select<PackBatchRow>(db, `SELECT ${batchColumns} FROM batches WHERE parent_id = ? ORDER BY seq`, [id])
  ).map(toBatch);
}

/** Numbers of the batches in which records stand. */
export async function seqsOfRecords(db: Reader, ids: readonly number[], platform?: string): Promise<number[]> {
  if (ids.length === 0) return [];
  const platforms = platform === undefined ? await platformsTold(db) : [platform];
  const sql = `SELECT DISTINCT batch_seq AS "seq" FROM deliveries
     WHERE platform IN (${placeholders(platforms.length)}) AND record_id IN (${placeholders(ids.length)}) ORDER BY batch_seq`;
  const rows = await select<{ seq: number }>(db, sql, [...platforms, ...ids]);
  return rows.map(({ seq }) => Number(seq));
}

export interface PackMemberRow {
  readonly recordId: number;
  readonly recordKey: Buffer;
  readonly type: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly creditCode: string | null;
  readonly version: number;
  readonly rendition: number;
  readonly operation: 'UPSERT' | 'WITHDRAW';
  readonly idemKey: string;
  readonly payloadDigest: Buffer;
  readonly state: string;
  readonly verdict: string | null;
  readonly reason: string | null;
}

/** Members that stand in a batch now, in row order. */
export async function packMembers(db: Reader, seq: number): Promise<PackMemberRow[]> {
  const rows = await select<PackMemberRow>(
    db,
    `SELECT d.record_id AS "recordId", r.record_key AS "recordKey", r.type, r.number, r.name, r.credit_code AS "creditCode",
       d.version, d.rendition, d.operation, d.idem_key AS "idemKey", d.payload_digest AS "payloadDigest", d.state, d.verdict,
       d.verdict_reason AS "reason"
     FROM deliveries d JOIN records r ON r.id = d.record_id WHERE d.batch_seq = ? ORDER BY d.row_no`,
    [seq],
  );
  return rows.map((row) => ({ ...row, recordId: Number(row.recordId) }));
}

/** One member of a batch, with what its key is made of. */
export async function firstMember(
  db: Reader,
  seq: number,
): Promise<Pick<PackMemberRow, 'recordKey' | 'version' | 'rendition' | 'idemKey'> | undefined> {
  const sql = `SELECT r.record_key AS "recordKey", d.version, d.rendition, d.idem_key AS "idemKey"
     FROM deliveries d JOIN records r ON r.id = d.record_id WHERE d.batch_seq = ? ORDER BY d.row_no LIMIT 1`;
  return (await select<Pick<PackMemberRow, 'recordKey' | 'version' | 'rendition' | 'idemKey'>>(db, sql, [seq]))[0];
}

/** The exact body, and the hub's own package where the body has another form. */
export async function packBodies(
  db: Reader,
  seq: number,
): Promise<{ readonly body: Buffer; readonly package: Buffer | undefined }> {
  const sql = 'SELECT body, package_body AS "package" FROM batches WHERE seq = ?';
  const [row] = await select<{ body: Buffer; package: Buffer | null }>(db, sql, [seq]);
  if (row === undefined) throw new Error(`batch ${seq} is gone`);
  const [body, ...packages] = await unpacked(`batches seq ${seq}`, [
    row.body,
    ...(row.package === null ? [] : [row.package]),
  ]);
  return { body: body ?? Buffer.alloc(0), package: packages[0] };
}

/** Throws HubError BODY_DAMAGED, which names the rows. */
async function unpacked(where: string, packed: readonly Uint8Array[]): Promise<Buffer[]> {
  try {
    return await Promise.all(packed.map(unpackBody));
  } catch (cause) {
    throw new HubError(
      'BODY_DAMAGED',
      `${where}：保存的字节已损坏，无法解开 (the kept bytes are damaged and cannot be unpacked)`,
      {
        remedy: 'give-up',
        fix: '请勿修改数据库；运行 hub log verify 查明全部损坏之处，从最近的备份恢复 (leave the database as it is; hub log verify names every damage; restore the newest backup)',
        cause,
      },
    );
  }
}

export interface PackReceiptRow {
  readonly receiptId: string;
  readonly receivedAt: string;
  readonly digest: Buffer;
  readonly body: Buffer;
}

/** Receipts of a batch with their exact bytes, oldest first. */
export async function packReceipts(db: Reader, batchId: string): Promise<PackReceiptRow[]> {
  const sql = `SELECT receipt_id AS "receiptId", received_at AS "receivedAt", digest, body FROM receipts WHERE batch_id = ? ORDER BY id`;
  const rows = await select<PackReceiptRow>(db, sql, [batchId]);
  const bodies = await unpacked(
    `receipts ${batchId}`,
    rows.map(({ body }) => body),
  );
  return rows.map((row, at) => ({ ...row, body: bodies[at] ?? Buffer.alloc(0) }));
}

export interface PayloadRow {
  readonly salt: Buffer;
  readonly kind: string;
  /** Only where it stands nowhere else. */
  readonly payload: Buffer | null;
}

export async function payloadOf(db: Reader, commit: string): Promise<PayloadRow | undefined> {
  const sql = 'SELECT salt, kind, payload FROM log_payloads WHERE payload_commit = ?';
  return (await select<PayloadRow>(db, sql, [Buffer.from(commit, 'hex')]))[0];
}

export interface PackEntryRow {
  readonly index: number;
  readonly entry: Buffer;
}

const toEntry = (row: { index: number; entry: Buffer }): PackEntryRow => ({ ...row, index: Number(row.index) });

/** Logs in which a batch has entries. */
export async function logsOfBatches(db: Reader, ids: readonly string[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const sql = `SELECT DISTINCT log_no AS "log" FROM log_entries WHERE batch_id IN (${placeholders(ids.length)})`;
  return (await select<{ log: number }>(db, sql, ids)).map(({ log }) => Number(log));
}

/** Entries of a batch in one log, in order. */
export async function entriesOfBatch(db: Reader, logNo: number, batchId: string): Promise<PackEntryRow[]> {
  const sql = 'SELECT idx AS "index", entry FROM log_entries WHERE batch_id = ? AND log_no = ? ORDER BY idx';
  return (await select<PackEntryRow>(db, sql, [batchId, logNo])).map(toEntry);
}

/** Entries about records. */
export async function entriesOfRecords(db: Reader, logNo: number, ids: readonly number[]): Promise<PackEntryRow[]> {
  if (ids.length === 0) return [];
  const sql = `SELECT idx AS "index", entry FROM log_entries WHERE record_id IN (${placeholders(ids.length)}) AND log_no = ? ORDER BY idx`;
  return (await select<PackEntryRow>(db, sql, [...ids, logNo])).map(toEntry);
}

/** Entries of a stretch that concern no batch: what people and the hub itself did meanwhile. */
export async function entriesBeside(
  db: Reader,
  logNo: number,
  span: { readonly from: number; readonly to: number; readonly limit: number },
): Promise<PackEntryRow[]> {
  const sql = `SELECT idx AS "index", entry FROM log_entries WHERE log_no = ? AND idx >= ? AND idx < ? AND batch_id IS NULL
     ORDER BY idx LIMIT ${span.limit}`;
  return (await select<PackEntryRow>(db, sql, [logNo, span.from, span.to])).map(toEntry);
}

/** Everything that was asked of second persons, in a whole log. */
export async function approvalEntries(db: Reader, logNo: number, size: number): Promise<PackEntryRow[]> {
  const sql = `SELECT idx AS "index", entry FROM log_entries WHERE log_no = ? AND idx < ? AND action LIKE 'approval.%' ORDER BY idx`;
  return (await select<PackEntryRow>(db, sql, [logNo, size])).map(toEntry);
}

export interface CheckpointRow {
  readonly logNo: number;
  readonly size: number;
  readonly origin: string;
  readonly note: string;
}

/** Checkpoints of all logs, oldest first, a page at a time. */
export async function checkpointsAfter(
  db: Reader,
  after: { readonly logNo: number; readonly size: number },
  limit: number,
): Promise<CheckpointRow[]> {
  const sql = `SELECT log_no AS "logNo", size, origin, note FROM checkpoints
     WHERE log_no > ? OR (log_no = ? AND size > ?) ORDER BY log_no, size LIMIT ${limit}`;
  const rows = await select<CheckpointRow>(db, sql, [after.logNo, after.logNo, after.size]);
  return rows.map((row) => ({ ...row, size: Number(row.size) }));
}

/** The newest checkpoint of a log. */
export async function newestCheckpoint(db: Reader, logNo: number): Promise<CheckpointRow | undefined> {
  const sql = `SELECT log_no AS "logNo", size, origin, note FROM checkpoints WHERE log_no = ? ORDER BY size DESC LIMIT 1`;
  const [row] = await select<CheckpointRow>(db, sql, [logNo]);
  return row === undefined ? undefined : { ...row, size: Number(row.size) };
}

export interface RequestFacts {
  readonly id: number;
  readonly kind: string;
  readonly askedBy: string;
  readonly askedAt: string;
  readonly reason: string;
  readonly state: string;
  /** Who stands for what was asked without a log-in. */
  readonly claimedBy: string | null;
  readonly claimedAt: string | null;
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  readonly decisionReason: string | null;
}

/** What was asked of a second person. */
export async function requestFacts(db: Reader, ids: readonly number[]): Promise<RequestFacts[]> {
  if (ids.length === 0) return [];
  return select(
    db,
    `SELECT id, kind, asked_by AS "askedBy", asked_at AS "askedAt", reason, state, claimed_by AS "claimedBy",
       claimed_at AS "claimedAt", decided_by AS "decidedBy",
       decided_at AS "decidedAt", decision_reason AS "decisionReason"
     FROM requests WHERE id IN (${placeholders(ids.length)}) ORDER BY id`,
    ids,
  );
}
