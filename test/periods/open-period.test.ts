import { join } from 'node:path';
import { expect, test } from 'vitest';
import { choosePeriod } from '../../src/periods/choose-period.ts';
import { confirmDivision } from '../../src/periods/confirm-division.ts';
import { type DutyJob, isDutyJob, periodContext } from '../../src/periods/period-context.ts';
import { previewPlatform } from '../../src/periods/preview.ts';
import { nothingPending } from '../../src/periods/preview-text.ts';
import { runJob } from '../../src/run-job.ts';
import { inTransaction } from '../../src/store/database.ts';
import { pausePlatform } from '../../src/store/stops.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, type BenchOptions, inShort, lookAtSource, openBench } from './bench.ts';

const FRIDAY = '2026-12-04T01:00:00Z';
const CONFIRM = { confirm: { 'licence/*': 'required' } } as const;
const yes = { division: '印刷发行处', by: 'shell:test', reason: '已核对' };

const bench = (options: BenchOptions = {}): Promise<Bench> =>
  openBench(`sqlite:${join(temporaryFolder(), 'hub.db')}`, options);

const jobOf = ({ hub }: Bench): DutyJob => {
  const job = hub.jobs.find(isDutyJob);
  if (job === undefined) throw new Error('no duty');
  return job;
};

const chosen = (b: Bench, named?: string) => choosePeriod(jobOf(b), periodContext(b.hub), named);

const byHand = ({ hub }: Bench) =>
  runJob(hub, 'push-credit-sharing', { by: 'shell:test', signal: new AbortController().signal });

onBothDatabases('an open period on', ({ url }) => {
  test('is what a yes and a run by hand are about, and the records that leave so close it', async () => {
    const b = await openBench(await url(), { job: CONFIRM });
    await b.take('2026-12-03T18:00:00Z', row(1), row(2));
    await b.ring(FRIDAY);
    await b.take('2026-12-04T02:00:00Z', row(3));
    const { period, isOpen } = await chosen(b);
    expect([period, isOpen]).toEqual(['2026-W49', true]);
    expect((await previewPlatform(b.hub, jobOf(b))).period).toBe('2026-W49');
    await confirmDivision(b.hub, jobOf(b), { ...yes, period });
    expect((await byHand(b)).counts).toMatchObject({ sealed: 3, unconfirmed: 0 });
    expect(await b.periods()).toMatchObject([{ outcome: 'on-time', state: 'closed', counts: { accepted: 3 } }]);
    expect(await chosen(b)).toMatchObject({ period: '2026-W50', isOpen: false });
  });
});

test('one that was not confirmed until the next was planned is given up; a yes and a run by hand are about the oldest of the rest', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-20T18:00:00Z', row(1));
  expect((await byHand(b)).counts).toMatchObject({ sealed: 0, unconfirmed: 1 });
  await confirmDivision(b.hub, jobOf(b), { ...yes, period: (await chosen(b)).period });
  await byHand(b);
  expect((await b.periods()).map((one) => `${inShort(one)} ${one.state} ${one.counts.accepted}`)).toEqual([
    '2026-W49 missed closed 0',
    '2026-W50 missed closed 1',
    '2026-W51 overdue closed 0',
  ]);
});

const NEXT_FRIDAY = '2026-12-11T01:00:00Z';

test('a yes after the plan is the cause that the period was late for, and the records leave', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring(FRIDAY);
  await b.take('2026-12-05T02:00:00Z');
  await confirmDivision(b.hub, jobOf(b), { ...yes, period: (await chosen(b)).period });
  await byHand(b);
  const [period] = await b.periods();
  expect(period).toMatchObject({ period: '2026-W49', outcome: 'late', counts: { accepted: 1, unconfirmed: 0 } });
  expect(period?.causes[0]).toMatchObject({ code: 'unconfirmed', zh: '印刷发行处 2026-12-05 10:00 才确认' });
});

test('what nobody confirmed leaves with the next period, and its own was then overdue, not missed', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring(FRIDAY);
  await b.ring(NEXT_FRIDAY);
  expect((await b.periods()).map((one) => `${inShort(one)} ${one.state} ${one.counts.unconfirmed}`)).toEqual([
    '2026-W49 overdue open 1',
    '2026-W50 open open 1',
  ]);
  expect((await chosen(b)).period).toBe('2026-W50');
  await expect(confirmDivision(b.hub, jobOf(b), { ...yes, period: '2026-W49' })).rejects.toMatchObject({
    code: 'PERIOD_CLOSED',
  });
  await confirmDivision(b.hub, jobOf(b), { ...yes, period: '2026-W50' });
  await byHand(b);
  const [old, next] = await b.periods();
  expect(old).toMatchObject({ period: '2026-W49', outcome: 'overdue', state: 'closed', coveredBy: '2026-W50' });
  expect(old?.causes[0]).toMatchObject({ code: 'unconfirmed', zh: expect.stringContaining('才确认') });
  expect(next).toMatchObject({ outcome: 'on-time', state: 'closed', counts: { accepted: 1 } });
  expect((await b.logged('period.closed')).map(({ outcome }) => outcome)).toEqual(['overdue', 'on-time']);
});

