import { placeholders, type Reader, select } from './database.ts';

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

/** By what people look records up; every value as the hub stores it. */
export interface RecordTerms {
  /** Hex digits that the record key begins with. */
  readonly key?: string | undefined;
  readonly numbers?: readonly string[];
  readonly creditCodes?: readonly string[];
  readonly names?: readonly string[];
}

/** Records that any of the terms fits, in the order of their ids. One query per term, so that each takes its own index. */
export async function findRecords(db: Reader, terms: RecordTerms, limit = 50): Promise<RecordRow[]> {
  const found = new Map<number, RecordRow>();
  for (const [where, bindings] of conditions(terms)) {
    const sql = `SELECT ${recordColumns} FROM records WHERE ${where} ORDER BY id LIMIT ${limit}`;
    for (const row of await select<RecordColumns>(db, sql, bindings)) found.set(Number(row.id), toRecord(row));
  }
  if (found.size === 0 && terms.numbers !== undefined) return recordsOfDocument(db, terms.numbers, limit);
  return [...found.values()].toSorted((a, b) => a.id - b.id).slice(0, limit);
}

/**
 * By the number of their decision (文书号), where that is not the record's own number (licences). It stands in the bodies only: this
 * reads every version, which an auditor can wait for and an index would cost each pull.
 */
async function recordsOfDocument(db: Reader, numbers: readonly string[], limit: number): Promise<RecordRow[]> {
  const texts = numbers.filter((text) => text !== '').map((text) => `%"number":${likeText(JSON.stringify(text))}%`);
  if (texts.length === 0) return [];
  const sql = `SELECT DISTINCT record_id AS id FROM versions WHERE ${texts.map(() => "body LIKE ? ESCAPE '!'").join(' OR ')}
    ORDER BY record_id LIMIT ${limit}`;
  const rows = await select<{ id: number }>(db, sql, texts);
  return recordsById(
    db,
    rows.map(({ id }) => Number(id)),
  );
}

const likeText = (text: string): string => text.replaceAll(/[!%_]/g, '!$&');

function conditions({ key, numbers = [], creditCodes = [], names = [] }: RecordTerms): [string, unknown[]][] {
  const among = (column: string, values: readonly string[]): [string, unknown[]][] =>
    values.length === 0 ? [] : [[`${column} IN (${placeholders(values.length)})`, [...values]]];
  return [
    ...(key === undefined ? [] : [keyRange(key)]),
    ...among('number', numbers),
    ...among('credit_code', creditCodes),
    ...among('name', names),
  ];
}

const keyRange = (digits: string): [string, unknown[]] => [
  'record_key BETWEEN ? AND ?',
  ['0', 'f'].map((filler) => Buffer.from(digits.padEnd(64, filler), 'hex')),
];

export async function recordsById(db: Reader, ids: readonly number[]): Promise<RecordRow[]> {
  if (ids.length === 0) return [];
  const sql = `SELECT ${recordColumns} FROM records WHERE id IN (${placeholders(ids.length)}) ORDER BY id`;
  return (await select<RecordColumns>(db, sql, ids)).map(toRecord);
}

const recordColumns = `id, record_key, type, authority, job, number, name, credit_code, newest_version, newest_operation,
  successor_id, predecessor_id`;

interface RecordColumns {
  readonly id: number;
  readonly record_key: Buffer;
  readonly type: string;
  readonly authority: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly credit_code: string | null;
  readonly newest_version: number;
  readonly newest_operation: string;
  readonly successor_id: number | null;
  readonly predecessor_id: number | null;
}

const toRecord = (row: RecordColumns): RecordRow => ({
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
});

export interface LedgerRow {
  readonly recordId: number;
  readonly version: number;
  readonly operation: 'UPSERT' | 'WITHDRAW';
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

/** Versions × platforms × receipts of some records, oldest version first. */
export async function ledgerOf(db: Reader, recordIds: readonly number[]): Promise<LedgerRow[]> {
  if (recordIds.length === 0) return [];
  // Deliveries are found by platform and record: an index by record alone would slow down every push.
  const platforms = await platformsTold(db);
  const rows = await select<LedgerRow>(
    db,
    `SELECT v.record_id AS "recordId", v.version, v.operation, v.created_at AS "createdAt", d.platform, d.rendition, d.state,
       d.verdict, d.verdict_reason AS "verdictReason", d.idem_key AS "idemKey", b.id AS "batchId", b.state AS "batchState",
       b.receipt_id AS "receiptId", b.sent_at AS "sentAt", b.settled_at AS "settledAt"
     FROM versions v LEFT JOIN deliveries d ON d.platform IN (${placeholders(platforms.length)})
       AND d.record_id = v.record_id AND d.version = v.version LEFT JOIN batches b ON b.seq = d.batch_seq
     WHERE v.record_id IN (${placeholders(recordIds.length)}) ORDER BY v.record_id, v.version, d.platform, d.rendition`,
    [...platforms, ...recordIds],
  );
  return rows.map((row) => ({ ...row, recordId: Number(row.recordId) }));
}

/** Platforms that were ever given anything. */
export async function platformsTold(db: Reader): Promise<string[]> {
  const rows = await select<{ platform: string }>(db, 'SELECT DISTINCT platform FROM batches');
  return rows.length === 0 ? [''] : rows.map(({ platform }) => platform);
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
