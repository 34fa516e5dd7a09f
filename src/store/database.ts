import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import knex, { type Knex } from 'knex';
import { unreachable } from '../database-trouble.ts';
import { HubError } from '../errors.ts';
import { allRows, runEach, SqliteClient } from './sqlite-client.ts';

export type Db = Knex;
export type Tx = Knex.Transaction;
/** A connection to read with: the database itself or an open transaction. */
export type Reader = Knex | Knex.Transaction;

/** Opens `sqlite:path` or `mysql://…`; refuses a MySQL server whose settings could lose a committed transaction (T17). */
export async function openDatabase(url: string, options: { readonly readonly?: boolean } = {}): Promise<Db> {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length), options.readonly ?? false);
  if (/^(mysql|mariadb):\/\//.test(url)) return openMysql(url);
  throw new HubError(
    'DATABASE_UNKNOWN',
    `HUB_DATABASE_URL: ${url.split(':')[0]}: 不支持的数据库 (unknown kind of database)`,
    {
      remedy: 'give-up',
      fix: '请写成 sqlite:路径 或 mysql://用户:密码@主机:端口/库 (write sqlite:path or mysql://user:password@host:port/database)',
    },
  );
}

function openSqlite(filename: string, readonly: boolean): Db {
  mkdirSync(dirname(filename), { recursive: true, mode: 0o700 });
  // Nobody else may read it; SQLite gives its other files the same mode (faults.md S45).
  if (!readonly && filename !== ':memory:') closeSync(openSync(filename, 'a', 0o600));
  return knex({
    client: SqliteClient as unknown as typeof Knex.Client,
    connection: { filename, readonly } as Knex.Sqlite3ConnectionConfig,
    useNullAsDefault: true,
    log: QUIET,
    pool: { min: 1, max: 1, acquireTimeoutMillis: 600_000 },
  });
}

/** knex would write its own remarks to standard output, where `--json` promises one document. */
const QUIET: Knex.Logger = { warn: () => {}, error: () => {}, deprecate: () => {}, debug: () => {} };

async function openMysql(url: string): Promise<Db> {
  const db = knex({
    client: 'mysql2',
    log: QUIET,
    connection: mysqlConnection(url),
    pool: { min: 0, max: 6, afterCreate: openSession },
  });
  try {
    await refuseUnsafeSettings(db);
  } catch (error) {
    await db.destroy();
    throw error instanceof HubError ? error : unreachable(error);
  }
  return db;
}

function mysqlConnection(url: string): Knex.MySql2ConnectionConfig {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const tls = searchParams.get('ssl') === 'true' ? { ssl: { rejectUnauthorized: true } } : {};
  return {
    host: hostname,
    port: port === '' ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    charset: 'utf8mb4',
    timezone: 'Z',
    dateStrings: true,
    ...tls,
  };
}

type Done = (error: Error | null, connection: unknown) => void;

/** Strict mode, so that nothing is cut or replaced silently (T15); READ COMMITTED, so that readers do not lock gaps. */
function openSession(connection: { query(sql: string, done: (error: Error | null) => void): void }, done: Done): void {
  const sql =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO', " +
    "SESSION transaction_isolation = 'READ-COMMITTED', SESSION group_concat_max_len = 1000000, " +
    'SESSION innodb_lock_wait_timeout = 10';
  const older = sql.replace('transaction_isolation', 'tx_isolation');
  // MySQL has no such setting: there a frozen process keeps its locks until somebody ends it.
  const frozen = (): void =>
    connection.query(`SET SESSION idle_transaction_timeout = ${FROZEN_S}`, () => done(null, connection));
  connection.query(sql, (error) => {
    if (error === null) return frozen();
    connection.query(older, (again) => (again === null ? frozen() : done(again, connection)));
  });
}

/** A process that stands still in the middle of a transaction (SIGSTOP, a frozen machine) loses it, and its locks, after so many s. */
const FROZEN_S = 30;

async function refuseUnsafeSettings(db: Db): Promise<void> {
  const [row] = await select<{ redo: number; binlog: number; sync: number }>(
    db,
    'SELECT @@innodb_flush_log_at_trx_commit AS redo, @@log_bin AS binlog, @@sync_binlog AS sync',
  );
  if (row === undefined || (Number(row.redo) === 1 && (Number(row.binlog) === 0 || Number(row.sync) === 1))) return;
  throw new HubError('DATABASE_UNSAFE', 'MySQL 设置可能丢失已提交的事务 (the server may lose committed transactions)', {
    remedy: 'give-up',
    fix: '请设 innodb_flush_log_at_trx_commit = 1，并在 log_bin 打开时设 sync_binlog = 1 (set both, then start again)',
  });
}

