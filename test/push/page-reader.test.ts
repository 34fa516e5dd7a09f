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
import type { Operation } from '../../src/record.ts';
import { type Bench, bench } from '../protocol/bench.ts';
import { onBothDatabases } from '../support/databases.ts';
import { cleanUp, pushJob, row } from '../support/hub.ts';

const ROWS = 1400;
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
  const reader = openPageReader(contextOf(work, hub), work);
  cleanUp(() => reader.close());
  return reader;
}

/** After the fourth page it waits until the thread has spoken, so that the rest certainly comes from it. */
async function throughThread(reader: PageReader, operation: Operation = 'UPSERT'): Promise<RenderedPage[]> {
  const started = once(process, 'worker') as Promise<[Worker]>;
  const read: RenderedPage[] = [];
  for await (const page of reader.pages(operation)) {
    read.push(page);
    if (read.length === 4) await once((await started)[0], 'message');
  }
  return read;
}

async function all(pages: AsyncIterable<RenderedPage>): Promise<RenderedPage[]> {
  const read: RenderedPage[] = [];
  for await (const page of pages) read.push(page);
  return read;
}

const taken = async (url: string): Promise<Bench> => {
  const b = await bench(url);
  await b.take(...rows());
  return b;
};

onBothDatabases('a pass that a thread goes on with, on', ({ url }) => {
  test('brings the same pages as one without', async () => {
    const { hub } = await taken(await url());
    const work = await workOf(hub);
    const plain = await all(pendingPages('UPSERT', contextOf(work, hub)));
    const read = await throughThread(open(hub, work));
    expect(read).toEqual(plain);
    expect(plain.map(({ members }) => [...members.values()].flat().length)).toEqual([245, 245, 245, 245, 245, 147, 0]);
    expect(read[4]?.tickets).toHaveLength(5);
    expect(read[4]?.tickets[0]?.subject).toBeInstanceOf(Buffer);
  });

  test('sends the same bytes', async () => {
    const [plain, threaded] = [await taken(await url()), await taken(await url())];
    await plain.push({ batchSize: 300 });
    const started = once(process, 'worker') as Promise<[Worker]>;
    const { far } = threaded;
    const platform: Platform = {
      ...far,
      send: async (...given) => {
        // The third batch is on its way when the thread has been started: from here on it reads.
        if (far.sends.length === 2) await once((await started)[0], 'message');
        return far.send(...given);
      },
    };
    const { counts } = await threaded.push({ batchSize: 300, ahead: await workOf(threaded.hub), platform });
    expect(counts).toMatchObject({ sealed: 1372, accepted: 1372, quarantined: 28 });
    expect(threaded.far.sends).toEqual(plain.far.sends);
  });

  test('may be left before its end, and the next one begins anew', async () => {
    const { hub } = await taken(await url());
    const work = await workOf(hub);
    const reader = open(hub, work);
    await throughThread(reader);
    for await (const page of reader.pages('UPSERT')) if (page.lastId > 0) break;
    expect(await all(reader.pages('WITHDRAW'))).toMatchObject([{ isLast: true }]);
    const again = await all(reader.pages('UPSERT'));
    expect(again).toEqual(await all(pendingPages('UPSERT', contextOf(work, hub))));
  });

  test('waits for the yes of a division all the same', async () => {
    const { hub } = await taken(await url());
    const work = await workOf(hub, { confirmations: [] });
    const plan = { ...work.plan, job: { ...work.plan.job, confirm: { 'licence/*': 'required' as const } } };
    const read = await throughThread(open(hub, { ...work, plan }));
    expect(read.map(({ unconfirmed }) => unconfirmed)).toEqual([245, 245, 245, 245, 245, 147, 0]);
    expect(read.every(({ members }) => members.size === 0)).toBe(true);
  });
});

describe('a thread that cannot help', () => {
  const here = async (): Promise<Hub> => (await taken('sqlite::memory:')).hub;

  test('because the schemas changed on the disk leaves the pass to the hub', async () => {
    const hub = await here();
    const work = await workOf(hub, { schemasDigest: 'of other schemas' });
    expect(await throughThread(open(hub, work))).toEqual(await all(pendingPages('UPSERT', contextOf(work, hub))));
  });

  test('because it cannot open the database fails the pass', async () => {
    const hub = await here();
    const work = await workOf(hub, { databaseUrl: 'oracle:nowhere' });
    await expect(throughThread(open(hub, work))).rejects.toMatchObject({ code: 'DATABASE_UNKNOWN' });
  });

  test('because it ended fails the pass instead of waiting for ever', async () => {
    const hub = await here();
    const started = once(process, 'worker') as Promise<[Worker]>;
    const ended = started.then(async ([thread]) => {
      await once(thread, 'message');
      await thread.terminate();
    });
    await expect(throughThread(open(hub, await workOf(hub)))).rejects.toThrow('ended, code');
    await ended;
  });
});
