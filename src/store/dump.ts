import type { Knex } from 'knex';
import { type Db, insertRows, isSqlite, openDatabase, select, type Tx } from './database.ts';

/** Tables that belong to a running process, not to the data. */
const LEFT_OUT: ReadonlySet<string> = new Set(['leases', 'migrations_lock', 'sqlite_sequence']);

export interface DumpTable {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Runs `work` on one unchanging view of the whole database, while others go on writing. */
export async function inSnapshot<T>(url: string, work: (view: Knex) => Promise<T>): Promise<T> {
  const db = await openDatabase(url, { readonly: true });
  try {
    if (!isSqlite(db)) return await db.transaction(work, { isolationLevel: 'repeatable read' });
    // One connection, so that everything read on it lies inside.
    await db.raw('BEGIN');
    try {
      return await work(db);
    } finally {
      await db.raw('COMMIT');
    }
  } finally {
    await db.destroy();
  }
}

/** All tables with their columns, in alphabetical order. */
export async function dumpTables(db: Knex): Promise<DumpTable[]> {
  const sql = isSqlite(db)
    ? `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m JOIN pragma_table_info(m.name) c
       WHERE m.type = 'table' ORDER BY m.name, c.cid`
    : `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
       WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position`;
  const rows = await select<{ table: string; column: string }>(db, sql);
  const tables = Map.groupBy(rows, ({ table }) => table);
  return Array.from(tables, ([name, columns]) => ({ name, columns: columns.map(({ column }) => column) })).filter(
    ({ name }) => !LEFT_OUT.has(name) && !name.startsWith('sqlite_'),
  );
}

export type DumpValue = string | number | null | Buffer;

const PAGE = 500;

/** The rows of a table, as arrays in the order of its columns. */
export async function* dumpRows(view: Knex, table: DumpTable): AsyncGenerator<DumpValue[]> {
  const columns = table.columns.map((name) => `${quoted(view, name)}`).join(', ');
  const from = `FROM ${quoted(view, table.name)}`;
  if (!isSqlite(view)) {
    const stream = view.raw(`SELECT ${columns} ${from}`).stream() as AsyncIterable<{ [column: string]: DumpValue }>;
    for await (const row of stream) yield table.columns.map((name) => row[name] ?? null);
    return;
  }
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const sql = `SELECT rowid AS "#row", ${columns} ${from} WHERE rowid > ? ORDER BY rowid LIMIT ${PAGE}`;
    const rows = await select<{ readonly [column: string]: DumpValue }>(view, sql, [after]);
    for (const row of rows) yield table.columns.map((name) => row[name] ?? null);
    if (rows.length < PAGE) return;
    after = Number(rows.at(-1)?.['#row']);
  }
}

const quoted = (db: Knex, name: string): string => (isSqlite(db) ? `"${name}"` : `\`${name}\``);

/** Names of the migrations that made this database. */
export async function migrationNames(db: Knex): Promise<string[]> {
  return (await select<{ name: string }>(db, 'SELECT name FROM migrations ORDER BY id')).map(({ name }) => name);
}

/** True where anything was ever pulled, pushed or decided in this database. */
export async function holdsData(db: Db): Promise<boolean> {
  for (const table of ['records', 'batches', 'runs', 'users']) {
    if ((await select(db, `SELECT 1 AS "one" FROM ${table} LIMIT 1`)).length > 0) return true;
  }
  return false;
}

/** Empties every table but those of the migrations themselves. */
export async function emptyAll(tx: Tx): Promise<void> {
  for (const { name } of await dumpTables(tx)) {
    if (name !== 'migrations') await tx.raw(`DELETE FROM ${quoted(tx, name)}`);
  }
}

export const restoreRows = (tx: Tx, table: DumpTable, rows: readonly DumpValue[][]): Promise<void> =>
  insertRows(
    tx,
    quoted(tx, table.name),
    table.columns.map((name) => quoted(tx, name)),
    rows as unknown[][],
  );