export const isSqlite = (db: Reader): boolean => db.client instanceof SqliteClient;

/**
 * For whoever reads much, and each row once: the pages that SQLite keeps are of no use to it, and fill its memory. The operating
 * system keeps them as well.
 */
export async function keepFewPages(db: Db): Promise<void> {
  if (isSqlite(db)) await db.raw(`PRAGMA cache_size = -${FEW_KB}`);
}

const FEW_KB = 4096;

/** Rows of a SELECT, the same on both databases. */
export async function select<Row>(db: Reader, sql: string, bindings: readonly unknown[] = []): Promise<Row[]> {
  if (isSqlite(db)) return onConnection(db, (connection) => allRows(connection, sql, bindings) as Row[]);
  const [rows] = await db.raw(sql, bindings as Knex.RawBinding[]);
  return rows;
}

/** Runs an UPDATE or DELETE and tells how many rows it changed. */
export async function change(tx: Reader, sql: string, bindings: readonly unknown[] = []): Promise<number> {
  if (isSqlite(tx)) return onConnection(tx, (connection) => runEach(connection, sql, [bindings]));
  const [result] = await tx.raw(sql, bindings as Knex.RawBinding[]);
  return result.affectedRows;
}

/** SQLite: the connection of the transaction, or one of the pool for the moment. */
async function onConnection<T>(db: Reader, work: (connection: Database.Database) => T): Promise<T> {
  const connection = await db.client.acquireConnection();
  try {
    return work(connection);
  } finally {
    await db.client.releaseConnection(connection);
  }
}

const ROWS_PER_INSERT = 200;

/** Set-based insert: `rows` in the order of `columns`. SQLite is fastest row by row on a prepared statement, MySQL in long ones. */
export async function insertRows(
  tx: Tx,
  table: string,
  columns: readonly string[],
  rows: readonly unknown[][],
): Promise<void> {
  if (isSqlite(tx)) {
    await onConnection(tx, (connection) => runEach(connection, insertSql(table, columns, 1), rows));
    return;
  }
  for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
    const part = rows.slice(from, from + ROWS_PER_INSERT);
    await tx.raw(insertSql(table, columns, part.length), part.flat() as Knex.RawBinding[]);
  }
}

const insertSqls = new Map<string, string>();

function insertSql(table: string, columns: readonly string[], rows: number): string {
  const name = `${table}/${columns.length}/${rows}`;
  const known = insertSqls.get(name);
  if (known !== undefined) return known;
  const one = `(${columns.map(() => '?').join(',')})`;
  const sql = `INSERT INTO ${table} (${columns.join(',')}) VALUES ${Array(rows).fill(one).join(',')}`;
  insertSqls.set(name, sql);
  return sql;
}

export const placeholders = (count: number): string => Array(count).fill('?').join(',');

const RETRY_FOR_MS = 60_000;
const BUSY = /^SQLITE_BUSY|^ER_LOCK_DEADLOCK$|^ER_LOCK_WAIT_TIMEOUT$/;

/**
 * One transaction; repeated as a whole while another writer holds the lock, for up to a minute (T16, T22). Throws HubError
 * DATABASE_BUSY after that.
 */
export async function inTransaction<T>(
  db: Db,
  work: (tx: Tx) => Promise<T>,
  patienceMs: number = RETRY_FOR_MS,
): Promise<T> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      return await db.transaction(work);
    } catch (error) {
      if (!isBusy(error)) throw error;
      if (performance.now() > giveUpAt) throw stillBusy(error);
      await sleep(5 + Math.random() * 45);
    }
  }
}

const stillBusy = (cause: unknown): HubError =>
  new HubError('DATABASE_BUSY', '数据库一直被另一进程占用，本次放弃 (another process holds the database; given up)', {
    remedy: 'retry',
    fix: '下次运行会继续；若一再出现，请查看是否有进程停住（ps 状态 T）或被别的程序锁住，结束它 (the next run goes on; if it comes back, look for a process that stands still (state T in ps) or another program that locks it, and end it)',
    cause,
  });

const isBusy = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && BUSY.test(error.code);

/** Hands out `count` dense numbers of a named sequence; they roll back with the transaction, so both databases count alike. */
export async function takeNumbers(tx: Tx, name: string, count: number): Promise<number> {
  await change(tx, 'UPDATE counters SET value = value + ? WHERE name = ?', [count, name]);
  const [row] = await select<{ value: number }>(tx, 'SELECT value FROM counters WHERE name = ?', [name]);
  if (row === undefined) throw new Error(`counter ${name} is missing`);
  return Number(row.value) - count + 1;
}
