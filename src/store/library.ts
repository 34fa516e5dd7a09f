import type { Operation } from '../record.ts';
import { change, insertRows, placeholders, type Reader, select, type Tx, takeNumbers } from './database.ts';

/** The newest state of a record, as far as taking in the next version needs it. */
export interface Newest {
  readonly id: number;
  readonly version: number;
  readonly operation: Operation;
  /** Lower-case hex. */
  readonly digest: string;
  readonly revisedAt: string | undefined;
  /** Rules and digest of the raw row that made it, or that was last seen to say the same. */
  readonly raw: Buffer | undefined;
  /** The bureau's row that it came from. */
  readonly sourceRef: Buffer | undefined;
}

interface NewestRow {
  readonly id: number;
  readonly record_key: Buffer;
  readonly newest_version: number;
  readonly newest_operation: Operation;
  readonly newest_digest: Buffer;
  readonly newest_revised_at: string | null;
  readonly newest_raw: Buffer | null;
  readonly source_ref: Buffer | null;
}

const newestColumns =
  'id, record_key, newest_version, newest_operation, newest_digest, newest_revised_at, newest_raw, source_ref';

/** By record key (hex). */
export async function newestByKey(db: Reader, keys: readonly Buffer[]): Promise<Map<string, Newest>> {
  const found = new Map<string, Newest>();
  if (keys.length === 0) return found;
  const sql = `SELECT ${newestColumns} FROM records WHERE record_key IN (${placeholders(keys.length)})`;
  for (const row of await select<NewestRow>(db, sql, keys)) found.set(row.record_key.toString('hex'), toNewest(row));
  return found;
}

const toNewest = (row: NewestRow): Newest => ({
  id: Number(row.id),
  version: row.newest_version,
  operation: row.newest_operation,
  digest: row.newest_digest.toString('hex'),
  revisedAt: row.newest_revised_at ?? undefined,
  raw: row.newest_raw ?? undefined,
  sourceRef: row.source_ref ?? undefined,
});

/** Live records (not yet replaced) that came from these rows of a bureau, by source reference (latin1): how a corrected key field is seen. */
export async function newestBySourceRef(db: Reader, refs: readonly Buffer[]): Promise<Map<string, Newest>> {
  const found = new Map<string, Newest>();
  if (refs.length === 0) return found;
  const sql = `SELECT ${newestColumns} FROM records
     WHERE successor_id IS NULL AND source_ref IN (${placeholders(refs.length)})`;
  for (const row of await select<NewestRow & { source_ref: Buffer }>(db, sql, refs)) {
    found.set(row.source_ref.toString('latin1'), toNewest(row));
  }
  return found;
}

/** A record as far as telling whether its row says anything new needs it. */
export interface RawMark {
  readonly id: number;
  readonly keyHex: string;
  readonly raw: Buffer | null;
}

/** Marks of the raw rows behind the newest versions, by source reference (latin1). */
export async function rawBySourceRef(db: Reader, refs: readonly Buffer[]): Promise<Map<string, RawMark>> {
  const found = new Map<string, RawMark>();
  if (refs.length === 0) return found;
  const sql = `SELECT id, record_key, source_ref, newest_raw FROM records WHERE source_ref IN (${placeholders(refs.length)})`;
  type Row = { id: number; record_key: Buffer; source_ref: Buffer; newest_raw: Buffer | null };
  for (const row of await select<Row>(db, sql, refs)) {
    const mark = { id: Number(row.id), keyHex: row.record_key.toString('hex'), raw: row.newest_raw };
    found.set(row.source_ref.toString('latin1'), mark);
  }
  return found;
}

export const markRaw = (tx: Tx, id: number, raw: Buffer): Promise<number> =>
  change(tx, 'UPDATE records SET newest_raw = ? WHERE id = ?', [raw, id]);

/** The record now comes from another row of its bureau; who stood for that row before gives the reference up. */
export async function moveSourceRef(
  tx: Tx,
  id: number,
  { ref, raw }: { readonly ref: Buffer; readonly raw: Buffer },
): Promise<void> {
  await change(tx, 'UPDATE records SET source_ref = NULL WHERE source_ref = ? AND id <> ?', [ref, id]);
  await change(tx, 'UPDATE records SET source_ref = ?, newest_raw = ? WHERE id = ?', [ref, raw, id]);
}

