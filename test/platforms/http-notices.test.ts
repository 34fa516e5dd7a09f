import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { platformCheck } from '../../src/alarm/platform-check.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { PullJob, PushJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import { httpNotices } from '../../src/platforms/http-notices.ts';
import { pull } from '../../src/pull/pull.ts';
import { dueNow } from '../../src/push/due-now.ts';
import { listen, runJob } from '../../src/run-job.ts';
import { openPlatform, type PlatformServer } from '../../src/sandbox/platform-server.ts';
import { select } from '../../src/store/database.ts';
import { listLog } from '../../src/store/log.ts';
import { noticeCursor } from '../../src/store/notice-cursor.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';

const TOKEN = 'a-token-for-this-test';
const by = { signal: new AbortController().signal, by: 'shell:test' };

const penaltyJob: PullJob = {
  ...pullJob(),
  name: 'pull-penalties',
  type: 'penalty/penalty',
  mapping: {
    'document.number': 'number',
    'party.name': 'name',
    'party.creditCode': { from: 'code', as: 'credit-code' },
    'party.legalRepresentative': 'person',
    violationType: { const: '擅自印刷出版物' },
    facts: 'content',
    basis: { const: '《出版管理条例》第六十一条' },
    kinds: { const: ['罚款'] },
    content: { const: '罚款' },
    fine: { const: '10000' },
    decidedOn: { from: 'from', as: 'date' },
    publicity: { const: '主动公开' },
    secrecyReviewed: { const: true },
  },
};

const numberOf = (n: number): string => `桂新出罚字〔2026〕${n}号`;
const penalty = (n: number): JsonObject => ({ ...row(n), number: numberOf(n) });

interface Bench {
  readonly hub: Hub;
  readonly sharing: PlatformServer;
  readonly publicity: PlatformServer;
  /** What follows between the Fridays: notices are asked for, then what cannot wait is delivered. */
  readonly followUp: () => Promise<void>;
}

async function farEnd(name: string): Promise<PlatformServer> {
  const file = join(temporaryFolder(), `${name}.db`);
  const far = await openPlatform({ name, file, port: 0, lock: { token: TOKEN }, receipts: 'sync' });
  cleanUp(() => far.close());
  return far;
}

function jobFor(name: string, url: string, notices: boolean | string): PushJob {
  const job = pushJob(url, { auth: { bearer: TOKEN }, notices });
  const form = name === 'credit-sharing' ? 'credit-sharing/penalty-2018' : 'credit-publicity/penalty';
  return { ...job, name: `push-${name}`, platformName: name, types: { 'penalty/*': [form] } };
}

/** Three penalties that both platforms show. */
async function bench(url: string): Promise<Bench> {
  const [sharing, publicity] = [await farEnd('credit-sharing'), await farEnd('credit-publicity')];
  const jobs = [jobFor('credit-sharing', sharing.url, true), jobFor('credit-publicity', publicity.url, false)];
  const hub = await openTestHub(url, [penaltyJob, ...jobs]);
  await take(hub, penalty(1), penalty(2), penalty(3));
  for (const { name } of jobs)
    expect(await runJob(hub, name, by)).toMatchObject({ state: 'done', counts: { accepted: 3 } });
  const followUp = async (): Promise<void> => {
    for (const { name } of jobs) await listen(hub, name, by);
    for (const { job, urgent } of await dueNow(hub)) {
      expect(urgent).toBe(true);
      expect(await runJob(hub, job.name, { ...by, urgentOnly: true })).toMatchObject({ state: 'done' });
    }
  };
  return { hub, sharing, publicity, followUp };
}

async function take(hub: Hub, ...rows: JsonObject[]): Promise<void> {
  const type = schemas.types.get(penaltyJob.type);
  if (type === undefined) throw new Error('no such type');
  const { db, now, localDate } = hub;
  const common = { db, type, now, localDate, signal: by.signal, schemasDigest: schemas.digest, runId: 1 };
  const options = { ...common, dryRun: false, acceptShrink: false, source: sourceOf(page(rows)) };
  const { stopped } = await pull(penaltyJob, options);
  if (stopped !== undefined) throw stopped;
}

const notice = (id: string, n: number, change: JsonObject = {}): JsonObject => ({
  ...{ id, kind: 'repair', number: numberOf(n), creditCode: '91450100MA5KA0017F' },
  ...{ date: '2026-11-26', reference: '桂信修〔2026〕12号', ...change },
});

/** Which penalties a platform shows. */
const shownAt = ({ books }: PlatformServer): number[] =>
  books
    .held()
    .filter(({ op }) => op === 'U')
    .map(({ data }) => Number(/〕(\d+)号/.exec(JSON.stringify(data))?.[1]))
    .sort();

async function actions({ db }: Hub, area: string): Promise<string[]> {
  await sequenceAll(db);
  const lines = await listLog(db, { limit: 10_000 });
  return lines
    .map(({ action }) => action)
    .filter((action) => action.startsWith(area))
    .reverse();
}

