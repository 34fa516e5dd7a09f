import { setImmediate } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import type { Operation } from '../record.ts';
import { change, type Db, insertRows, inTransaction, placeholders, type Reader, select } from './database.ts';

/** One line of the far end's list while it is compared. */
export interface HeldRow {
  /** Record key in hex, a row id, or what stands for a row in quarantine. */
  readonly name: string;
  /** 64 lower-case hex digits; absent until a row id is resolved. */
  readonly recordKey?: string;
  readonly version?: number;
  readonly operation: Operation;
  /** Lower-case hex SHA-256. */
  readonly digest?: string;
}

const columns = ['reconciliation_id', 'name', 'record_key', 'version', 'operation', 'digest'];

const bytes = (hex: string | undefined): Buffer | null => (hex === undefined ? null : Buffer.from(hex, 'hex'));

/** `repeat: 'last'`: a name that comes again replaces the earlier one; `refuse`: such a list cannot be trusted. */
export async function keepHeld(db: Db, id: number, rows: readonly HeldRow[], repeat: 'last' | 'refuse'): Promise<void> {
  const last = new Map(rows.map((row) => [row.name, row]));
  if (repeat === 'refuse' && last.size < rows.length) throw listedTwice();
  const kept = [...last.values()];
  if (kept.length === 0) return;
  const values = kept.map(({ name, recordKey, version, operation, digest }) => [
    ...[id, name, bytes(recordKey), version ?? null, operation, bytes(digest)],
  ]);
  await inTransaction(db, async (tx) => {
    const names = kept.map(({ name }) => name);
    const among = `reconciliation_id = ? AND name IN (${placeholders(names.length)})`;
    if (repeat === 'last') await change(tx, `DELETE FROM held_records WHERE ${among}`, [id, ...names]);
    await insertRows(tx, 'held_records', columns, values).catch(refuseTwice);
  });
}

function refuseTwice(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  throw /^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)$|^ER_DUP_ENTRY$/.test(code) ? listedTwice() : error;
}

const listedTwice = (): HubError =>
  new HubError('PLATFORM_UNREADABLE', '平台的持有清单中同一记录出现两次 (the platform lists a record twice)', {
    remedy: 'give-up',
    fix: '什么都没有比对，请联系平台 (nothing was compared; ask the platform)',
  });

/** Rows behind a record key, in its order; rows without one are left out. */
export async function heldAfter(db: Reader, id: number, after: Buffer, limit: number): Promise<HeldRow[]> {
  const sql = `SELECT name, record_key, version, operation, digest FROM held_records
    WHERE reconciliation_id = ? AND record_key > ? ORDER BY record_key LIMIT ${limit}`;
  return (await select<StoredRow>(db, sql, [id, after])).map(toHeld);
}

/** Rows whose names nobody could resolve to a record, in the order of their names. */
export async function heldUnresolved(db: Reader, id: number, after: string, limit: number): Promise<HeldRow[]> {
  const sql = `SELECT name, record_key, version, operation, digest FROM held_records
    WHERE reconciliation_id = ? AND record_key IS NULL AND version IS NULL AND name > ? ORDER BY name LIMIT ${limit}`;
  return (await select<StoredRow>(db, sql, [id, after])).map(toHeld);
}

export async function heldNames(db: Reader, id: number, names: readonly string[]): Promise<Set<string>> {
  if (names.length === 0) return new Set();
  const sql = `SELECT name FROM held_records WHERE reconciliation_id = ? AND name IN (${placeholders(names.length)})`;
  return new Set((await select<{ name: string }>(db, sql, [id, ...names])).map(({ name }) => name));
}

/** What a row id turned out to be; `recordKey` null: an older state of a record that is listed in a newer one as well. */
export interface Resolved {
  readonly name: string;
  readonly recordKey: string | null;
  readonly version: number;
}

export async function resolveHeld(db: Db, id: number, rows: readonly Resolved[]): Promise<void> {
  const sql = 'UPDATE held_records SET record_key = ?, version = ? WHERE reconciliation_id = ? AND name = ?';
  await inTransaction(db, async (tx) => {
    for (const { name, recordKey, version } of rows)
      await change(tx, sql, [bytes(recordKey ?? undefined), version, id, name]);
  });
}

const PER_DELETE = 2000;

/** Empties the list in short transactions, in the order of the names. */
export async function forgetHeld(db: Db, id: number): Promise<void> {
  const last = `SELECT name FROM held_records WHERE reconciliation_id = ? ORDER BY name LIMIT 1 OFFSET ${PER_DELETE}`;
  for (;;) {
    const [row] = await select<{ name: string }>(db, last, [id]);
    const upTo = row === undefined ? '' : ' AND name < ?';
    const sql = `DELETE FROM held_records WHERE reconciliation_id = ?${upTo}`;
    await inTransaction(db, (tx) => change(tx, sql, row === undefined ? [id] : [id, row.name]));
    if (row === undefined) return;
    await setImmediate();
  }
}

interface StoredRow {
  readonly name: string;
  readonly record_key: Buffer | null;
  readonly version: number | null;
  readonly operation: Operation;
  readonly digest: Buffer | null;
}

const toHeld = (row: StoredRow): HeldRow => ({
  name: row.name,
  operation: row.operation,
  ...(row.record_key === null ? {} : { recordKey: row.record_key.toString('hex') }),
  ...(row.version === null ? {} : { version: row.version }),
  ...(row.digest === null ? {} : { digest: row.digest.toString('hex') }),
});
