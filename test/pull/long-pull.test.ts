import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HubError } from '../../src/errors.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import type { Page, Source } from '../../src/source.ts';
import { readCursor } from '../../src/store/cursors.ts';
import { select } from '../../src/store/database.ts';
import { dumpTables } from '../../src/store/dump.ts';
import { databases } from '../support/databases.ts';
import { openTestHub, page, pullJob, row, sourceOf } from '../support/hub.ts';
import { pullPages } from '../support/pull-pages.ts';

const job = pullJob();

/** It is ready, or has ended. */
const spoken = (thread: Worker): Promise<unknown> =>
  Promise.race([once(thread, 'message'), once(thread, 'exit')]).catch(() => undefined);

/** After the third page the bureau waits until the thread that keeps pages is there, so that the rest certainly goes to it. */
function sourceAwaitingThread(given: readonly (Page | Error)[]): Source {
  return {
    async *pages(...asked) {
      const started = once(process, 'worker') as Promise<[Worker]>;
      let number = 0;
      for await (const each of sourceOf(...given).pages(...asked)) {
        number += 1;
        if (number === 5) await spoken((await started)[0]);
        yield each;
      }
    },
    close: async () => {},
  };
}

const run = (hub: Hub, given: readonly (Page | Error)[], threaded: boolean) =>
  pullPages(
    hub,
    given,
    threaded ? { job, databaseUrl: hub.settings.databaseUrl, source: sourceAwaitingThread(given) } : { job },
  );

const openHub = async (): Promise<Hub> => openTestHub((await databases[0]?.url()) ?? '', [job]);

/** Every table of the library, row for row. */
async function library(hub: Hub): Promise<unknown> {
  const tables = (await dumpTables(hub.db)).filter(({ name }) =>
    ['records', 'versions', 'quarantine', 'intakes', 'cursors'].includes(name),
  );
  return Promise.all(
    tables.map(async ({ name, columns }) => [
      name,
      await select(hub.db, `SELECT * FROM ${name} ORDER BY ${columns[0]}, 2`),
    ]),
  );
}

const pagesOf = (rows: readonly (readonly JsonObject[])[]): Page[] => rows.map((each) => page(each));
const numbered = (from: number, count: number): JsonObject[] =>
  Array.from({ length: count }, (_, index) => row(from + index));

test('a long pull leaves the same library as one that keeps page after page', async () => {
  const pages = pagesOf(
    Array.from({ length: 12 }, (_, index) => [...numbered(index * 5, 5), row(1000 + index, { code: '无效' })]),
  );
  const [short, long] = [await openHub(), await openHub()];
  const counts = { read: 72, accepted: 60, unchanged: 0, quarantined: 12 };
  expect((await run(short, pages, false)).counts).toEqual(counts);
  expect((await run(long, pages, true)).counts).toEqual(counts);
  expect(await library(long)).toEqual(await library(short));
});

test('rows that come again on later pages, changed, moved or as they were, end the same', async () => {
  const rows = fc.array(
    fc.record({
      number: fc.integer({ min: 1, max: 4 }),
      id: fc.integer({ min: 1, max: 4 }),
      name: fc.constantFrom('甲公司', '乙公司'),
      revised: fc.constantFrom('2026-11-20 10:00:00', '2026-11-21 10:00:00', ''),
    }),
    { minLength: 1, maxLength: 3 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(rows, { minLength: 3, maxLength: 6 }), async (given) => {
      const first = numbered(100, 4).map((each) => [each]);
      const late = given.map((each) =>
        each.map(({ number, id, ...change }) => row(number, { ...change, id: `row-${id}` })),
      );
      const pages = pagesOf([...first, ...late, ...late.toReversed()]);
      const [short, long] = [await openHub(), await openHub()];
      const expected = await run(short, pages, false);
      expect((await run(long, pages, true)).counts).toEqual(expected.counts);
      expect(await library(long)).toEqual(await library(short));
    }),
    { numRuns: 8 },
  );
});

test('a row that the library refuses keeps its bytes and fields all the same', async () => {
  const hub = await openHub();
  const old = row(100, { revised: '2026-11-01 08:00:00', name: '旧名公司' });
  const pages = pagesOf([
    [row(100, { revised: '2026-11-20 08:00:00' })],
    [row(2)],
    [row(3)],
    [row(4)],
    [row(5), old],
    [row(6)],
  ]);
  expect((await run(hub, pages, true)).counts.quarantined).toBe(1);
  const [ticket] = await select<{ raw: Buffer; fields: string; faults: string }>(
    hub.db,
    'SELECT raw, fields, faults FROM quarantine',
  );
  expect(String(ticket?.raw)).toBe(JSON.stringify(old));
  expect(JSON.parse(ticket?.fields ?? '')).toEqual(old);
  expect(ticket?.faults).toContain('RECORD_STALE');
});

test('when the bureau fails, the pages before are kept with the cursor behind them', async () => {
  const hub = await openHub();
  const pages = pagesOf(numbered(1, 9).map((each) => [each]));
  const cut = new HubError('SOURCE_CUT', '断了', { remedy: 'retry', fix: '再试' });
  const { counts, stopped } = await run(hub, [...pages, cut], true);
  expect(stopped).toBe(cut);
  expect(counts.accepted).toBe(9);
  expect((await readCursor(hub.db, job.name))?.value).toEqual(pages.at(-1)?.cursor);
});

test('after a page that the database refuses nothing more is kept, and the cursor stays before it', async () => {
  const hub = await openHub();
  await hub.db.raw(`CREATE TRIGGER refuse BEFORE INSERT ON records WHEN NEW.name = '南宁某某印刷第7有限公司'
    BEGIN SELECT RAISE(ABORT, 'refused for the test'); END`);
  const pages = pagesOf(numbered(1, 14).map((each) => [each]));
  await expect(run(hub, pages, true)).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_TRIGGER' });
  const kept = await select<{ name: string }>(hub.db, 'SELECT name FROM records ORDER BY id');
  const names = numbered(1, kept.length).map(({ name }) => name);
  expect(kept.map(({ name }) => name)).toEqual(names);
  expect(kept.length).toBeLessThan(7);
  expect((await readCursor(hub.db, job.name))?.value).toEqual(pages[kept.length - 1]?.cursor);
});

test('when the thread ends early the run fails instead of waiting for ever', async () => {
  const hub = await openHub();
  const started = once(process, 'worker') as Promise<[Worker]>;
  const ended = started.then(async ([thread]) => {
    await once(thread, 'message');
    await thread.terminate();
  });
  const pages = pagesOf(numbered(1, 14).map((each) => [each]));
  await expect(run(hub, pages, true)).rejects.toThrow('ended, code');
  await ended;
});

test('where the thread cannot begin the run goes on without it', async () => {
  const hub = await openHub();
  const pages = pagesOf(numbered(1, 14).map((each) => [each]));
  const elsewhere = { ...hub, settings: { ...hub.settings, databaseUrl: 'oracle:nowhere' } };
  const { counts } = await run(elsewhere, pages, true);
  expect(counts).toMatchObject({ read: 14, accepted: 14 });
});