/** Which of these contents a record already had in an older version: `${id}/${digest hex}`. */
export async function earlierContents(db: Reader, ids: readonly number[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const sql = `SELECT record_id, digest FROM versions WHERE record_id IN (${placeholders(ids.length)})`;
  const rows = await select<{ record_id: number; digest: Buffer }>(db, sql, ids);
  return new Set(rows.map((row) => `${row.record_id}/${row.digest.toString('hex')}`));
}

export interface NewVersion {
  /** Absent: a new record. */
  readonly known: { readonly id: number; readonly version: number } | undefined;
  readonly key: Buffer;
  readonly type: string;
  readonly authority: string;
  readonly job: string;
  readonly number: string | undefined;
  readonly name: string | undefined;
  readonly creditCode: string | undefined;
  readonly sourceRef: Buffer | undefined;
  readonly operation: Operation;
  /** Canonical JSON of the unified record. */
  readonly body: string;
  readonly digest: Buffer;
  readonly rawDigest: Buffer;
  /** `undefined` where the bureau has no row ids. */
  readonly rawMark: Buffer | undefined;
  readonly revisedAt: string | undefined;
  readonly rowNo: number;
  /** Canonical JSON of warnings and notes, `undefined` if none. */
  readonly faults: string | undefined;
  /** Record that this one replaces after a corrected key field. */
  readonly predecessorId: number | undefined;
}

const recordColumns = [
  'id',
  'record_key',
  'type',
  'authority',
  'job',
  'number',
  'name',
  'credit_code',
  'source_ref',
  'newest_version',
  'newest_operation',
  'newest_digest',
  'newest_revised_at',
  'newest_raw',
  'predecessor_id',
];
const versionColumns = [
  'record_id',
  'version',
  'operation',
  'body',
  'digest',
  'raw_digest',
  'revised_at',
  'intake_id',
  'row_no',
  'faults',
  'created_at',
];

/**
 * Appends versions in the given order. Every new record is numbered densely, so the same input gives the same ids on
 * both databases. Returns the record ids in the order of `versions`.
 */
export async function appendVersions(
  tx: Tx,
  intakeId: number,
  versions: readonly NewVersion[],
  now: Date,
): Promise<number[]> {
  const fresh = versions.filter(({ known }) => known === undefined).length;
  let next = fresh === 0 ? 0 : await takeNumbers(tx, 'records', fresh);
  const ids = versions.map(({ known }) => known?.id ?? next++);
  const records: unknown[][] = [];
  const rows: unknown[][] = [];
  const at = now.toISOString();
  for (const [index, version] of versions.entries()) {
    const id = ids[index] ?? 0;
    const number = (version.known?.version ?? 0) + 1;
    if (version.known === undefined) records.push(recordRow(id, version));
    rows.push([
      id,
      number,
      version.operation,
      version.body,
      version.digest,
      version.rawDigest,
      version.revisedAt ?? null,
      intakeId,
      version.rowNo,
      version.faults ?? null,
      at,
    ]);
  }
  await insertRows(tx, 'records', recordColumns, records);
  await insertRows(tx, 'versions', versionColumns, rows);
  for (const [index, version] of versions.entries()) {
    if (version.known !== undefined) await moveNewest(tx, ids[index] ?? 0, version.known.version, version);
    if (version.predecessorId !== undefined) await linkSuccessor(tx, version.predecessorId, ids[index] ?? 0);
  }
  return ids;
}

const recordRow = (id: number, version: NewVersion): unknown[] => [
  id,
  version.key,
  version.type,
  version.authority,
  version.job,
  clip(version.number),
  clip(version.name),
  version.creditCode ?? null,
  version.sourceRef ?? null,
  1,
  version.operation,
  version.digest,
  version.revisedAt ?? null,
  version.rawMark ?? null,
  version.predecessorId ?? null,
];

/** Search columns only; the record itself is never cut. */
const clip = (text: string | undefined): string | null => (text === undefined ? null : text.slice(0, 255));

async function moveNewest(tx: Tx, id: number, from: number, version: NewVersion): Promise<void> {
  const changed = await change(
    tx,
    `UPDATE records SET newest_version = ?, newest_operation = ?, newest_digest = ?, newest_revised_at = ?, newest_raw = ?,
       number = ?, name = ?, credit_code = ?, source_ref = COALESCE(?, source_ref), successor_id = NULL,
       predecessor_id = COALESCE(?, predecessor_id) WHERE id = ? AND newest_version = ?`,
    [
      from + 1,
      version.operation,
      version.digest,
      version.revisedAt ?? null,
      version.rawMark ?? null,
      clip(version.number),
      clip(version.name),
      version.creditCode ?? null,
      version.sourceRef ?? null,
      version.predecessorId ?? null,
      id,
      from,
    ],
  );
  if (changed !== 1) throw new Error(`record ${id}: version ${from} is no longer the newest`);
}

/** The replaced record gives up its source reference, so that the bureau's row now means the new one. */
const linkSuccessor = (tx: Tx, predecessor: number, successor: number): Promise<number> =>
  change(tx, 'UPDATE records SET successor_id = ?, source_ref = NULL WHERE id = ?', [successor, predecessor]);

/** Body of one version. */
export async function readVersion(db: Reader, id: number, version: number) {
  const sql = `SELECT r.type, r.authority, r.number, r.name, r.credit_code, r.record_key, v.body, v.operation
     FROM records r JOIN versions v ON v.record_id = r.id WHERE r.id = ? AND v.version = ?`;
  const [row] = await select<{
    type: string;
    authority: string;
    number: string | null;
    name: string | null;
    credit_code: string | null;
    record_key: Buffer;
    body: string;
    operation: Operation;
  }>(db, sql, [id, version]);
  return row;
}
