import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { databaseTrouble } from '../../src/database-trouble.ts';
import { recordKey } from '../../src/record.ts';
import { insertRows, inTransaction, openDatabase, select, takeNumbers } from '../../src/store/database.ts';
import { appendVersions, newestByKey } from '../../src/store/library.ts';
import { migrate } from '../../src/store/migrations.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { freshDatabase, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { newVersion } from '../support/versions.ts';

onBothDatabases('', ({ url }) => {
  test('migrating twice changes nothing, and an older program refuses a newer database', async () => {
    const db = await openTestDatabase(await url());
    expect(await migrate(db)).toEqual([]);
    await db('migrations').insert({ name: '999-from-the-future', batch: 9, migration_time: '2026-01-01 00:00:00' });
    await expect(migrate(db)).rejects.toThrow('999-from-the-future');
  });

  test('a migration that was killed half-way is finished by the next start', async () => {
    const address = await url();
    const half = await openDatabase(address);
    onTestFinished(() => half.destroy());
    await half.schema.createTable('counters', (table) => {
      table.string('name', 32).primary();
      table.bigInteger('value').notNullable();
    });
    await half.schema.createTable('migrations_lock', (table) => {
      table.increments('index').primary();
      table.integer('is_locked');
    });
    await half('migrations_lock').insert({ is_locked: 1 });
    const db = await openTestDatabase(address);
    expect(await select(db, 'SELECT COUNT(*) AS n FROM counters')).toEqual([{ n: 2 }]);
    expect(await db.schema.hasTable('log_entries')).toBe(true);
  });

  test('keys that differ in case, trailing space or width stay apart (T14)', async () => {
    const db = await openTestDatabase(await url());
    const keys = ['abc', 'ABC', 'abc ', 'ａｂｃ'].map((number) => recordKey('licence/x', 'a', [number]));
    await inTransaction(db, (tx) =>
      appendVersions(
        tx,
        1,
        keys.map((key) => newVersion({ key })),
        new Date(),
      ),
    );
    const found = await newestByKey(db, keys);
    expect(new Set([...found.values()].map(({ id }) => id)).size).toBe(4);
  });

  test('rare characters come back as they went in (T15)', async () => {
    const db = await openTestDatabase(await url());
    const body = '{"name":"𠮷野家㐂\u{2A6A5}（广西）😀"}';
    await inTransaction(db, (tx) => appendVersions(tx, 1, [newVersion({ body })], new Date()));
    expect(await select(db, 'SELECT body FROM versions')).toEqual([{ body }]);
  });

  test('a transaction that fails leaves nothing, not even the numbers it took', async () => {
    const db = await openTestDatabase(await url());
    const failing = inTransaction(db, async (tx) => {
      await takeNumbers(tx, 'records', 10);
      await insertRows(tx, 'cursors', ['job', 'value', 'updated_at'], [['pull-x', '{}', '2026']]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await select(db, 'SELECT COUNT(*) AS n FROM cursors')).toEqual([{ n: 0 }]);
    expect(await inTransaction(db, (tx) => takeNumbers(tx, 'records', 1))).toBe(1);
  });

  test('writers at the same time all get through (T16)', async () => {
    const address = await url();
    const dbs = [await openTestDatabase(address), await openTestDatabase(address)];
    const work = dbs.flatMap((db) =>
      Array.from({ length: 20 }, () => inTransaction(db, (tx) => takeNumbers(tx, 'records', 1))),
    );
    const numbers = await Promise.all(work);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });
});

describe('SQLite', () => {
  test('it is durable: WAL and FULL (T17)', async () => {
    const db = await openTestDatabase(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
    expect(await select(db, 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await select(db, 'PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
  });

  test('waiting for another process neither freezes the thread nor fails (T22)', async () => {
    const file = join(temporaryFolder(), 'hub.db');
    const db = await openTestDatabase(`sqlite:${file}`);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const waiting = inTransaction(db, (tx) => takeNumbers(tx, 'records', 1));
    await sleep(600);
    other.exec('COMMIT');
    expect(await waiting).toBe(1);
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(300);
  });

  test('a process that never lets go of the database is told in a sentence, and nothing waits for ever', async () => {
    const file = join(temporaryFolder(), 'hub.db');
    const db = await openTestDatabase(`sqlite:${file}`);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    const given = inTransaction(db, (tx) => takeNumbers(tx, 'records', 1), 100);
    await expect(given).rejects.toMatchObject({ code: 'DATABASE_BUSY', remedy: 'retry' });
  });

  test('a kill in the middle of writing keeps every committed row and nothing half', async () => {
    const file = join(temporaryFolder(), 'hub.db');
    await openTestDatabase(`sqlite:${file}`);
    const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), `sqlite:${file}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      acknowledged += chunk.toString().split('\n').length - 1;
      if (acknowledged > 20) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const after = await openDatabase(`sqlite:${file}`);
    onTestFinished(() => after.destroy());
    const [records] = await select<{ n: number; top: number }>(
      after,
      'SELECT COUNT(*) AS n, MAX(id) AS top FROM records',
    );
    const [versions] = await select<{ n: number }>(after, 'SELECT COUNT(*) AS n FROM versions');
    expect(records?.n).toBeGreaterThanOrEqual(acknowledged * 10);
    expect(records?.n).toBe(records?.top);
    expect(versions?.n).toBe(records?.n);
  });
});

describe('trouble of the database is told as such', () => {
  test.skipIf(!mariaDbAvailable)('a connection that is lost in the middle of a transaction', async () => {
    const db = await openTestDatabase(await freshDatabase());
    const cut = inTransaction(db, async (tx) => {
      const [row] = await select<{ id: number }>(tx, 'SELECT CONNECTION_ID() AS id');
      await db.raw('KILL ?', [row?.id ?? 0]);
      return select(tx, 'SELECT 1');
    });
    const error: unknown = await cut.catch((caught: unknown) => caught);
    expect(databaseTrouble(error)).toMatchObject({ code: 'DATABASE_UNREACHABLE', remedy: 'retry' });
  });

  test('a file that cannot be written, and one that is none', async () => {
    const file = join(temporaryFolder(), 'x.db');
    const db = await openDatabase(`sqlite:${file}`);
    await migrate(db);
    await db.destroy();
    const reader = await openDatabase(`sqlite:${file}`, { readonly: true });
    onTestFinished(() => reader.destroy());
    const refused: unknown = await reader('counters')
      .update({ value: 1 })
      .catch((caught: unknown) => caught);
    expect(databaseTrouble(refused)).toMatchObject({ code: 'DATABASE_UNWRITABLE' });
    writeFileSync(file, 'no database at all, whatever its name says'.repeat(100));
    const broken = await openDatabase(`sqlite:${file}`);
    onTestFinished(() => broken.destroy());
    const none: unknown = await select(broken, 'SELECT 1 FROM counters').catch((caught: unknown) => caught);
    expect(databaseTrouble(none)).toMatchObject({ code: 'DATABASE_DAMAGED' });
  });

  test('anything else is not', () => {
    expect(databaseTrouble(Object.assign(new Error('of a platform'), { code: 'ECONNREFUSED' }))).toBeUndefined();
    expect(databaseTrouble(new TypeError('x is not a function'))).toBeUndefined();
  });
});

describe.skipIf(!mariaDbAvailable)('a MySQL server that could lose commits', () => {
  test('is refused with the setting to mend (T17)', async () => {
    const server = await startMariaDb(['--innodb-flush-log-at-trx-commit=2']);
    onTestFinished(() => server.stop());
    await expect(openDatabase(server.url)).rejects.toMatchObject({
      code: 'DATABASE_UNSAFE',
      fix: expect.stringContaining('innodb_flush_log_at_trx_commit'),
    });
  });
});

describe.skipIf(!mariaDbAvailable)('a MariaDB server', () => {
  test('takes the locks of a process that stands still in a transaction away after half a minute (F3)', async () => {
    const db = await openTestDatabase(await freshDatabase());
    expect(await select(db, 'SELECT @@SESSION.idle_transaction_timeout AS s')).toEqual([{ s: 30 }]);
  });
});
