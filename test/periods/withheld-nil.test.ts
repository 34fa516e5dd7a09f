import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runJob } from '../../src/run-job.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, type BenchOptions, inShort, lookAtSource, openBench } from './bench.ts';

/** Friday 2026-12-04 09:00 in Shanghai. */
const FRIDAY = '2026-12-04T01:00:00Z';

const FAILED = { state: 'failed', error: { code: 'SOURCE_FOLDER_MISSING', message: '文件夹不存在', fix: '…' } };

const bench = (options: BenchOptions = {}): Promise<Bench> =>
  openBench(`sqlite:${join(temporaryFolder(), 'hub.db')}`, { pullsFail: true, ...options });

const byHand = { by: 'shell:test', signal: new AbortController().signal };

onBothDatabases('a withheld nil return on', ({ url }) => {
  for (const nil of ['message', 'report'] as const)
    test(`while the last pull failed no nil ${nil} is made, the period stays open and names the pull; after a good pull it is made`, async () => {
      const { hub, ring, reports, periods, logged, server } = await openBench(await url(), {
        pullsFail: true,
        platform: { nil },
      });
      await ring('2026-12-03T01:00:00Z');
      await lookAtSource(hub);
      await lookAtSource(hub, FAILED);
      await ring(FRIDAY);
      expect(reports).toMatchObject([{ state: 'failed', error: { code: 'NIL_WITHHELD' } }]);
      expect(reports[0]?.error?.fix).toContain('hub run pull-printing');
      const [open] = await periods();
      expect(open).toMatchObject({ outcome: 'open', nil: null, state: 'open', causes: [{ code: 'pull-unsettled' }] });
      expect(open?.causes[0]?.zh).toContain('pull-printing');
      expect(open?.causes[0]?.zh).toContain('SOURCE_FOLDER_MISSING');
      expect(open?.causes[0]?.fix).toContain('hub run pull-printing');
      await ring('2026-12-04T01:10:00Z');
      expect(reports).toHaveLength(1);
      expect(server.requests.filter(({ method }) => method === 'POST')).toEqual([]);
      expect(await logged('period.nil')).toEqual([]);
      await runJob(hub, 'push-credit-sharing', { ...byHand, followUpOnly: true });
      await lookAtSource(hub);
      await ring('2026-12-04T01:15:00Z');
      expect(await periods()).toMatchObject([{ outcome: 'on-time', nil, state: 'closed', causes: [] }]);
      expect(await logged('period.nil')).toMatchObject([{ kind: nil }]);
    });

  test('while a pull is being read in any process no nil is made, and what it brings is of this period', async () => {
    const { hub, ring, take, reports, periods } = await openBench(await url(), { pullsFail: true });
    await ring('2026-12-04T00:30:00Z');
    await lookAtSource(hub, null);
    await ring(FRIDAY);
    expect(reports).toEqual([]);
    await runJob(hub, 'push-credit-sharing', byHand);
    expect((await periods()).map(inShort)).toEqual(['2026-W49 open']);
    await take('2026-12-04T01:03:00Z', row(1));
    await hub.db('runs').where({ job: 'pull-printing' }).update({ state: 'done' });
    await ring('2026-12-04T01:05:00Z');
    expect(await periods()).toMatchObject([{ outcome: 'on-time', nil: null, counts: { accepted: 1 } }]);
    expect(reports.at(-1)?.state).toBe('done');
  });
});

for (const [name, end] of [
  ['held', { state: 'held', error: { code: 'SOURCE_SHRUNK', message: '变少', fix: '…' } }],
  ['cut off', { state: 'died', reason: '进程中断' }],
] as const)
  test(`a pull that was ${name} withholds a nil return, and neither a rehearsal nor an overlapped run after it lifts that`, async () => {
    const { hub, ring, periods } = await bench();
    await ring(FRIDAY.replace('01:00', '00:00'));
    await lookAtSource(hub, end);
    await lookAtSource(hub, { state: 'done', dryRun: true });
    await lookAtSource(hub, { state: 'failed', error: { code: 'RUN_OVERLAPPING', message: '', fix: '' } });
    await ring(FRIDAY);
    expect(await periods()).toMatchObject([{ outcome: 'open', nil: null, causes: [{ code: 'pull-unsettled' }] }]);
  });

test('a good pull that another run overlapped is a good pull', async () => {
  const { hub, ring, periods } = await bench();
  await ring(FRIDAY.replace('01:00', '00:00'));
  await lookAtSource(hub);
  await lookAtSource(hub, { state: 'failed', error: { code: 'RUN_OVERLAPPING', message: '', fix: '' } });
  await ring(FRIDAY);
  expect(await periods()).toMatchObject([{ outcome: 'on-time', nil: 'report' }]);
});

test('a pull that has not run since the period before was planned, or never, withholds a nil return', async () => {
  const { hub, ring, periods } = await bench();
  await ring('2026-12-03T01:00:00Z');
  await ring(FRIDAY);
  const [never] = await periods();
  expect(never?.causes[0]?.zh).toContain('从未运行');
  await lookAtSource(hub);
  await ring('2026-12-04T01:05:00Z');
  await ring('2026-12-18T01:00:00Z');
  expect((await periods()).map((one) => `${inShort(one)} ${one.nil}`)).toEqual([
    '2026-W49 on-time report',
    '2026-W50 overdue null',
    '2026-W51 open null',
  ]);
});

test('a pull that failed keeps nothing back that is pending', async () => {
  const { hub, ring, take, periods } = await bench();
  await take('2026-12-03T18:00:00Z', row(1));
  await lookAtSource(hub, FAILED);
  await ring(FRIDAY);
  expect(await periods()).toMatchObject([{ outcome: 'on-time', nil: null, counts: { accepted: 1 } }]);
});

test('a nil return that a failed pull kept back past its time says so for good', async () => {
  const { hub, ring, periods } = await bench();
  await ring('2026-12-03T01:00:00Z');
  await lookAtSource(hub, FAILED);
  await ring(FRIDAY);
  await ring('2026-12-04T12:00:00Z');
  const [overdue] = await periods();
  expect(overdue).toMatchObject({ outcome: 'overdue', nil: null, state: 'open' });
  expect(overdue?.causes[0]).toMatchObject({ code: 'pull-unsettled' });
  await lookAtSource(hub);
  await ring('2026-12-04T12:05:00Z');
  const [late] = await periods();
  expect(late).toMatchObject({ outcome: 'late', nil: 'report', state: 'closed' });
  expect(late?.causes.map(({ zh }) => zh).join()).toContain('SOURCE_FOLDER_MISSING');
});
