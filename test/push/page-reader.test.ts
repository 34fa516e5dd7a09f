import { once } from 'node:events';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { confirmedBy } from '../../src/periods/confirmation.ts';
import type { Platform } from '../../src/platform.ts';
import { openPageReader, type PageReader } from '../../src/push/page-reader.ts';
import { type PendingPages, pendingPages, type RenderedPage } from '../../src/push/pending-page.ts';
import type { ReaderWork } from '../../src/push/reader-work.ts';
import { rendering, renderPlan } from '../../src/push/rendering.ts';
import { type Bench, bench, PLATFORM } from '../protocol/bench.ts';
import { databases, onBothDatabases } from '../support/databases.ts';
import { cleanUp, pushJob, row } from '../support/hub.ts';

const ROWS = 4200;
const PERSONAL = { content: '出版物印刷，联系电话13800138000' };

/** Every 50th record may not leave: personal data in its text. */
const rows = (change: JsonObject = {}): JsonObject[] =>
  Array.from({ length: ROWS }, (_, index) => row(index + 1, { ...(index % 50 === 0 ? PERSONAL : {}), ...change }));

const workOf = async (hub: Hub, change: Partial<ReaderWork> = {}): Promise<ReaderWork> => ({
  databaseUrl: hub.settings.databaseUrl,
  schemasDir: join(import.meta.dirname, '../../schemas'),
  schemasDigest: hub.schemasDigest,
  plan: await renderPlan(hub, pushJob('http://127.0.0.1:1')),
  confirmations: undefined,
  createdUntil: undefined,
  resync: undefined,
  ...change,
});

const contextOf = ({ plan, confirmations }: ReaderWork, hub: Hub): PendingPages => ({
  ...rendering(plan, hub),
  db: hub.db,
  confirmed: confirmations === undefined ? undefined : confirmedBy(plan.job, confirmations),
});

function open(hub: Hub, work: ReaderWork): PageReader {
  const reader = openPageReader({ ...contextOf(work, hub), trace: hub.trace }, work);
  cleanUp(() => reader.close());
  return reader;
}

interface Heard {
  readonly pages: readonly RenderedPage[];
  /** How many of them the thread read. */
  readonly fromThread: number;
}

/** The thread that starts next, when it is ready or has ended; `said`: kinds of its messages. */
async function threadSpeaks(): Promise<{ readonly worker: Worker; readonly said: string[] }> {
  const [worker] = (await once(process, 'worker')) as [Worker];
  const said: string[] = [];
  worker.on('message', ({ kind }: { readonly kind: string }) => said.push(kind));
  await Promise.race([once(worker, 'message'), once(worker, 'exit')]).catch(() => undefined);
  return { worker, said };
}

/** The thread is started after the twelfth page. After the next one it is waited for, so that the rest certainly comes from it. */
async function throughThread(reader: PageReader): Promise<Heard> {
  const thread = threadSpeaks();
  const pages: RenderedPage[] = [];
  for await (const page of reader.pages('UPSERT')) {
    pages.push(page);
    if (pages.length === 13) await thread;
  }
  return { pages, fromThread: (await thread).said.filter((kind) => kind === 'page').length };
}

async function all(pages: AsyncIterable<RenderedPage>): Promise<RenderedPage[]> {
  const read: RenderedPage[] = [];
  for await (const page of pages) read.push(page);
  return read;
}

const plainly = (hub: Hub, work: ReaderWork): Promise<RenderedPage[]> =>
  all(pendingPages('UPSERT', contextOf(work, hub)));

const taken = async (url: string): Promise<Bench> => {
  const b = await bench(url);
  await b.take(...rows());
  return b;
};

const membersIn = (pages: readonly RenderedPage[]): number =>
  pages.reduce((sum, { members }) => sum + [...members.values()].flat().length, 0);

