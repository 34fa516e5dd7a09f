import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import knex from 'knex';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { runStopped } from '../../src/push/guard.ts';
import type { SourceSpec } from '../../src/source.ts';
import { openSource } from '../../src/sources/index.ts';
import { readCursor } from '../../src/store/cursors.ts';
import { select } from '../../src/store/database.ts';
import { listen } from '../sources/server.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { openTestHub, pullJob, row, schemas } from '../support/hub.ts';
import { hub as hubProcess } from '../support/hub-process.ts';

const job = pullJob();
const numbered = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

/** A bureau of one kind that gives full snapshots in pages. */
interface Bureau {
  readonly spec: SourceSpec;
  /** From now on it holds these rows. */
  hold(rows: readonly JsonObject[]): Promise<void>;
}

/** By page number; `total`: it says how many rows it has. */
async function httpBureau(total: boolean): Promise<Bureau> {
  let held: readonly JsonObject[] = [];
  const server = await listen(
    createServer((request, response) => {
      const at = (Number(new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('pageNo')) - 1) * 10;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ rows: held.slice(at, at + 10), ...(total ? { total: held.length } : {}) }));
    }),
  );
  onTestFinished(() => server.close());
  const spec: SourceSpec = {
    use: 'http',
    url: `${server.url}/licences`,
    items: 'rows',
    paging: { page: 'pageNo', size: 'pageSize', limit: 10 },
    ...(total ? { total: 'total' } : {}),
  };
  return {
    spec,
    hold: async (rows) => {
      held = rows;
    },
  };
}

async function sqlBureau(): Promise<Bureau> {
  const path = join(temporaryFolder(), 'bureau.db');
  const db = knex({ client: 'better-sqlite3', connection: { filename: path }, useNullAsDefault: true });
  onTestFinished(() => db.destroy());
  const columns = Object.keys(row(1));
  await db.raw(`CREATE TABLE licences (place INTEGER PRIMARY KEY, ${columns.map((c) => `"${c}" TEXT`).join(', ')})`);
  return {
    spec: { use: 'sql', url: `sqlite:${path}`, table: 'licences', id: 'place', columns, limit: 10 },
    hold: async (rows) => {
      await db('licences').delete();
      await db('licences').insert(rows.map((each) => ({ ...each, place: Number(String(each['id']).slice(4)) })));
    },
  };
}

const kinds: readonly (readonly [string, () => Promise<Bureau>])[] = [
  ['HTTP bureau that does not say its total', () => httpBureau(false)],
  ['HTTP bureau that says its total', () => httpBureau(true)],
  ['table', sqlBureau],
];

/** One run; `pages`: broken off once so many are kept, as a stopped process does. */
async function run(
  hub: Hub,
  { spec }: Bureau,
  {
    pages,
    acceptShrink = false,
    stop = new AbortController(),
  }: { pages?: number; acceptShrink?: boolean; stop?: AbortController } = {},
) {
  const type = schemas.types.get(job.type);
  if (type === undefined) throw new Error(job.type);
  let kept = 0;
  const source = await openSource(spec, { name: job.name });
  try {
    const { goesOnAfter, stopped, counts } = await pull(job, {
      db: hub.db,
      databaseUrl: hub.settings.databaseUrl,
      source,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
      signal: stop.signal,
      dryRun: false,
      acceptShrink,
      onProgress: () => {
        kept += 1;
        if (kept === pages) stop.abort();
      },
    });
    return { goesOnAfter, read: counts.read, code: stopped?.code };
  } finally {
    await source.close();
  }
}

/** What was read before stays counted: the runs together say what the snapshot has. */
const interrupt = async (hub: Hub, bureau: Bureau): Promise<void> =>
  expect(await run(hub, bureau, { pages: 2 })).toMatchObject({
    goesOnAfter: 0,
    code: 'RUN_INTERRUPTED',
    read: bureau.spec.use === 'files' ? 2000 : 20,
  });
const known = async (hub: Hub) => (await readCursor(hub.db, job.name))?.snapshotRows;

