import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import Sqlite from 'better-sqlite3';
import { createConnection } from 'mysql2/promise';
import { PAGE_ROWS, type RawLicence } from './records.ts';

/**
 * The bare loops, the yardstick of the bench: what the machine could do if nothing were checked, versioned or logged.
 * `node bare-loop.ts in|out ADDRESS DATABASE` prints `{"records", "ms", "durable"}`. Settings as durable as the hub's.
 */
const COLUMNS = [
  'id', 'xkzbh', 'qymc', 'tyshxydm', 'fddbr', 'jdwsh', 'xknr', 'jdrq', 'yxqz', 'yxjz', 'zt', 'gksx', 'bmsc', 'bz', 'updatedAt',
] as const satisfies readonly (keyof RawLicence)[]; // biome-ignore format: one table row

const BATCH = 500;

interface Table {
  /** One transaction. */
  insert(rows: readonly RawLicence[]): Promise<void>;
  /** The next rows after this id. */
  read(afterId: number, limit: number): Promise<RawLicence[]>;
  /** The settings that make a commit durable, as the database itself says them. */
  durable(): Promise<string>;
  close(): Promise<void>;
}

const createTable = (id: string, kind: string): string =>
  `CREATE TABLE IF NOT EXISTS licences (id ${id}, ${COLUMNS.slice(1)
    .map((name) => `${name} ${kind}`)
    .join(', ')})`;

const placeholders = (rows: number): string =>
  Array(rows)
    .fill(`(${COLUMNS.map(() => '?').join(',')})`)
    .join(',');

const values = (rows: readonly RawLicence[]): (string | number | null)[] =>
  rows.flatMap((row) => COLUMNS.map((name) => row[name]));

const [direction, address = '', database = ''] = process.argv.slice(2);
const table = database.startsWith('mysql:') ? await mariaDbTable(database) : sqliteTable(database);
const agent = new Agent({ keepAlive: true });
const started = performance.now();
const records = direction === 'in' ? await loopIn() : await loopOut();
const ms = performance.now() - started;
console.log(JSON.stringify({ records, ms, durable: await table.durable() }));
await table.close();
agent.destroy();

/** fetch → JSON.parse → bulk insert, one transaction of 1000 rows after the other. */
async function loopIn(): Promise<number> {
  let count = 0;
  for (let page = 1; ; page += 1) {
    const answer = await ask(`/licences?pageNo=${page}&pageSize=${PAGE_ROWS}`);
    const { data } = JSON.parse(answer) as { data: { rows: RawLicence[] } };
    if (data.rows.length > 0) await table.insert(data.rows);
    count += data.rows.length;
    if (data.rows.length < PAGE_ROWS) return count;
  }
}

/** GET, or POST where there is a body, over one connection that stays open. */
async function ask(path: string, body?: string): Promise<string> {
  const asked = request(address + path, { agent, method: body === undefined ? 'GET' : 'POST' });
  asked.end(body === undefined ? undefined : Buffer.from(body));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return text(answer);
}

/** read → POST, one batch after the other, nothing remembered. */
async function loopOut(): Promise<number> {
  let count = 0;
  for (let rows = await table.read(0, BATCH); rows.length > 0; rows = await table.read(rows.at(-1)?.id ?? 0, BATCH)) {
    const sent = rows.map((data) => ({ rowId: String(data.id), data }));
    const body = JSON.stringify({ header: { packageId: `bare-${rows[0]?.id}` }, records: sent });
    const { receivedCount } = JSON.parse(await ask('/batches', body)) as { receivedCount: number };
    if (receivedCount !== rows.length) throw new Error(`sent ${rows.length}, received ${receivedCount}`);
    count += rows.length;
  }
  return count;
}

function sqliteTable(filename: string): Table {
  const db = new Sqlite(filename);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(createTable('INTEGER PRIMARY KEY', 'TEXT'));
  const rowsAtOnce = 20;
  const many = db.prepare(`INSERT INTO licences VALUES ${placeholders(rowsAtOnce)}`);
  const one = db.prepare(`INSERT INTO licences VALUES ${placeholders(1)}`);
  const next = db.prepare<[number, number], RawLicence>('SELECT * FROM licences WHERE id > ? ORDER BY id LIMIT ?');
  const insert = db.transaction((rows: readonly RawLicence[]) => {
    let from = 0;
    for (; from + rowsAtOnce <= rows.length; from += rowsAtOnce) many.run(values(rows.slice(from, from + rowsAtOnce)));
    for (const row of rows.slice(from)) one.run(values([row]));
  });
  return {
    insert: async (rows) => insert.immediate(rows),
    read: async (afterId, limit) => next.all(afterId, limit),
    durable: async () =>
      `journal_mode=${db.pragma('journal_mode', { simple: true })} synchronous=${db.pragma('synchronous', { simple: true })}`,
    close: async () => void db.close(),
  };
}

async function mariaDbTable(url: string): Promise<Table> {
  const db = await createConnection(url);
  await db.query(createTable('INT PRIMARY KEY', 'VARCHAR(200)'));
  return {
    insert: async (rows) => {
      await db.beginTransaction();
      await db.query('INSERT INTO licences VALUES ?', [rows.map((row) => COLUMNS.map((name) => row[name]))]);
      await db.commit();
    },
    read: async (afterId, limit) => {
      const [rows] = await db.query('SELECT * FROM licences WHERE id > ? ORDER BY id LIMIT ?', [afterId, limit]);
      return rows as RawLicence[];
    },
    durable: async () => {
      const [rows] = await db.query(
        'SELECT @@innodb_flush_log_at_trx_commit AS flush, @@log_bin AS binlog, @@sync_binlog AS sync',
      );
      const [{ flush, binlog, sync } = {}] = rows as { flush?: number; binlog?: number; sync?: number }[];
      return `innodb_flush_log_at_trx_commit=${flush} log_bin=${binlog} sync_binlog=${sync}`;
    },
    close: () => db.end(),
  };
}
