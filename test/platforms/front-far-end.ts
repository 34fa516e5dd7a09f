import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { onTestFinished } from 'vitest';
import type { JsonObject } from '../../src/json.ts';
import type { FrontDatabaseSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { temporaryFolder } from '../support/databases.ts';
import { freshDatabase } from '../support/mariadb.ts';
import type { FarEnd, FarRecord } from './contract.ts';
import { mysqlProxy } from './mysql-proxy.ts';

/** SQL straight to the platform's database, by drivers and not by the hub's code. */
export type FarSql = (sql: string, values?: readonly unknown[]) => Promise<{ readonly [column: string]: unknown }[]>;

export interface FrontFarEnd extends FarEnd {
  readonly spec: FrontDatabaseSpec;
  readonly sql: FarSql;
}

export interface FrontGiven {
  readonly change?: Partial<FrontDatabaseSpec>;
  readonly columnType?: string;
  readonly options?: string;
}

const BUSINESS = ['XK_XDR_MC', 'XK_WSH', 'XK_XKBH', 'XK_XDR_SHXYM', 'XK_NR', 'XK_JDRQ', 'XK_ZT'];

/** What docs/platform-front-database.md asks the platform to create. */
const tableSql = ({ columnType = 'VARCHAR(400)', options = '' }: FrontGiven): string =>
  `CREATE TABLE T_XK_FR (ID INTEGER, BATCH_NO VARCHAR(64), ROW_ID VARCHAR(64) NOT NULL UNIQUE, OP CHAR(1), PUSH_TIME VARCHAR(19),
   SYNC_FLAG CHAR(1), SYNC_TIME VARCHAR(19), ERR_CODE VARCHAR(40), ERR_MSG VARCHAR(400),
   ${BUSINESS.map((name) => `${name} ${columnType}`).join(', ')}) ${options}`;

const LEDGER_SQL =
  'CREATE TABLE hub_batch (batch_id VARCHAR(40) PRIMARY KEY, manifest_digest CHAR(64) NOT NULL, n INTEGER NOT NULL, epoch INTEGER NOT NULL)';

const specOf = (url: string, { change = {} }: FrontGiven): FrontDatabaseSpec => ({
  use: 'front-database',
  url,
  tables: { XK_FR: 'T_XK_FR' },
  receipts: 'async',
  timeout: 10,
  ...change,
});

/** A front-end database on SQLite: one process writes at a time, so a lost batch is a locked database. */
export async function sqliteFarEnd(given: FrontGiven = {}): Promise<FrontFarEnd> {
  const file = join(temporaryFolder(), 'front.db');
  const db = new Database(file);
  onTestFinished(() => void db.close());
  db.exec(tableSql(given));
  db.exec(LEDGER_SQL);
  const sql: FarSql = async (text, values = []) => {
    const statement = db.prepare(text);
    if (statement.reader) return statement.all(...values) as { [column: string]: unknown }[];
    statement.run(...values);
    return [];
  };
  const far = farEnd(specOf(`sqlite:${file}`, given), sql);
  return {
    ...far,
    open: async () => {
      const platform = await far.open();
      // The lock goes once the batch was refused.
      return {
        ...platform,
        send: async (batch, signal) => {
          const answer = await platform.send(batch, signal);
          if (db.inTransaction) db.exec('ROLLBACK');
          return answer;
        },
      };
    },
    loseAnswer: () => {
      throw new Error('SQLite answers in the same process');
    },
    loseBatch: () => void db.exec('BEGIN EXCLUSIVE'),
  };
}

/** A front-end database on MariaDB, behind a proxy that breaks COMMITs. */
export async function mariaFarEnd(given: FrontGiven = {}): Promise<FrontFarEnd & { readonly hangCommit: () => void }> {
  const url = await freshDatabase();
  const connection = await createConnection({ uri: url, dateStrings: true });
  onTestFinished(() => connection.end());
  const sql: FarSql = async (text, values = []) => {
    const [rows] = await connection.query(text, [...values]);
    return Array.isArray(rows) ? (rows as { [column: string]: unknown }[]) : [];
  };
  await sql(tableSql(given));
  await sql(LEDGER_SQL);
  const proxy = await mysqlProxy(url);
  return {
    ...farEnd(specOf(proxy.url, given), sql),
    loseAnswer: () => proxy.breakCommit('after'),
    loseBatch: () => proxy.breakCommit('before'),
    hangCommit: () => proxy.breakCommit('hang'),
  };
}

function farEnd(spec: FrontDatabaseSpec, sql: FarSql): Omit<FrontFarEnd, 'loseAnswer' | 'loseBatch'> {
  const poison = new Map<string, readonly [code: string, reason: string]>();
  return {
    spec,
    sql,
    open: () => openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => new Date() }),
    reject: (rowId, code, reason) => void poison.set(rowId, [code, reason]),
    work: async () => {
      await sql("UPDATE T_XK_FR SET SYNC_FLAG = '2', SYNC_TIME = '2026-11-27 10:00:00' WHERE SYNC_FLAG IN ('0', '1')");
      for (const [rowId, [code, reason]] of poison) {
        await sql("UPDATE T_XK_FR SET SYNC_FLAG = '3', ERR_CODE = ?, ERR_MSG = ? WHERE ROW_ID = ?", [
          code,
          reason,
          rowId,
        ]);
      }
    },
    held: async () => (await sql('SELECT * FROM T_XK_FR ORDER BY ROW_ID')).map(toFarRecord),
  };
}

function toFarRecord(row: { readonly [column: string]: unknown }): FarRecord {
  const set = BUSINESS.filter((name) => row[name] !== null);
  const data = Object.fromEntries(set.map((name) => [name, String(row[name])])) as JsonObject;
  return { rowId: String(row['ROW_ID']), op: row['OP'] === 'D' ? 'D' : 'U', data, times: 1 };
}