test('where nobody confirmed until the next period was due, it was missed for want of a yes', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring(FRIDAY);
  await b.ring(NEXT_FRIDAY);
  await b.ring('2026-12-11T10:00:00Z');
  const [old, next] = await b.periods();
  expect(old).toMatchObject({ outcome: 'missed', state: 'closed', coveredBy: null, counts: { unconfirmed: 1 } });
  expect(old?.causes[0]?.code).toBe('unconfirmed');
  expect(next).toMatchObject({ period: '2026-W50', state: 'open' });
});

test('a period on time names what did not leave for want of a yes', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-03T18:00:00Z', row(1));
  await confirmDivision(b.hub, jobOf(b), { ...yes, period: '2026-W49' });
  await b.ring(FRIDAY);
  // A withdrawal waits for nobody, a new record does.
  await b.take('2026-12-10T18:00:00Z', row(1, { status: 'revoked', ended: '2026-12-10' }), row(2));
  await b.ring(NEXT_FRIDAY);
  expect((await b.periods()).map((one) => `${inShort(one)} ${one.causes.map(({ code }) => code)}`)).toEqual([
    '2026-W49 on-time ',
    '2026-W50 on-time unconfirmed',
  ]);
});

test('a yes to a period that is closed, or neither open nor next, is refused', async () => {
  const b = await bench({ job: CONFIRM });
  await b.ring(FRIDAY);
  const said = (period: string) => confirmDivision(b.hub, jobOf(b), { ...yes, period });
  await expect(said('2026-W49')).rejects.toMatchObject({ code: 'PERIOD_CLOSED' });
  await expect(said('2029-W45')).rejects.toMatchObject({ code: 'PERIOD_UNKNOWN' });
  await expect(said('2026-W48')).rejects.toMatchObject({ code: 'PERIOD_UNKNOWN' });
  expect(await said('2026-W50')).toBe(true);
  expect(await b.logged('preview.confirmed')).toMatchObject([{ period: '2026-W50' }]);
});

test('a period whose results are outstanding takes no new records from a run by hand', async () => {
  const b = await bench({ platform: { notProcessed: [503] }, script: [{ status: 503, body: 'busy' }] });
  await b.take('2026-12-03T18:00:00Z', row(1));
  await b.ring(FRIDAY);
  await b.take('2026-12-04T02:00:00Z', row(2));
  await byHand(b);
  expect((await b.periods()).map((one) => `${inShort(one)} ${one.counts.accepted}`)).toEqual(['2026-W49 on-time 1']);
});

test('a preview promises a nil return only where nothing is on the wire and every source was read', async () => {
  const b = await bench({
    pullsFail: true,
    platform: { notProcessed: [503] },
    script: [{ status: 503, body: 'busy' }],
  });
  await b.take('2026-12-03T18:00:00Z', row(1));
  const said = async (division?: string) => nothingPending(await previewPlatform(b.hub, jobOf(b)), division);
  await b.ring(FRIDAY);
  expect(await said()).toContain('1 个批次尚无结果');
  await byHand(b);
  expect(await said()).toContain('还不能作零报送：归集 pull-printing 从未运行');
  await lookAtSource(b.hub);
  expect(await said()).toContain('将作零报送');
  expect(await said('印刷发行处')).not.toContain('零报送');
});

test('what is in the way of a period now is told before what is past', async () => {
  const b = await bench({ job: CONFIRM });
  await b.take('2026-12-05T02:00:00Z', row(1));
  await b.ring('2026-12-05T02:01:00Z');
  expect((await b.periods())[0]?.causes.map(({ code }) => code)).toEqual(['unconfirmed', 'process-down']);
  const paused = await bench();
  const word = { actor: 'shell:test', reason: '平台割接', now: paused.hub.now() };
  await inTransaction(paused.hub.db, (tx) =>
    pausePlatform(tx, 'credit-sharing', { ...word, kind: 'person', period: null }),
  );
  await paused.ring('2026-12-05T02:01:00Z');
  expect((await paused.periods())[0]?.causes[0]?.code).toBe('paused');
  const failing = await bench({
    platform: { notProcessed: [503] },
    script: [{ status: 503, body: 'busy' }],
  });
  await failing.take('2026-12-05T02:00:00Z', row(1));
  await failing.ring('2026-12-05T02:01:00Z');
  expect((await failing.periods())[0]?.causes[0]?.code).toBe('platform-failing');
});
