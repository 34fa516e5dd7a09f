import type { Operation } from '../record.ts';
import { placeholders, type Reader, select } from './database.ts';
import type { PendingRow } from './pending.ts';

/** What a platform was told of a record, oldest first. */
export interface ToldVersion {
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly state: string;
  /** State of its batch. */
  readonly batchState: string;
  /** Lower-case hex. */
  readonly payloadHash: string;
}

/** The newest version of a record, and what a platform was told of it. */
export interface Candidate extends PendingRow {
  readonly told: readonly ToldVersion[];
  /** Shown no more, whatever its bureau says of it (信用修复, end of publicity). */
  readonly suppressed: boolean;
}

export interface CandidateQuery {
  readonly platform: string;
  readonly types: readonly string[];
  /** Only these records; absent: all. */
  readonly ids?: readonly number[];
  /** UTC instants: newest version taken in at or after, and before. */
  readonly from?: string;
  readonly before?: string;
  /** Only what was rejected, contradicted, or is held for a person. */
  readonly failedOnly: boolean;
  readonly afterId: number;
  readonly limit: number;
}

const failed = `EXISTS (SELECT 1 FROM deliveries f JOIN batches b ON b.seq = f.batch_seq WHERE f.platform = ? AND f.record_id = r.id
  AND (f.state IN ('rejected', 'conflict') OR (f.state = 'open' AND b.state = 'HELD')))`;

/** In the order of record ids. */
export async function resyncCandidates(db: Reader, query: CandidateQuery): Promise<Candidate[]> {
  const { platform, types, ids, from, before, failedOnly } = query;
  if (types.length === 0 || ids?.length === 0) return [];
  const where = [`r.id > ? AND r.type IN (${placeholders(types.length)})`];
  const bindings: unknown[] = [query.afterId, ...types];
  const and = (sql: string, ...values: readonly unknown[]): void => {
    where.push(sql);
    bindings.push(...values);
  };
  if (ids !== undefined) and(`r.id IN (${placeholders(ids.length)})`, ...ids);
  if (from !== undefined) and('v.created_at >= ?', from);
  if (before !== undefined) and('v.created_at < ?', before);
  if (failedOnly) and(failed, platform);
  const sql = `SELECT r.id, r.record_key AS "key", r.type, r.job, r.number, r.name, v.version, v.operation, v.body,
      v.revised_at AS "revisedAt" FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE ${where.join(' AND ')} ORDER BY r.id LIMIT ${query.limit}`;
  const rows = await select<Omit<PendingRow, 'rendition'>>(db, sql, bindings);
  const found = rows.map(({ id }) => Number(id));
  const told = await toldOf(db, platform, found);
  const suppressed = await suppressedAmong(db, found);
  return rows.map((row) => {
    const id = Number(row.id);
    return { ...row, id, rendition: 1, told: told.get(id) ?? [], suppressed: suppressed.has(id) };
  });
}

async function suppressedAmong(db: Reader, ids: readonly number[]): Promise<ReadonlySet<number>> {
  if (ids.length === 0) return new Set();
  const sql = `SELECT record_id FROM suppressions WHERE record_id IN (${placeholders(ids.length)})`;
  return new Set((await select<{ record_id: number }>(db, sql, ids)).map(({ record_id }) => Number(record_id)));
}

async function toldOf(db: Reader, platform: string, ids: readonly number[]): Promise<Map<number, ToldVersion[]>> {
  const found = new Map<number, ToldVersion[]>();
  if (ids.length === 0) return found;
  const sql = `SELECT d.record_id AS "recordId", d.version, d.rendition, d.operation, d.state, b.state AS "batchState",
      d.payload_digest AS "digest" FROM deliveries d JOIN batches b ON b.seq = d.batch_seq
    WHERE d.platform = ? AND d.record_id IN (${placeholders(ids.length)}) ORDER BY d.record_id, d.version, d.rendition`;
  type Row = Omit<ToldVersion, 'payloadHash'> & { readonly recordId: number; readonly digest: Buffer };
  for (const { recordId, digest, ...rest } of await select<Row>(db, sql, [platform, ...ids])) {
    const told = found.get(Number(recordId)) ?? [];
    told.push({ ...rest, payloadHash: digest.toString('hex') });
    found.set(Number(recordId), told);
  }
  return found;
}

/** Records that a word names: a record key in hex, a licence or document number, a credit code, or a name. */
export async function idsNamed(db: Reader, word: string): Promise<number[]> {
  const key = /^[0-9a-f]{64}$/.test(word) ? Buffer.from(word, 'hex') : undefined;
  const ids = new Set<number>();
  const columns = key === undefined ? ['number', 'credit_code', 'name'] : ['record_key'];
  for (const column of columns) {
    const rows = await select<{ id: number }>(db, `SELECT id FROM records WHERE ${column} = ?`, [key ?? word]);
    for (const { id } of rows) ids.add(Number(id));
  }
  return [...ids];
}
