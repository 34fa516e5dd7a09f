import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import knex, { type Knex } from 'knex';
import { describe, expect, it } from 'vitest';
import { keepMemorySmall } from '../../src/memory.ts';
import type { SqlSourceSpec } from '../../src/source.ts';
import { openSource } from '../../src/sources/index.ts';
import { freshDatabase, mariaDbAvailable } from '../support/mariadb.ts';
import { numbersOf, readAll, reading, type SourceBundle, sourceContract } from './contract.ts';

const count = 23;
const data = Array.from({ length: count }, (_, index) => ({
  id: index + 1,
  no: `00${index + 10}`,
  updated_at: index === 5 ? null : `2026-11-${String(((index * 7) % 4) + 10)} 08:00:00`,
}));

const expected = data.map((row) => row.no).sort();

interface Bureau {
  readonly url: string;
  readonly db: Knex;
  close(): Promise<void>;
}

async function sqliteBureau(): Promise<Bureau> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-sql-'));
  const path = join(folder, 'bureau.db');
  const db = knex({ client: 'better-sqlite3', connection: { filename: path }, useNullAsDefault: true });
  const close = async () => {
    await db.destroy();
    rmSync(folder, { recursive: true });
  };
  return { url: `sqlite:${path}`, db, close };
}

async function mysqlBureau(): Promise<Bureau> {
  const url = await freshDatabase();
  const db = knex({ client: 'mysql2', connection: url });
  return { url, db, close: () => db.destroy() };
}

const kinds = [
  { name: 'SQLite', make: sqliteBureau, there: true },
  { name: 'MariaDB', make: mysqlBureau, there: mariaDbAvailable },
];

for (const { name, make, there } of kinds) {
  const filled = async (): Promise<Bureau> => {
    const bureau = await make();
    await bureau.db.raw(
      'CREATE TABLE penalties (id BIGINT PRIMARY KEY, no VARCHAR(40), updated_at DATETIME, amount DECIMAL(20,2), photo BLOB)',
    );
    await bureau.db('penalties').insert(data);
    return bureau;
  };
  const bundle = async (spec: Partial<SqlSourceSpec>): Promise<SourceBundle> => {
    const bureau = await filled();
    const whole: SqlSourceSpec = {
      use: 'sql',
      url: bureau.url,
      table: 'penalties',
      columns: ['no'],
      id: 'id',
      limit: 5,
      ...spec,
    };
    return { open: () => openSource(whole, { name: 'test' }), expected, close: () => bureau.close() };
  };

  describe.skipIf(!there)(`${name}, changes only`, () => {
    sourceContract(() => bundle({ updatedAt: 'updated_at' }));
  });
  describe.skipIf(!there)(`${name}, full snapshots`, () => {
    sourceContract(() => bundle({}));
  });

  describe.skipIf(!there)(`a bureau's table on ${name}`, () => {
    const using = async (
      spec: Partial<SqlSourceSpec>,
      run: (bureau: Bureau, whole: SqlSourceSpec) => Promise<void>,
    ) => {
      const bureau = await filled();
      try {
        await run(bureau, {
          use: 'sql',
          url: bureau.url,
          table: 'penalties',
          columns: ['no', 'amount'],
          id: 'id',
          limit: 5,
          ...spec,
        });
      } finally {
        await bureau.close();
      }
    };

    it('a row committed late with an older time is found within the overlap (T13)', () =>
      using({ updatedAt: 'updated_at', overlap: '10m' }, async ({ db }, spec) => {
        const source = await openSource(spec, { name: 'test' });
        const cursor = (await readAll(source)).at(-1)?.cursor;
        await db('penalties').insert({ id: 0, no: 'late', updated_at: '2026-11-13 07:55:00' });
        expect(numbersOf(await readAll(source, cursor))).toContain('late');
        await source.close();
      }));

    it('long ids and decimals keep every digit, in rows and in the cursor', () =>
      using({}, async ({ db }, spec) => {
        const ids = ['9007199254740993', '9007199254740995', '9007199254740997'];
        await db('penalties').delete();
        for (const id of ids) await db.raw(`INSERT INTO penalties (id, no, amount) VALUES (${id}, '${id}', 12345.50)`);
        const source = await openSource({ ...spec, limit: 1 }, { name: 'test' });
        const pages = await readAll(source);
        expect(pages.flatMap((page) => page.rows.map((row) => row.fields?.['id']))).toEqual(ids);
        await source.close();
      }));

    it('a full snapshot says how many rows to expect; a manual re-read keeps to its days', () =>
      using({}, async (_, spec) => {
        const source = await openSource(spec, { name: 'test' });
        expect((await readAll(source))[0]).toMatchObject({ snapshot: { before: 0, expected: count } });
        await source.close();
        const byTime = await openSource({ ...spec, updatedAt: 'updated_at' }, { name: 'test' });
        const pages = await readAll(byTime, undefined, { since: '2026-11-11', until: '2026-11-12' });
        const wanted = data.filter((row) => row.updated_at === null || /-1[12] /.test(row.updated_at));
        expect(numbersOf(pages).sort()).toEqual(wanted.map((row) => row.no).sort());
        await byTime.close();
      }));

    it.each([
      [{ table: 'penalties; DROP TABLE penalties' }, 'SOURCE_NAME_WRONG'],
      [{ id: 'id`' }, 'SOURCE_NAME_WRONG'],
      [{ columns: ["no'--"] }, 'SOURCE_NAME_WRONG'],
      [{ columns: ['nothing'] }, 'SOURCE_COLUMN_MISSING'],
      [{ table: 'nothing' }, 'SOURCE_COLUMN_MISSING'],
      [{ columns: ['photo'] }, 'SOURCE_COLUMN_BINARY'],
    ])('%o is refused: %s (S21)', (wrong, code) =>
      using(wrong, async (_, spec) => {
        await expect(openSource(spec, { name: 'test' })).rejects.toMatchObject({ code, remedy: 'give-up' });
      }),
    );
  });
}