onBothDatabases('repair notices over HTTP, on', ({ url }) => {
  test('one from credit-sharing withdraws the penalty at both platforms at the next follow-up; a repeat changes nothing', async () => {
    const { hub, sharing, publicity, followUp } = await bench(await url());
    sharing.books.addNotice(notice('XF-1', 2));
    await followUp();
    expect([shownAt(sharing), shownAt(publicity)]).toEqual([
      [1, 3],
      [1, 3],
    ]);
    const before = await select(hub.db, 'SELECT record_id, version FROM versions');
    sharing.books.addNotice(notice('XF-1', 2));
    sharing.books.addNotice(notice('XF-1', 3));
    await followUp();
    await take(hub, penalty(2));
    await followUp();
    expect(await select(hub.db, 'SELECT record_id, version FROM versions')).toEqual(before);
    expect([shownAt(sharing), shownAt(publicity)]).toEqual([
      [1, 3],
      [1, 3],
    ]);
    expect(await actions(hub, 'notice.')).toEqual(['notice.applied']);
    expect(await actions(hub, 'record.withdrawn')).toHaveLength(1);
  });

  test('one that fits nothing or has another shape is named and kept, and hides none behind it', async () => {
    const { hub, sharing, publicity, followUp } = await bench(await url());
    const recordKey =
      sharing.books.held().find(({ data }) => JSON.stringify(data).includes(numberOf(1)))?.recordKey ?? '';
    const { number: _, creditCode: __, ...byKey } = notice('XF-4', 1);
    for (const each of [
      notice('XF-1', 99),
      notice('XF-2', 3, { kind: 'revocation' }),
      notice('XF-3', 3, { date: '2026-02-30' }),
      notice('XF-5', 3, { recordKey }),
      'no notice at all',
      { ...byKey, recordKey },
    ])
      sharing.books.addNotice(each);
    await followUp();
    await followUp();
    expect([shownAt(sharing), shownAt(publicity)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
    expect((await actions(hub, 'notice.')).toSorted()).toEqual([
      'notice.applied',
      'notice.unmatched',
      ...Array(4).fill('notice.unreadable'),
    ]);
    const kept = await select<{ reason: string }>(
      hub.db,
      "SELECT reason FROM notices WHERE state = 'unreadable' ORDER BY id",
    );
    expect(kept.map(({ reason }) => JSON.parse(reason))).toContainEqual(notice('XF-2', 3, { kind: 'revocation' }));
    expect(await noticeCursor(hub.db, 'credit-sharing').read()).toBe('XF-4');
    const found = await platformCheck.look({ hub } as Parameters<typeof platformCheck.look>[0]);
    expect(found.map(({ subject }) => subject)).toContain('notice:credit-sharing');
    sharing.books.addNotice(notice('XF-2', 3));
    await followUp();
    expect(shownAt(publicity)).toEqual([2]);
  });

  test('a list that breaks off loses nothing, stops no delivery, and is asked for again behind what was taken', async () => {
    const { hub, sharing, publicity } = await bench(await url());
    const asked: string[] = [];
    let broken = true;
    const list = createServer((request, response) => {
      asked.push(request.url ?? '');
      const isSecond = request.url?.includes('after=XF-1') ?? false;
      if (isSecond && broken) return void response.writeHead(404).end();
      const said = isSecond
        ? { notices: [notice('XF-2', 2)], next: null }
        : request.url?.includes('after=')
          ? { notices: [], next: null }
          : { notices: [notice('XF-1', 1)], next: 'XF-1' };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(said));
    });
    await new Promise<void>((ready) => list.listen(0, '127.0.0.1', ready));
    cleanUp(() => list.close());
    const listUrl = `http://127.0.0.1:${(list.address() as AddressInfo).port}`;
    const teller = { ...jobFor('teller', listUrl, '/repairs'), name: 'push-teller', types: {} };
    Object.assign(hub, { jobs: [...hub.jobs, teller] });
    expect(await runJob(hub, 'push-teller', by)).toMatchObject({ state: 'done' });
    await runJob(hub, 'push-credit-publicity', { ...by, urgentOnly: true });
    expect([shownAt(sharing), shownAt(publicity)]).toEqual([
      [1, 2, 3],
      [2, 3],
    ]);
    broken = false;
    await listen(hub, 'push-teller', by);
    await listen(hub, 'push-teller', by);
    await runJob(hub, 'push-credit-publicity', { ...by, urgentOnly: true });
    expect(shownAt(publicity)).toEqual([3]);
    expect(asked).toEqual([
      '/repairs?limit=500',
      '/repairs?limit=500&after=XF-1',
      '/repairs?limit=500&after=XF-1',
      '/repairs?limit=500&after=XF-2',
    ]);
    expect(await actions(hub, 'notice.')).toEqual(['notice.applied', 'notice.unreadable', 'notice.applied']);
  });

  test('half an answer or a page of HTML is no list: nothing is taken from it, and nothing missed', async () => {
    const { hub, sharing } = await bench(await url());
    sharing.books.addNotice(notice('XF-1', 1));
    sharing.setScript({
      steps: [
        { answer: 'half', on: 'query' },
        { answer: 'garbage', on: 'query' },
      ],
      otherwise: { answer: 'accept' },
    });
    for (let round = 0; round < 3; round++) await listen(hub, 'push-credit-sharing', by);
    expect(await actions(hub, 'notice.')).toEqual(['notice.unreadable', 'notice.applied']);
  });
});

test('pages that lead back are left, and what they said until then was given on', async () => {
  const said = { notices: [notice('XF-1', 1)], next: 'XF-1' };
  const bytes = Buffer.from(JSON.stringify(said));
  const headers = { 'content-type': 'application/json' };
  const ask = async () => ({ outcome: 'answer', status: 200, headers, body: bytes }) as const;
  const given: string[] = [];
  const walk = async (): Promise<void> => {
    const list = httpNotices({ ask, after: undefined, keep: async () => {}, signal: by.signal });
    for await (const { noticeId } of list) given.push(noticeId);
  };
  await expect(walk()).rejects.toMatchObject({ code: 'PLATFORM_UNREADABLE' });
  expect(given).toEqual(['XF-1', 'XF-1']);
});
