import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runJob } from '../../src/run-job.ts';
import { inTransaction, select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { pausePlatform, resumePlatform } from '../../src/store/stops.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { inShort, openBench } from './bench.ts';

const sqlite = (): string => `sqlite:${join(temporaryFolder(), 'hub.db')}`;

/** Friday 2026-12-04 09:00 in Shanghai. */
const FRIDAY = '2026-12-04T01:00:00Z';

onBothDatabases('periods on', ({ url }) => {
  test('a Friday that is pushed when it is planned is on time, with its batch, counts and receipt', async () => {
    const { take, ring, periods, hub } = await openBench(await url());
    const from = '2026-12-01';
    await take('2026-12-03T18:00:00Z', row(1, { from }), row(2, { from }), row(3, { from }));
    await ring('2026-12-04T00:59:00Z');
    expect(await periods()).toEqual([]);
    await ring(FRIDAY);
    await ring('2026-12-04T01:01:00Z');
    const [report, ...others] = await periods();
    expect(others).toEqual([]);
    expect(report).toMatchObject({
      platform: 'credit-sharing',
      period: '2026-W49',
      state: 'closed',
      outcome: 'on-time',
      nil: null,
      backfilled: false,
      counts: { batches: 1, members: 3, accepted: 3, rejected: 0, held: 0, setAside: 0, late: 0 },
      causes: [],
    });
    expect(report?.receipts).toHaveLength(1);
    const [batch] = await listBatches(hub.db);
    expect(batch).toMatchObject({ period: '2026-W49', members: 3, state: 'SETTLED' });
  });

  test('a hub that was down from Thursday to Saturday makes its Friday good, and says from when to when it was down', async () => {
    const { take, ring, periods } = await openBench(await url());
    await take('2026-12-03T06:00:00Z', row(1));
    await ring('2026-12-03T06:01:00Z');
    await ring('2026-12-05T02:00:00Z');
    const [report] = await periods();
    expect(report).toMatchObject({ period: '2026-W49', outcome: 'late', backfilled: true, state: 'closed' });
    expect(report?.causes).toMatchObject([
      { code: 'process-down', from: '2026-12-03T06:01:00.000Z', to: '2026-12-05T02:00:00.000Z' },
    ]);
    expect(report?.causes[0]?.zh).toBe('服务自 2026-12-03 14:01 至 2026-12-05 10:00 没有运行');
  });

  test('one push serves three missed Fridays, and each has its own closing report', async () => {
    const { take, ring, periods, hub, logged } = await openBench(await url());
    await ring('2026-12-03T06:00:00Z');
    await take('2026-12-22T06:00:00Z', row(1), row(2));
    await ring('2026-12-22T06:01:00Z');
    expect((await periods()).map((one) => `${inShort(one)} ${one.coveredBy} ${one.counts.members}`)).toEqual([
      '2026-W49 missed null 2',
      '2026-W50 missed 2026-W49 0',
      '2026-W51 overdue 2026-W49 0',
    ]);
    expect((await listBatches(hub.db)).map(({ period, members }) => [period, members])).toEqual([['2026-W49', 2]]);
    const closed = (await logged('period.closed')).map(({ period, outcome }) => [period, outcome]);
    expect(closed).toEqual([
      ['2026-W49', 'missed'],
      ['2026-W50', 'missed'],
      ['2026-W51', 'overdue'],
    ]);
  });

  test('two schedulers on one database make one period and one push of a Friday', async () => {
    const { take, ring, another, hub, server } = await openBench(await url());
    const other = another();
    await take('2026-12-03T18:00:00Z', row(1));
    await Promise.all([ring(FRIDAY), other(FRIDAY)]);
    await Promise.all([ring('2026-12-04T01:01:00Z'), other('2026-12-04T01:01:00Z')]);
    expect(await select(hub.db, 'SELECT period FROM periods')).toEqual([{ period: '2026-W49' }]);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('nothing new is a nil return: a statement with the digest of what was asked', async () => {
    const { take, ring, periods, hub, logged, server } = await openBench(await url());
    await take('2026-12-03T18:00:00Z', row(1));
    await ring(FRIDAY);
    await ring('2026-12-11T01:00:00Z');
    const [, second] = await periods();
    expect(second).toMatchObject({ period: '2026-W50', outcome: 'on-time', nil: 'report', counts: { members: 0 } });
    expect(await logged('period.nil')).toMatchObject([{ period: '2026-W50', kind: 'report', pending: '0' }]);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(await listBatches(hub.db)).toHaveLength(1);
  });

  test('where the platform takes one, a nil return is an empty package with a receipt', async () => {
    const { ring, periods, hub, logged } = await openBench(await url(), { platform: { nil: 'message' } });
    await ring(FRIDAY);
    const [report] = await periods();
    expect(report).toMatchObject({ outcome: 'on-time', nil: 'message', counts: { batches: 1, members: 0 } });
    expect(report?.receipts).toHaveLength(1);
    expect(await logged('period.nil')).toMatchObject([{ kind: 'message' }]);
    expect(await listBatches(hub.db)).toMatchObject([{ period: '2026-W49', members: 0, state: 'SETTLED' }]);
  });
});

test('a platform that refuses an empty package gets a statement instead', async () => {
  const refuse = { status: 400, body: '{"code":"FORMAT_ERROR","msg":"empty"}' };
  const { ring, periods } = await openBench(sqlite(), { platform: { nil: 'message' }, script: [refuse] });
  await ring(FRIDAY);
  expect(await periods()).toMatchObject([{ outcome: 'on-time', nil: 'report' }]);
});

test('a Friday that fails is tried again in the windows of its work days, and the report says why it is not on time', async () => {
  const down = { status: 503, body: 'busy' };
  const { take, ring, periods, script, reports } = await openBench(sqlite(), {
    platform: { notProcessed: [503] },
  });
  await take('2026-12-03T18:00:00Z', row(1));
  script.push(down);
  await ring(FRIDAY);
  await ring('2026-12-04T02:00:00Z');
  expect(reports).toHaveLength(1);
  expect((await periods()).map(inShort)).toEqual(['2026-W49 open']);
  script.push(down);
  await ring('2026-12-04T06:00:00Z');
  expect(reports).toHaveLength(2);
  await ring('2026-12-05T06:00:00Z');
  expect(reports).toHaveLength(2);
  expect((await periods()).map(inShort)).toEqual(['2026-W49 overdue']);
  await ring('2026-12-07T00:30:00Z');
  const [report] = await periods();
  expect(report).toMatchObject({ outcome: 'overdue', state: 'closed', counts: { accepted: 1 } });
  expect(report?.causes.map(({ code }) => code)).toContain('platform-failing');
});

test('the members of a Friday are what was pending at its first seal; what comes later waits for the next one', async () => {
  const down = { status: 503, body: 'busy' };
  const { take, ring, periods, script } = await openBench(sqlite(), { platform: { notProcessed: [503] } });
  await take('2026-12-03T18:00:00Z', row(1));
  script.push(down);
  await ring(FRIDAY);
  await take('2026-12-04T05:00:00Z', row(2));
  await ring('2026-12-04T06:00:00Z');
  expect((await periods()).map((one) => `${inShort(one)} ${one.counts.accepted}`)).toEqual(['2026-W49 on-time 1']);
  await ring('2026-12-11T01:00:00Z');
  expect((await periods()).map((one) => `${inShort(one)} ${one.counts.accepted}`)).toEqual([
    '2026-W49 on-time 1',
    '2026-W50 on-time 1',
  ]);
});

test('a Friday of which everything is in quarantine is missed, and says so', async () => {
  const { take, ring, periods } = await openBench(sqlite());
  await take('2026-12-03T18:00:00Z', row(1, { content: '联系人电话13812345678' }));
  await ring(FRIDAY);
  expect(await periods()).toMatchObject([{ outcome: 'open', nil: null, counts: { setAside: 1, members: 0 } }]);
  await ring('2026-12-11T01:00:00Z');
  const [first, second] = await periods();
  expect(first).toMatchObject({ outcome: 'missed', state: 'closed' });
  expect(first?.causes.map(({ code }) => code)).toContain('quarantine');
  // What waits in quarantine since before is nothing new.
  expect(second).toMatchObject({ outcome: 'on-time', nil: 'report' });
});

test('a clock that goes back opens no period and raises one alarm', async () => {
  const { ring, periods, logged } = await openBench(sqlite());
  await ring('2026-12-10T01:00:00Z');
  expect((await periods()).map(({ period }) => period)).toEqual(['2026-W49']);
  await ring('1970-01-02T00:00:00Z');
  await ring('1970-01-02T00:01:00Z');
  expect(await logged('clock.moved-backwards')).toEqual([
    { lastTick: '2026-12-10T01:00:00.000Z', now: '1970-01-02T00:00:00.000Z' },
  ]);
  await ring('2026-12-11T01:00:00Z');
  expect((await periods()).map(({ period }) => period)).toEqual(['2026-W49', '2026-W50']);
});

test('a clock that jumps eight days ahead and back again makes no Friday twice', async () => {
  const { ring, periods } = await openBench(sqlite());
  await ring(FRIDAY);
  await ring('2026-12-12T01:00:00Z');
  await ring('2026-12-04T02:00:00Z');
  await ring('2026-12-18T01:00:00Z');
  expect((await periods()).map(({ period }) => period)).toEqual(['2026-W49', '2026-W50', '2026-W51']);
});

test('from go-live to now there is exactly one period per Friday, in order, whatever holidays do', async () => {
  const { ring, periods } = await openBench(sqlite(), { duty: { goLive: '2024-01-01' } });
  await ring('2027-01-05T01:00:00Z');
  const found = await periods();
  const fridays: string[] = [];
  for (let at = Date.UTC(2024, 0, 5); at <= Date.UTC(2027, 0, 5); at += 7 * 86_400_000)
    fridays.push(new Date(at).toISOString().slice(0, 10));
  expect(found.map(({ nominal }) => nominal)).toEqual(fridays);
  expect(new Set(found.map(({ period }) => period)).size).toBe(fridays.length);
  expect(found.at(-1)).toMatchObject({ period: '2026-W53', day: '2026-12-31', movedBy: '元旦 (previous-workday)' });
  expect(found.every(({ state, backfilled }) => state === 'closed' && backfilled)).toBe(true);
});

test('a year without data raises one alarm, and a provisional one is told', async () => {
  const { ring, logged } = await openBench(sqlite());
  await ring('2026-12-03T01:00:00Z');
  await ring('2026-12-03T01:01:00Z');
  expect(await logged('calendar.provisional')).toEqual([{ year: '2027' }]);
  await ring('2027-12-01T01:00:00Z');
  expect(await logged('calendar.missing')).toEqual([{ year: '2028' }]);
});

test('records of a type that must be confirmed leave only when their division has said yes', async () => {
  const { take, ring, periods, hub } = await openBench(sqlite(), { job: { confirm: { 'licence/*': 'required' } } });
  await take('2026-12-03T18:00:00Z', row(1), row(2));
  await ring(FRIDAY);
  expect(await periods()).toMatchObject([{ outcome: 'open', counts: { unconfirmed: 2, members: 0 } }]);
  await hub.db('confirmations').insert({
    platform: 'credit-sharing',
    period: '2026-W49',
    division: '印刷发行处',
    type: '',
    confirmed_by: 'test',
    reason: '已核对',
    at: '2026-12-04T02:00:00.000Z',
  });
  await ring('2026-12-04T06:00:00Z');
  expect(await periods()).toMatchObject([{ outcome: 'on-time', counts: { accepted: 2 } }]);
});

test('an extra push is made where waiting for the plan would break a deadline, and only proposed otherwise', async () => {
  for (const extraPush of ['make', 'propose'] as const) {
    const { take, ring, hub, logged } = await openBench(sqlite(), { duty: { extraPush } });
    await ring(FRIDAY);
    // Decided on Friday 27 November, seven work days end on Tuesday 8 December: the next Friday is too late.
    await take('2026-12-05T18:00:00Z', row(1, { from: '2026-11-27' }));
    await ring('2026-12-06T02:00:00Z');
    expect(await listBatches(hub.db)).toEqual([]);
    await ring('2026-12-07T00:30:00Z');
    await ring('2026-12-07T00:31:00Z');
    const said = { records: '1', earliest: '2026-12-08', planned: '2026-12-11' };
    expect(await logged(extraPush === 'make' ? 'push.extra-made' : 'push.extra-proposed')).toEqual([said]);
    const sent = (await listBatches(hub.db)).map(({ period, state }) => ({ period, state }));
    expect(sent).toEqual(extraPush === 'make' ? [{ period: null, state: 'SETTLED' }] : []);
  }
});

test('a decision that reaches the platform after its deadline is counted as late, a correction of it is not', async () => {
  const { take, ring, periods } = await openBench(sqlite());
  await take('2026-12-03T18:00:00Z', row(1, { from: '2026-11-02' }), row(2, { from: '2026-12-01' }));
  await ring(FRIDAY);
  await take('2026-12-10T18:00:00Z', row(1, { from: '2026-11-02', content: '包装装潢印刷' }));
  await ring('2026-12-11T01:00:00Z');
  expect((await periods()).map(({ counts: { accepted, late } }) => [accepted, late])).toEqual([
    [2, 1],
    [1, 0],
  ]);
});

test('a monthly duty has the same table: one period per month, on its last work day', async () => {
  const { take, ring, periods } = await openBench(sqlite(), { duty: { every: 'month', goLive: '2026-12-01' } });
  await take('2026-12-30T18:00:00Z', row(1));
  await ring('2026-12-31T01:00:00Z');
  expect((await periods()).map((one) => `${inShort(one)} ${one.day}`)).toEqual(['2026-12 on-time 2026-12-31']);
});

test('a Friday that another run overlapped says so', async () => {
  const { take, ring, periods, hub } = await openBench(sqlite());
  await take('2026-12-03T18:00:00Z', row(1));
  const lease = { name: 'push:credit-sharing', holder: 'elsewhere/1/1', epoch: 1, expires_ms: 4_102_444_800_000 };
  await hub.db('leases').insert(lease);
  await ring(FRIDAY);
  await ring('2026-12-04T10:01:00Z');
  const [report] = await periods();
  expect(report).toMatchObject({ outcome: 'overdue', triedAt: null });
  expect(report?.causes.map(({ code }) => code)).toContain('overlap');
});

test('a Friday that another run overlapped at nine is pushed five minutes later', async () => {
  const { take, ring, periods, hub, reports } = await openBench(sqlite());
  await take('2026-12-03T18:00:00Z', row(1));
  const lease = { name: 'push:credit-sharing', holder: 'elsewhere/1/1', epoch: 1, expires_ms: 4_102_444_800_000 };
  await hub.db('leases').insert(lease);
  await ring(FRIDAY);
  await hub.db('leases').update({ expires_ms: 0 });
  await ring('2026-12-04T01:04:00Z');
  expect(reports).toHaveLength(1);
  await ring('2026-12-04T01:05:00Z');
  expect((await periods()).map(inShort)).toEqual(['2026-W49 on-time']);
});

test('a run by hand on Friday, without the service, serves the period and its outcome', async () => {
  const { take, periods, hub } = await openBench(sqlite());
  await take(FRIDAY, row(1));
  const run = { by: 'shell:test', signal: new AbortController().signal };
  await runJob(hub, 'push-credit-sharing', run);
  expect((await periods()).map(inShort)).toEqual(['2026-W49 on-time']);
  await take('2026-12-04T02:00:00Z', row(2));
  await runJob(hub, 'push-credit-sharing', run);
  expect((await listBatches(hub.db)).map(({ period }) => period)).toEqual([null, '2026-W49']);
});

test('a Friday on which a person had paused the platform says so, with the reason', async () => {
  const { take, ring, periods, hub } = await openBench(sqlite());
  await take('2026-12-03T18:00:00Z', row(1));
  const word = { actor: 'shell:test', reason: '平台割接', now: hub.now() };
  await inTransaction(hub.db, (tx) => pausePlatform(tx, 'credit-sharing', { ...word, kind: 'person', period: null }));
  await ring(FRIDAY);
  await ring('2026-12-04T10:01:00Z');
  const [paused] = await periods();
  expect(paused).toMatchObject({ outcome: 'overdue', triedAt: null });
  expect(paused?.causes).toContainEqual(
    expect.objectContaining({ code: 'paused', zh: expect.stringContaining('平台割接') }),
  );
  await inTransaction(hub.db, (tx) => resumePlatform(tx, 'credit-sharing', { ...word, reason: '割接完成' }));
  await ring('2026-12-07T00:30:00Z');
  expect((await periods()).map((one) => `${inShort(one)} ${one.counts.accepted}`)).toEqual(['2026-W49 overdue 1']);
});

test('failed batches of a duty are counted per retry window', async () => {
  const { take, ring, script, hub } = await openBench(sqlite(), { platform: { notProcessed: [503] } });
  await take('2026-12-03T18:00:00Z', row(1));
  script.push({ status: 503, body: 'busy' });
  await ring(FRIDAY);
  const [batch] = await select<{ retry_window: string }>(hub.db, 'SELECT retry_window FROM batches');
  expect(batch?.retry_window).toBe('2026-12-04T00:30');
});