describe.skipIf(!mariaDbAvailable)('a MariaDB bureau', () => {
  it('is asked under strict, utf8mb4, read-only settings, and refuses a wrong password without telling it', async () => {
    const bureau = await mysqlBureau();
    await bureau.db.raw('CREATE TABLE t (id INT PRIMARY KEY, no VARCHAR(40)) CHARACTER SET utf8mb4');
    await bureau.db('t').insert({ id: 1, no: '𠮷野家' });
    const source = await openSource({ use: 'sql', url: bureau.url, table: 't', id: 'id' }, { name: 'test' });
    expect(numbersOf(await readAll(source))).toEqual(['𠮷野家']);
    await source.close();
    const wrong = bureau.url.replace(/:[^:@]+@/, ':CANARY@');
    const error: unknown = await openSource({ use: 'sql', url: wrong, table: 't', id: 'id' }, { name: 'test' }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED' });
    expect(String(error)).not.toContain('CANARY');
    await bureau.close();
  });

  it('on a host that is not allowed is never connected to', async () => {
    const open = openSource(
      { use: 'sql', url: 'mysql://u:p@10.0.0.1:3306/x', table: 't', id: 'id' },
      { name: 'test', allowedHosts: ['bureau.gov.cn'] },
    );
    await expect(open).rejects.toMatchObject({ code: 'SOURCE_HOST_REFUSED' });
  });
});

describe('memory', () => {
  it('stays flat over 200,000 rows', async () => {
    // As every hub does; left to itself V8 lets the heap grow long before it collects.
    keepMemorySmall();
    const bureau = await sqliteBureau();
    await bureau.db.raw('CREATE TABLE big (id INTEGER PRIMARY KEY, no TEXT, pad TEXT)');
    await bureau.db.raw(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) INSERT INTO big SELECT i, 'n' || i, hex(randomblob(100)) FROM n",
    );
    const source = await openSource({ use: 'sql', url: bureau.url, table: 'big', id: 'id' }, { name: 'test' });
    let [rows, early, peak] = [0, 0, 0];
    for await (const page of source.pages(undefined, reading())) {
      rows += page.rows.length;
      const used = process.memoryUsage().rss;
      if (rows === 50_000) early = used;
      peak = Math.max(peak, used);
    }
    expect(rows).toBe(200_000);
    expect(peak - early).toBeLessThan(60 * 1024 * 1024);
    await source.close();
    await bureau.close();
  });
});

it('a time of 2099 or 待定 in a table never hides the changes that come after it', async () => {
  const bureau = await sqliteBureau();
  await bureau.db.raw('CREATE TABLE penalties (id INTEGER PRIMARY KEY, no TEXT, updated_at TEXT)');
  const times = ['2026-11-20 08:00:00', '2099-01-01 00:00:00', '待定'];
  await bureau.db('penalties').insert(times.map((updated_at, id) => ({ id, no: String(id), updated_at })));
  const spec: SqlSourceSpec = {
    use: 'sql',
    url: bureau.url,
    table: 'penalties',
    id: 'id',
    updatedAt: 'updated_at',
    limit: 2,
  };
  const source = await openSource(spec, { name: 'test' });
  const now = () => new Date('2026-11-25T00:00:00Z');
  const first = await readAll(source, undefined, { now });
  expect(numbersOf(first)).toEqual(['0', '1', '2']);
  await bureau.db('penalties').insert({ id: 7, no: '7', updated_at: '2026-11-21 08:00:00' });
  expect(numbersOf(await readAll(source, first.at(-1)?.cursor, { now }))).toContain('7');
  await source.close();
  await bureau.close();
});
