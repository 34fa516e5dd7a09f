import { createRequire } from 'node:module';
import type Database from 'better-sqlite3';

const require = createRequire(import.meta.url);
const Client = require('knex/lib/dialects/better-sqlite3/index.js');
const Transaction: new (
  ...parts: unknown[]
) => { readonly trxClient: { query(connection: unknown, sql: string): unknown } } =
  require('knex/lib/dialects/sqlite3/execution/sqlite-transaction.js');
const Driver = require('better-sqlite3');

/** How long a statement may block the thread on another process's lock, ms; the transaction is retried as a whole (T22). */
const BUSY_MS = 50;
const CACHED_STATEMENTS = 64;
const statements = new WeakMap<Database.Database, Map<string, Database.Statement>>();

/**
 * `BEGIN IMMEDIATE`: a deferred read → write upgrade fails at once with SQLITE_BUSY_SNAPSHOT (delivery.md T16). Asked of
 * the client itself: knex's own `query` swallows a BEGIN that failed and runs the work all the same, in no transaction.
 */
class ImmediateTransaction extends Transaction {
  begin(connection: unknown): unknown {
    return this.trxClient.query(connection, 'BEGIN IMMEDIATE;');
  }
}

/** knex's better-sqlite3 client with immediate transactions, durable settings and prepared statements kept. */
export class SqliteClient extends Client {
  async acquireRawConnection(): Promise<Database.Database> {
    const { filename, readonly } = this['connectionSettings'];
    const database: Database.Database = new Driver(filename, { readonly: readonly === true, timeout: BUSY_MS });
    // Fewer, fuller pages: a random key dirties one page of the index, and every dirty page goes through the log.
    database.pragma('page_size = 8192');
    if (readonly !== true) database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('wal_autocheckpoint = 4000');
    database.pragma(`cache_size = -${readonly === true ? 8192 : 20_480}`);
    database.pragma('temp_store = MEMORY');
    return database;
  }

  transaction(container: unknown, config?: unknown, outer?: unknown): unknown {
    return new ImmediateTransaction(this, container, config, outer);
  }

  async _query(connection: Database.Database, query: KnexQuery): Promise<KnexQuery> {
    const statement = prepared(connection, query.sql);
    const bindings = this['_formatBindings'](query.bindings);
    if (statement.reader) {
      query.response = statement.all(bindings);
      return query;
    }
    const result = statement.run(bindings);
    query.response = result;
    query.context = { lastID: result.lastInsertRowid, changes: result.changes };
    return query;
  }
}

interface KnexQuery {
  readonly sql: string;
  readonly bindings: readonly unknown[];
  response?: unknown;
  context?: unknown;
}

/** Rows of a statement, past knex: its handling of thousands of bindings costs more than SQLite itself. */
export const allRows = (connection: Database.Database, sql: string, bindings: readonly unknown[]): unknown[] =>
  prepared(connection, sql).all(bindings);

/** Runs a statement once per row of bindings; the number of rows that changed. */
export function runEach(connection: Database.Database, sql: string, rows: readonly (readonly unknown[])[]): number {
  const statement = prepared(connection, sql);
  let changes = 0;
  for (const row of rows) changes += statement.run(row).changes;
  return changes;
}

function prepared(connection: Database.Database, sql: string): Database.Statement {
  const kept = statements.get(connection) ?? new Map<string, Database.Statement>();
  statements.set(connection, kept);
  const known = kept.get(sql);
  if (known !== undefined) return known;
  const oldest = kept.size >= CACHED_STATEMENTS ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
  const statement = connection.prepare(sql);
  kept.set(sql, statement);
  return statement;
}