onBothDatabases('a full snapshot in pieces,', ({ url }) => {
  describe.each(kinds)('from a %s', (_, make) => {
    test('is whole when the run that goes on comes to its end, the first one as well as a later one', async () => {
      const [hub, bureau] = [await openTestHub(await url(), [job]), await make()];
      await bureau.hold(numbered(1, 40));
      for (const _round of [1, 2]) {
        await interrupt(hub, bureau);
        expect(await run(hub, bureau)).toEqual({ goesOnAfter: 20, read: 20, code: undefined });
        expect(await known(hub)).toBe(40);
      }
      expect(await run(hub, bureau)).toEqual({ goesOnAfter: 0, read: 40, code: undefined });
    });

    test('that really shrank meanwhile is held, and a person may accept it', async () => {
      const [hub, bureau] = [await openTestHub(await url(), [job]), await make()];
      await bureau.hold(numbered(1, 60));
      await run(hub, bureau);
      await interrupt(hub, bureau);
      await bureau.hold(numbered(1, 35));
      expect((await run(hub, bureau)).code).toBe('SOURCE_SHRUNK');
      expect((await run(hub, bureau)).code).toBe('SOURCE_SHRUNK');
      expect(await known(hub)).toBe(60);
      expect((await run(hub, bureau, { acceptShrink: true })).code).toBeUndefined();
      expect(await known(hub)).toBe(35);
      expect((await run(hub, bureau)).code).toBeUndefined();
      expect(await select(hub.db, "SELECT id FROM records WHERE newest_operation = 'WITHDRAW'")).toEqual([]);
    });

    test('that a person accepted as shrunk stays accepted when that run is broken off', async () => {
      const [hub, bureau] = [await openTestHub(await url(), [job]), await make()];
      await bureau.hold(numbered(1, 60));
      await run(hub, bureau);
      await bureau.hold(numbered(1, 35));
      expect((await run(hub, bureau, { pages: 2, acceptShrink: true })).code).toBe('RUN_INTERRUPTED');
      expect(await run(hub, bureau)).toEqual({ goesOnAfter: 20, read: 15, code: undefined });
      expect(await known(hub)).toBe(35);
      await bureau.hold(numbered(1, 20));
      expect((await run(hub, bureau)).code).toBe('SOURCE_SHRUNK');
    });

    test('that was small from its first page on is held as well', async () => {
      const [hub, bureau] = [await openTestHub(await url(), [job]), await make()];
      await bureau.hold(numbered(1, 60));
      await run(hub, bureau);
      await bureau.hold(numbered(1, 35));
      expect(['SOURCE_SHRUNK', 'RUN_INTERRUPTED']).toContain((await run(hub, bureau, { pages: 2 })).code);
      expect((await run(hub, bureau)).code).toBe('SOURCE_SHRUNK');
      expect(await known(hub)).toBe(60);
    });

    test('that grew meanwhile loses no row', async () => {
      const [hub, bureau] = [await openTestHub(await url(), [job]), await make()];
      await bureau.hold(numbered(1, 40));
      await interrupt(hub, bureau);
      await bureau.hold(numbered(1, 55));
      expect((await run(hub, bureau)).code).toBeUndefined();
      expect(await known(hub)).toBe(55);
      expect(await select(hub.db, 'SELECT id FROM records')).toHaveLength(55);
    });
  });

  test('a bureau that has nothing left at the place of the interruption is read from the start, and held', async () => {
    const [hub, bureau] = [await openTestHub(await url(), [job]), await httpBureau(false)];
    await bureau.hold(numbered(1, 100));
    await run(hub, bureau);
    await run(hub, bureau, { pages: 9 });
    await bureau.hold(numbered(1, 50));
    expect(await run(hub, bureau)).toEqual({ goesOnAfter: 0, read: 50, code: 'SOURCE_SHRUNK' });
    expect(await known(hub)).toBe(100);
  });

  test('rows that went and rows that came move the pages of a bureau: the run starts again', async () => {
    const [hub, bureau] = [await openTestHub(await url(), [job]), await httpBureau(true)];
    await bureau.hold(numbered(1, 40));
    await interrupt(hub, bureau);
    await bureau.hold(numbered(3, 41));
    expect(await run(hub, bureau)).toEqual({ goesOnAfter: 0, read: 39, code: undefined });
    expect(await select(hub.db, 'SELECT id FROM records')).toHaveLength(41);
  });

  test('a table whose rows were numbered anew meanwhile is not whole: it is read again from the start', async () => {
    const [hub, bureau] = [await openTestHub(await url(), [job]), await sqlBureau()];
    const rows = numbered(101, 140);
    await bureau.hold(rows);
    await interrupt(hub, bureau);
    await bureau.hold(rows.map((each, index) => ({ ...each, id: `row-${index + 1}` })));
    expect((await run(hub, bureau)).code).toBe('SOURCE_INCOMPLETE');
    expect(await known(hub)).toBeUndefined();
    expect(await run(hub, bureau)).toEqual({ goesOnAfter: 0, read: 40, code: undefined });
  });

  test('a file of a folder of snapshots goes on behind the row that was safe', async () => {
    const folder = temporaryFolder();
    const lay = (count: number) =>
      writeFileSync(
        join(folder, 'all.ndjson'),
        numbered(1, count)
          .map((each) => `${JSON.stringify(each)}\n`)
          .join(''),
      );
    const bureau: Bureau = { spec: { use: 'files', folder, snapshot: true, settle: '0s' }, hold: async () => {} };
    const hub = await openTestHub(await url(), [job]);
    lay(2500);
    await interrupt(hub, bureau);
    expect(await run(hub, bureau)).toEqual({ goesOnAfter: 2000, read: 500, code: undefined });
    expect(await known(hub)).toBe(2500);
    lay(2300);
    expect((await run(hub, bureau)).code).toBe('SOURCE_SHRUNK');
  });

  test('a file that was broken off goes on also where another one comes before it', async () => {
    const folder = temporaryFolder();
    const lay = (name: string, count: number) =>
      writeFileSync(
        join(folder, name),
        numbered(1, count)
          .map((each) => JSON.stringify(each))
          .join('\n'),
      );
    const bureau: Bureau = { spec: { use: 'files', folder, snapshot: true, settle: '0s' }, hold: async () => {} };
    const hub = await openTestHub(await url(), [job]);
    lay('b.ndjson', 2500);
    await interrupt(hub, bureau);
    lay('a.ndjson', 2450);
    expect(await run(hub, bureau)).toEqual({ goesOnAfter: 2000, read: 2950, code: undefined });
  });

  test('a pull that is stopped while a file settles says who stopped it', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'all.ndjson'), JSON.stringify(row(1)));
    const hub = await openTestHub(await url(), [job]);
    const bureau: Bureau = { spec: { use: 'files', folder, settle: '1h' }, hold: async () => {} };
    const stop = new AbortController();
    const stopped = run(hub, bureau, { stop });
    setTimeout(() => stop.abort(runStopped('局里要求')), 50);
    expect(await stopped).toMatchObject({ code: 'RUN_STOPPED', read: 0 });
  });

  test('a run that is killed (kill -9) and goes on is not held; one whose source shrank is', async () => {
    const bureau = await httpBureau(false);
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'pull-printing.yaml'), JSON.stringify(yamlOf(bureau.spec)));
    const env = { HUB_JOBS_DIR: folder, HUB_DATA_DIR: join(folder, 'data'), HUB_DATABASE_URL: await url() };
    const pullAll = async (failpoint?: string) => {
      const more = failpoint === undefined ? {} : { HUB_FAILPOINT: failpoint };
      const { signal, stdout, stderr } = await hubProcess(['run', 'pull-printing', '--json'], {
        env: { ...env, ...more },
      });
      if (failpoint !== undefined) return signal;
      if (!stdout.startsWith('[')) throw new Error(`${stdout}${stderr}`);
      const [report] = JSON.parse(stdout) as { error?: { code: string }; goesOnAfter?: number; state: string }[];
      return { state: report?.state, code: report?.error?.code, after: report?.goesOnAfter };
    };
    await bureau.hold(numbered(1, 40));
    expect(await pullAll()).toEqual({ state: 'done' });
    expect(await pullAll('S1-kept:3')).toBe('SIGKILL');
    expect(await pullAll()).toEqual({ state: 'done', after: 30 });
    expect(await pullAll('S1-kept:2')).toBe('SIGKILL');
    await bureau.hold(numbered(1, 21));
    expect(await pullAll()).toEqual({ state: 'held', code: 'SOURCE_SHRUNK', after: 20 });
  });
});

/** The same job as a file. */
function yamlOf(source: SourceSpec): JsonObject {
  const { title, division, type, id, mapping } = job;
  const samples = [{ raw: row(1), gives: { number: row(1)['number'] } }];
  return JSON.parse(
    JSON.stringify({ kind: 'pull', title, division, source, type, id, mapping, samples }),
  ) as JsonObject;
}