onBothDatabases('a pass that a thread goes on with, on', ({ url }) => {
  test('brings the same pages as one without, and may be left before its end', async () => {
    const { hub } = await taken(await url());
    const work = await workOf(hub);
    const plain = await plainly(hub, work);
    const reader = open(hub, work);
    const { pages, fromThread } = await throughThread(reader);
    expect(pages).toEqual(plain);
    expect([pages.length, fromThread, membersIn(pages)]).toEqual([18, 5, 4116]);
    expect(pages[14]?.tickets[0]?.subject).toBeInstanceOf(Buffer);
    for await (const page of reader.pages('UPSERT')) if (page.lastId > 0) break;
    expect(await all(reader.pages('WITHDRAW'))).toMatchObject([{ isLast: true }]);
    expect(await all(reader.pages('UPSERT'))).toEqual(plain);
  });

  test('keeps to the members of the period, to what was released, and to the yes of a division', async () => {
    const b = await taken(await url());
    const createdUntil = b.clock.now.toISOString();
    b.wait(3600);
    await b.take(
      ...rows()
        .slice(0, 300)
        .map((each, index) => ({ ...each, id: `late-${index}`, number: `（桂）印证字第${460_000_000 + index}号` })),
    );
    const whole = await workOf(b.hub);
    expect(membersIn(await plainly(b.hub, whole))).toBe(4410);
    const ticket = (await plainly(b.hub, whole))[15]?.tickets[0];
    const releases = new Map([[`${ticket?.recordId}/1`, new Set(ticket?.faults.map(({ code }) => code))]]);
    const confirm = { 'licence/*': 'required' as const };
    const plan = { ...whole.plan, releases, job: { ...whole.plan.job, confirm } };
    const yes = {
      platform: PLATFORM,
      period: '2026-W48',
      division: '印刷发行处',
      type: '',
      confirmedBy: 'x',
      reason: 'x',
      at: 'x',
    };
    const work = { ...whole, plan, createdUntil, confirmations: [yes] };
    const { pages, fromThread } = await throughThread(open(b.hub, work));
    expect([fromThread, membersIn(pages)]).toEqual([5, 4117]);
    const { pages: without } = await throughThread(open(b.hub, { ...work, confirmations: [] }));
    expect([membersIn(without), without.reduce((sum, { unconfirmed }) => sum + unconfirmed, 0)]).toEqual([0, 4117]);
  });

  test('sends the same bytes', async () => {
    const [plain, threaded] = [await taken(await url()), await taken(await url())];
    await plain.push({ batchSize: 300 });
    const thread = threadSpeaks();
    const { far } = threaded;
    const platform: Platform = {
      ...far,
      send: async (...given) => {
        if (far.sends.length === 9) await thread;
        return far.send(...given);
      },
    };
    const { counts } = await threaded.push({ batchSize: 300, ahead: await workOf(threaded.hub), platform });
    expect(counts).toMatchObject({ sealed: 4116, accepted: 4116, quarantined: 84 });
    expect((await thread).said).toContain('page');
    expect(threaded.far.sends).toEqual(plain.far.sends);
  });
});

const here = async (): Promise<Hub> => (await taken((await databases[0]?.url()) ?? '')).hub;

test('no more pages lie ready than memory is meant to hold', async () => {
  const hub = await here();
  const thread = threadSpeaks();
  let read = 0;
  for await (const _ of open(hub, await workOf(hub)).pages('UPSERT')) {
    read += 1;
    if (read === 13) await thread;
    if (read !== 14) continue;
    const { said } = await thread;
    const pages = (): number => said.filter((kind) => kind === 'page').length;
    while (pages() < 3) await new Promise(setImmediate);
    // Turns of the loop in which a thread that heeds nothing reads the other two as well.
    for (let turn = 0; turn < 30_000; turn += 1) await new Promise(setImmediate);
    expect(pages()).toBe(3);
  }
  expect(read).toBe(18);
});

describe('a pass goes on without its thread', () => {
  const goesOn = async (hub: Hub, work: ReaderWork): Promise<void> => {
    const { pages, fromThread } = await throughThread(open(hub, work));
    expect(pages).toEqual(await plainly(hub, work));
    expect(fromThread).toBe(0);
  };

  test('where the schemas on the disk are others by now', async () => {
    const hub = await here();
    await goesOn(hub, await workOf(hub, { schemasDigest: 'of other schemas' }));
  });

  test('where it cannot open the database', async () => {
    const hub = await here();
    await goesOn(hub, await workOf(hub, { databaseUrl: 'oracle:nowhere' }));
  });

  test('where it ends in the middle', async () => {
    const hub = await here();
    const work = await workOf(hub);
    const thread = threadSpeaks();
    const pages: RenderedPage[] = [];
    for await (const page of open(hub, work).pages('UPSERT')) {
      pages.push(page);
      if (pages.length === 13) await thread;
      if (pages.length === 15) await (await thread).worker.terminate();
    }
    expect(pages).toEqual(await plainly(hub, work));
  });
});

test('a push that breaks off lets what flies land, and nothing takes off afterwards', async () => {
  const b = await bench((await databases[0]?.url()) ?? '');
  await b.take(...rows().slice(0, 400));
  const stop = new AbortController();
  let [begun, ended] = [0, 0];
  const platform: Platform = {
    ...b.far,
    send: async (...given) => {
      begun += 1;
      if (begun === 2) stop.abort(new Error('broken off'));
      const turns = begun === 2 ? 5000 : 50;
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      const answer = await b.far.send(...given);
      ended += 1;
      return answer;
    },
  };
  await expect(b.push({ platform, concurrency: 2, signal: stop.signal })).rejects.toThrow('broken off');
  expect(ended).toBe(begun);
  for (let turn = 0; turn < 500; turn += 1) await new Promise(setImmediate);
  expect(ended).toBe(begun);
});

test('a push that breaks off asks for nothing any more either', async () => {
  const b = await bench((await databases[0]?.url()) ?? '');
  await b.take(...rows().slice(1, 300));
  b.far.whims.push('lose-answer');
  let rendered = 0;
  const { formsOf } = await b.context();
  const breaking: typeof formsOf = (type) => {
    rendered += 1;
    if (rendered > 250) throw new Error('broken off');
    return formsOf(type);
  };
  // The lost answer is asked for after 0.36 s, long after the second page has failed.
  const pushed = b.push({ batchSize: 200, concurrency: 2, random: () => 0.9, formsOf: breaking });
  await expect(pushed).rejects.toThrow('broken off');
  expect([b.far.sends.length, b.far.queries]).toEqual([1, 0]);
});
