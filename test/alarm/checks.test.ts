import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { askApproval, claim } from '../../src/accounts/requests.ts';
import { accountCheck } from '../../src/alarm/account-check.ts';
import { certificateCheck } from '../../src/alarm/certificate-check.ts';
import type { Check } from '../../src/alarm/check.ts';
import { clockCheck } from '../../src/alarm/clock-check.ts';
import { deadlineCheck } from '../../src/alarm/deadline-check.ts';
import { deliveryCheck } from '../../src/alarm/delivery-checks.ts';
import { type DiskSpace, diskCheck } from '../../src/alarm/disk-check.ts';
import { dutyCheck } from '../../src/alarm/duty-check.ts';
import type { AlarmKind, Finding } from '../../src/alarm/finding.ts';
import { beat } from '../../src/alarm/heartbeat.ts';
import { logCheck } from '../../src/alarm/log-check.ts';
import { overdue } from '../../src/alarm/overdue.ts';
import { platformCheck } from '../../src/alarm/platform-check.ts';
import { reconcileCheck } from '../../src/alarm/reconcile-check.ts';
import { runCheck } from '../../src/alarm/run-checks.ts';
import { CHECKS } from '../../src/alarm/tend.ts';
import { watchCheck } from '../../src/alarm/watch-check.ts';
import { settleLog } from '../../src/evidence/keep-log.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { AlarmFile } from '../../src/job/alarm-file.ts';
import type { Duty, Job } from '../../src/job/job.ts';
import { pull } from '../../src/pull/pull.ts';
import { weeklyInstant } from '../../src/reconcile/weekly.ts';
import { writeSignerStatus } from '../../src/store/checkpoints.ts';
import { inTransaction } from '../../src/store/database.ts';
import { setMark } from '../../src/store/duty-marks.ts';
import { appendLog } from '../../src/store/log.ts';
import { quarantine } from '../../src/store/quarantine.ts';
import { keepDifferences, openReconciliation } from '../../src/store/reconciliations.ts';
import { endRun, startRun } from '../../src/store/runs.ts';
import { openVault } from '../../src/store/vault.ts';
import { certificate } from '../support/certificate.ts';
import { databases, onBothDatabases } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import { webhookSink } from '../support/webhook-sink.ts';

const signal = new AbortController().signal;
const HOUR = 3_600_000;

interface Bench {
  readonly hub: Hub;
  readonly clock: { now: Date };
  readonly see: (check: Check, open?: readonly string[]) => Promise<readonly Finding[]>;
}

async function bench(url: string, jobs: readonly Job[] = [], alarms?: AlarmFile): Promise<Bench> {
  const clock = { now: NOW };
  const base = await openTestHub(url, jobs, clock);
  const hub: Hub = alarms === undefined ? base : { ...base, alarms };
  const see = (check: Check, open: readonly string[] = []) =>
    check.look({ hub, signal, isOpen: (subject) => open.includes(subject) });
  return { hub, clock, see };
}

async function ran(
  hub: Hub,
  job: string,
  end: { state: 'done' | 'failed' | 'held'; n?: number; code?: string; due?: number },
) {
  const id = await startRun(hub.db, { job, kind: 'pull', holder: 'h', now: hub.now() });
  if (end.due !== undefined) {
    const due = new Date(NOW.getTime() + end.due * HOUR).toISOString();
    await inTransaction(hub.db, (tx) => tx('runs').where({ id }).update({ due_at: due }));
  }
  const error = end.code === undefined ? {} : { error: { code: end.code, message: 'm', fix: 'f' } };
  await endRun(hub.db, id, { state: end.state, now: hub.now(), report: { counts: { read: end.n ?? 1 }, ...error } });
}

const heldBatch = (platform: string, state: string, sealedAt: Date, seq: number) => ({
  ...{
    seq,
    id: `b${seq}`,
    platform,
    form: 'f',
    state,
    run_id: 1,
    members: 1,
    body: Buffer.alloc(1),
    attempts: 0,
    epoch: 1,
  },
  ...{ body_digest: Buffer.alloc(32), manifest_root: Buffer.alloc(32), sealed_at: sealedAt.toISOString() },
});

const period = (platform: string, name: string, dueAt: string, nextDueAt: string) => ({
  ...{ platform, duty: `push-${platform}`, period: name, nominal: '2026-11-27', day: '2026-11-27' },
  ...{ planned_at: dueAt, due_at: dueAt, grace_until: dueAt, next_planned_at: nextDueAt, next_due_at: nextDueAt },
  ...{ coverage: 'covered', backfilled: 0, state: 'open', created_at: dueAt },
});

test('each kind of alarm belongs to one check', () => {
  const kinds: AlarmKind[] = CHECKS.flatMap((check) => check.kinds);
  expect(new Set(kinds).size).toBe(kinds.length);
});

onBothDatabases('checks on', ({ url }) => {
  test('a failed run is found until the next good one, and is urgent where a person must act', async () => {
    const b = await bench(await url(), [pullJob()]);
    await ran(b.hub, 'pull-printing', { state: 'failed', code: 'SOURCE_DOWN' });
    expect(await b.see(runCheck)).toMatchObject([{ subject: 'run:pull-printing', exhausted: false, level: 'warning' }]);
    await ran(b.hub, 'pull-printing', { state: 'failed', code: 'SOURCE_DOWN' });
    await ran(b.hub, 'pull-printing', { state: 'failed', code: 'SOURCE_DOWN' });
    expect(await b.see(runCheck)).toMatchObject([{ exhausted: true, zh: expect.stringContaining('连续 3 次') }]);
    await ran(b.hub, 'pull-printing', { state: 'done' });
    expect(await b.see(runCheck)).toEqual([]);
    await ran(b.hub, 'pull-printing', { state: 'held', code: 'SOURCE_SHRUNK' });
    expect(await b.see(runCheck)).toMatchObject([{ exhausted: true, level: 'urgent' }]);
  });

  test('nothing read is found only where something is usual', async () => {
    const b = await bench(await url(), [pullJob()]);
    for (const due of [1, 2, 3, 4]) await ran(b.hub, 'pull-printing', { state: 'done', n: 7, due });
    await ran(b.hub, 'pull-printing', { state: 'done', n: 0, due: 5 });
    expect(await b.see(runCheck)).toEqual([]);
    await ran(b.hub, 'pull-printing', { state: 'done', n: 3, due: 6 });
    for (const due of [7, 8, 9, 10]) await ran(b.hub, 'pull-printing', { state: 'done', n: 7, due });
    await ran(b.hub, 'pull-printing', { state: 'done', n: 0, due: 11 });
    expect(await b.see(runCheck)).toMatchObject([{ kind: 'zero', zh: expect.stringContaining('至少 3 条') }]);
  });

  test('held batches and deliveries older than two days are found per platform', async () => {
    const b = await bench(await url());
    const old = new Date(NOW.getTime() - 49 * HOUR);
    await inTransaction(b.hub.db, (tx) =>
      tx('batches').insert([
        heldBatch('a', 'HELD', old, 1),
        heldBatch('b', 'UNKNOWN', old, 2),
        heldBatch('c', 'RECEIVED', NOW, 3),
        heldBatch('d', 'SETTLED', old, 4),
      ]),
    );
    const found = await b.see(deliveryCheck);
    expect(found.map(({ subject }) => subject)).toEqual(['batch:a', 'delivery:b']);
    expect(found[1]?.since).toBe(old.toISOString());
  });

  test('an open breaker, a stop for poison, orphans and contradictions are found per platform', async () => {
    const b = await bench(await url());
    const at = NOW.toISOString();
    await inTransaction(b.hub.db, async (tx) => {
      const breaker = { failures: 5, wait_s: 60, changed_at: at, reason: '连接中断，电话13977112345' };
      await tx('breakers').insert([
        { platform: 'a', state: 'open', ...breaker },
        { platform: 'z', state: 'closed', ...breaker },
      ]);
      await tx('pauses').insert({ platform: 'b', kind: 'poison', period: '2026-W48', actor: 'hub', reason: 'r', at });
      const receipt = { receipt_id: 'r', cause: 'unknown-batch', body: Buffer.alloc(1), identity: Buffer.alloc(32) };
      await tx('orphan_receipts').insert({ platform: 'c', received_at: at, ...receipt });
      const fault = { code: 'PLATFORM_CONFLICT', level: 'error', path: '', zh: 'z', en: 'e' } as const;
      const subject = Buffer.alloc(32);
      const ticket = {
        stage: 'platform',
        subject,
        job: 'j',
        division: 'd',
        type: 't',
        platform: 'd',
        recordId: 1,
        faults: [fault],
      };
      await quarantine(tx, [{ ...ticket, stage: 'platform' }], NOW);
    });
    const found = await b.see(platformCheck);
    expect(found.map(({ subject }) => subject)).toEqual(['breaker:a', 'pause:b', 'receipt:c', 'conflict:d']);
    expect(found[0]?.zh).not.toContain('13977112345');
    b.clock.now = new Date(NOW.getTime() + 25 * HOUR);
    expect((await b.see(platformCheck)).map(({ kind }) => kind)).not.toContain('receipt');
  });

  test('a duty that is open is told of at 20:00 and at 23:30 of its day, local time', async () => {
    const b = await bench(await url());
    const due = '2026-11-27T10:00:00.000Z';
    await inTransaction(b.hub.db, (tx) =>
      tx('periods').insert(period('p', '2026-W48', due, '2026-12-04T10:00:00.000Z')),
    );
    let open: string[] = [];
    const at = async (instant: string) => {
      b.clock.now = new Date(instant);
      open = (await b.see(dutyCheck, open)).map(({ subject }) => subject);
      return open;
    };
    expect(await at('2026-11-27T11:59:00Z')).toEqual([]);
    expect(await at('2026-11-27T12:00:00Z')).toEqual(['duty:p:2026-W48:20:00']);
    expect(await at('2026-11-27T15:30:00Z')).toEqual(['duty:p:2026-W48:20:00', 'duty:p:2026-W48:23:30']);
    await inTransaction(b.hub.db, (tx) => tx('periods').update({ state: 'closed' }));
    expect(await at('2026-11-27T15:31:00Z')).toEqual([]);
  });

  test('who comes after both words of an evening hears one; periods that were missed are one alarm per platform', async () => {
    const b = await bench(await url());
    const weeks = ['2026-W45', '2026-W46', '2026-W47'].map((name, index) => {
      const due = new Date(Date.parse('2026-11-06T10:00:00Z') + index * 7 * 24 * HOUR).toISOString();
      return { ...period('p', name, due, due), backfilled: 1 };
    });
    const owed = period('p', '2026-W48', '2026-11-27T10:00:00.000Z', '2026-12-04T10:00:00.000Z');
    await inTransaction(b.hub.db, (tx) => tx('periods').insert([...weeks, { ...weeks[0], platform: 'q' }, owed]));
    b.clock.now = new Date('2026-11-28T02:00:00Z');
    const found = await b.see(dutyCheck);
    expect(found.map(({ subject }) => subject)).toEqual(['duty:p:2026-W48:23:30', 'duty:p:missed', 'duty:q:missed']);
    expect(found[1]).toMatchObject({
      zh: expect.stringMatching(/3 期（2026-W45 … 2026-W47）/),
      since: weeks[0]?.due_at,
    });
    // Weeks later it is no word of this day any more; and no end carries the complaint that was.
    b.clock.now = new Date('2026-12-20T02:00:00Z');
    for (const { zh, over } of await b.see(dutyCheck)) {
      expect(zh).not.toContain('今日');
      expect(over?.zh).toMatch(/已不再待报.*hub duty/);
      expect(over?.zh).not.toContain('至今未完成');
    }
  });

  test('periods that were missed are told of only where they are not made up for in half an hour', async () => {
    const b = await bench(await url());
    const made = '2026-11-28T02:00:00.000Z';
    const missed = { ...period('p', '2026-W46', '2026-11-13T10:00:00.000Z', made), backfilled: 1, created_at: made };
    await inTransaction(b.hub.db, (tx) => tx('periods').insert(missed));
    b.clock.now = new Date('2026-11-28T02:29:00Z');
    expect(await b.see(dutyCheck)).toEqual([]);
    b.clock.now = new Date('2026-11-28T02:30:00Z');
    expect((await b.see(dutyCheck)).map(({ subject }) => subject)).toEqual(['duty:p:missed']);
  });

  test('from outside, an overdue duty, one that nobody began and a silent scheduler are one sentence each', async () => {
    const b = await bench(await url());
    const look = (at: string) => overdue(b.hub.db, new Date(at), 'Asia/Shanghai');
    expect(await look('2026-11-27T02:00:00Z')).toMatchObject({ good: false, silentMinutes: null });
    const [due, next] = ['2026-11-27T10:00:00.000Z', '2026-12-04T10:00:00.000Z'];
    await inTransaction(b.hub.db, async (tx) => {
      await tx('heartbeats').insert({ holder: 'h', from_at: due, last_at: '2026-11-27T10:05:00.000Z' });
      await tx('periods').insert({ ...period('p', '2026-W48', due, next), state: 'closed' });
    });
    expect(await look('2026-11-27T10:06:00Z')).toEqual({ good: true, sentences: [], silentMinutes: 1 });
    await inTransaction(b.hub.db, (tx) => tx('periods').update({ state: 'open' }));
    const bad = await look('2026-12-04T10:01:00Z');
    expect(bad.sentences).toHaveLength(3);
    expect(bad.sentences.join('\n')).toMatch(/silent[\s\S]*2026-W48[\s\S]*not even begun/);
  });

  test('differences are found at once and become a matter for a person after a week', async () => {
    const b = await bench(await url(), [pushJob('http://127.0.0.1:9')]);
    const scope = { kind: 'platform', scope: 'credit-sharing' } as const;
    const id = (await openReconciliation(b.hub.db, scope, { by: 't', now: NOW })) ?? 0;
    const one = { name: 'k', state: 'missing', cause: 'absent' } as const;
    const rest = { recordId: 1, type: 't', period: undefined, version: 1, heldVersion: undefined };
    await keepDifferences(b.hub.db, scope, { id, now: NOW, differences: [{ ...one, ...rest }] });
    expect(await b.see(reconcileCheck)).toMatchObject([
      { exhausted: false, zh: expect.stringContaining('1 条不一致') },
    ]);
    b.clock.now = new Date(NOW.getTime() + 8 * 24 * HOUR);
    expect(await b.see(reconcileCheck)).toMatchObject([{ exhausted: true, level: 'urgent' }]);
  });

  test('log entries that nobody places for an hour are found', async () => {
    const b = await bench(await url());
    await inTransaction(b.hub.db, (tx) => appendLog(tx, NOW, [{ actor: 'hub', action: 'alarm.open', detail: {} }]));
    expect(await b.see(logCheck)).toEqual([]);
    b.clock.now = new Date(NOW.getTime() + 1.5 * HOUR);
    expect(await b.see(logCheck)).toMatchObject([{ subject: 'log:pending', since: NOW.toISOString() }]);
    await sequenceAll(b.hub.db);
    // It has its place by now; that nobody signed it is another matter.
    expect(await b.see(logCheck)).toMatchObject([{ subject: 'log:unsigned' }]);
  });

  test('a log that nobody signs for an hour is found, three hours before pushing stops', async () => {
    const b = await bench(await url());
    const { signer } = b.hub;
    if (signer === undefined) throw new Error('no signer');
    await inTransaction(b.hub.db, (tx) => appendLog(tx, NOW, [{ actor: 'hub', action: 'alarm.open', detail: {} }]));
    // Twice: the first signature is itself an entry.
    for (let round = 0; round < 2; round += 1) await settleLog(b.hub.db, signer, NOW);
    const later = (hours: number): Date => new Date(NOW.getTime() + hours * HOUR);
    await inTransaction(b.hub.db, (tx) =>
      appendLog(tx, later(1), [{ actor: 'hub', action: 'alarm.open', detail: {} }]),
    );
    await sequenceAll(b.hub.db);
    b.clock.now = later(1.9);
    expect(await b.see(logCheck)).toEqual([]);
    b.clock.now = later(2.1);
    const [found] = await b.see(logCheck);
    expect(found).toMatchObject({ subject: 'log:unsigned', level: 'urgent', since: later(1).toISOString() });
    expect(found?.fixZh).toContain('zhengxin-signer');
    await settleLog(b.hub.db, signer, b.clock.now);
    expect(await b.see(logCheck)).toEqual([]);
  });

  test('a signer that refuses is found at once, with its reason', async () => {
    const b = await bench(await url());
    const said = { seenAt: NOW.toISOString(), reason: '数据库比上次签名时旧', vkeys: [] };
    await inTransaction(b.hub.db, (tx) => writeSignerStatus(tx, { ...said, state: 'refusing' }));
    expect(await b.see(logCheck)).toMatchObject([
      {
        subject: 'log:refused',
        level: 'urgent',
        exhausted: true,
        zh: expect.stringContaining(said.reason),
        since: said.seenAt,
      },
    ]);
  });

  test('a request that waits for a second person is found until it is decided or over', async () => {
    const b = await bench(await url());
    const asking = { kind: 'configuration', detail: {}, by: 'hub', reason: '配置有变', now: NOW };
    const { id } = await inTransaction(b.hub.db, (tx) => askApproval(tx, asking));
    const subject = `approval:${id}`;
    expect(await b.see(accountCheck)).toMatchObject([
      { subject, zh: expect.stringContaining('配置有变'), command: expect.stringContaining('claim') },
    ]);
    await claim(b.hub.db, id, { by: 'user:wei', reason: '我改的', now: NOW });
    expect(await b.see(accountCheck)).toMatchObject([{ subject, command: expect.stringContaining('approve show') }]);
    b.clock.now = new Date(NOW.getTime() + 73 * HOUR);
    expect(await b.see(accountCheck)).toEqual([]);
  });

  test('changes that no account stands for are found per day, where accounts exist', async () => {
    const b = await bench(await url());
    const used = (actor: string, at: Date) =>
      inTransaction(b.hub.db, (tx) => appendLog(tx, at, [{ actor, action: 'command.break-glass', detail: {} }]));
    await used('shell:setup', new Date(NOW.getTime() - 1));
    await used('shell:office', NOW);
    await used('shell:root', new Date(NOW.getTime() + HOUR));
    await sequenceAll(b.hub.db);
    expect(await b.see(accountCheck)).toEqual([]);
    await b.hub.db('users').insert({
      ...{ name: 'wei', roles: 'operator', state: 'active', created_at: NOW.toISOString(), created_by: 'user:chief' },
    });
    expect(await b.see(accountCheck)).toMatchObject([
      { subject: 'break-glass:2026-11-27', zh: expect.stringMatching(/2 次.*shell:office、shell:root/) },
    ]);
    b.clock.now = new Date(NOW.getTime() + 26 * HOUR);
    expect(await b.see(accountCheck)).toEqual([]);
  });

  test('the disk is told of when it is nearly full, and beforehand when it fills steadily', async () => {
    const b = await bench(await url());
    const GIB = 2 ** 30;
    const see = (space: DiskSpace) => b.see(diskCheck(async () => space));
    expect(await see({ free: 100 * GIB, size: 200 * GIB })).toEqual([]);
    b.clock.now = new Date(NOW.getTime() + 10 * 24 * HOUR);
    const later = await see({ free: 50 * GIB, size: 200 * GIB });
    expect(later.map(({ subject }) => subject)).toEqual(['disk:end:30']);
    expect(later[0]?.zh).toContain('约 10 天');
    expect(await see({ free: GIB / 4, size: 200 * GIB })).toMatchObject([
      { subject: 'disk:little', level: 'urgent' },
      {},
    ]);
  });
});

const sqlite = async (): Promise<string> => (await databases[0]?.url()) ?? '';

const duty: Duty = {
  basis: '实施方案七(三)',
  every: 'friday',
  start: '09:00',
  due: '18:00',
  grace: '1d',
  whenOff: 'previous-workday',
  goLive: '2026-11-27',
};

test('a legal deadline that waiting for the plan would break is told of, with the command', async () => {
  const b = await bench(await sqlite(), [pullJob(), { ...pushJob('http://127.0.0.1:9'), duty }]);
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const { db, now, localDate } = b.hub;
  const done = period('credit-sharing', '2026-W48', '2026-11-27T01:00:00.000Z', '2026-12-04T01:00:00.000Z');
  await inTransaction(db, (tx) => tx('periods').insert({ ...done, state: 'closed' }));
  const common = { db, type, schemasDigest: schemas.digest, runId: 1, now, localDate, signal };
  await pull(pullJob(), { ...common, dryRun: false, acceptShrink: false, source: sourceOf(page([row(1)])) });
  expect(await b.see(deadlineCheck)).toMatchObject([
    { subject: 'deadline:credit-sharing:plan', command: expect.stringContaining('hub run push-credit-sharing') },
  ]);
  b.clock.now = new Date('2026-11-26T02:00:00Z');
  expect(await b.see(deadlineCheck)).toEqual([]);
});

test('a clock that was set back is told of until its time has passed', async () => {
  const b = await bench(await sqlite());
  const ahead = new Date(NOW.getTime() + HOUR).toISOString();
  await inTransaction(b.hub.db, (tx) => setMark(tx, 'last-tick', ahead, NOW));
  expect(await b.see(clockCheck)).toMatchObject([{ subject: 'clock:backwards' }]);
  b.clock.now = new Date(NOW.getTime() + HOUR);
  expect(await b.see(clockCheck)).toEqual([]);
});

test('a token is told of 60, 30 and 7 days before its last day, each once', async () => {
  const watch = [{ what: '信用共享平台令牌', expires: '2027-01-20' }];
  const b = await bench(await sqlite(), [], { divisions: {}, watch });
  const said = async (now: string, open: readonly string[]) => {
    b.clock.now = new Date(now);
    return (await b.see(watchCheck, open))
      .filter(({ kind }) => kind === 'watch')
      .map(({ subject }) => subject.slice(-2));
  };
  const stage = (days: number): string => `watch:0:2027-01-20:${days}`;
  expect(await said('2026-11-20T02:00:00Z', [])).toEqual([]);
  expect(await said('2026-11-22T02:00:00Z', [])).toEqual(['60']);
  expect(await said('2026-12-25T02:00:00Z', [stage(60)])).toEqual(['60', '30']);
  expect(await said('2027-01-15T02:00:00Z', [stage(60), stage(30)])).toEqual(['60', '30', ':7']);
  expect(await said('2027-01-15T02:00:00Z', [])).toEqual([':7']);
});

test('an issued secret that lives for months is told of before it ends, one that lives for a day is not', async () => {
  const b = await bench(await sqlite());
  const vault = openVault(b.hub.db, 'a7'.repeat(32), 'scheduler');
  const ends = (days: number) => new Date(NOW.getTime() + days * 24 * HOUR);
  await vault?.keep('credit-sharing/exchange-secret', { value: 'canary-77', endsAt: ends(90) }, NOW);
  await vault?.keep('short/exchange-secret', { value: 'canary-78', endsAt: ends(1) }, NOW);
  const at = async (days: number) => {
    b.clock.now = ends(days);
    return (await b.see(watchCheck)).filter(({ kind }) => kind === 'watch');
  };
  expect(await at(0)).toEqual([]);
  expect(await at(55)).toEqual([]);
  expect(await at(61)).toMatchObject([{ subject: 'watch:secret:credit-sharing/exchange-secret:2027-02-25:30' }]);
  const late = await at(85);
  expect(late).toMatchObject([{ level: 'urgent', zh: expect.stringContaining('5 天后（2027-02-25）失效') }]);
  expect(JSON.stringify(late)).not.toContain('canary');
  expect(await at(91)).toMatchObject([{ zh: expect.stringContaining('已于 2027-02-25 失效') }]);
});

test('a year without calendar data is urgent before it begins', async () => {
  const b = await bench(await sqlite());
  b.clock.now = new Date('2031-12-15T02:00:00Z');
  const found = (await b.see(watchCheck)).filter(({ kind }) => kind === 'calendar');
  expect(found.some(({ subject, level }) => subject.startsWith('calendar:2032') && level === 'urgent')).toBe(true);
});

test('a server certificate that soon ends is seen by a handshake, even one that nobody trusts', async () => {
  const pair = certificate({ notAfter: new Date(NOW.getTime() + 20 * 24 * HOUR) });
  const server = createHttps(pair).listen(0, '127.0.0.1');
  await new Promise((ready) => server.once('listening', ready));
  cleanUp(() => server.close());
  const { port } = server.address() as AddressInfo;
  const b = await bench(await sqlite(), [pushJob(`https://localhost:${port}`)]);
  expect(await b.see(certificateCheck)).toMatchObject([
    { subject: `certificate:localhost:${port}:30`, level: 'warning' },
  ]);
});

test('our own certificate that soon ends is seen in its file', async () => {
  const { cert, key } = certificate({ notAfter: new Date(NOW.getTime() + 5 * 24 * HOUR) });
  const b = await bench(await sqlite(), [pushJob('http://127.0.0.1:9', { tls: { cert, key } })]);
  const subject = 'certificate:push-credit-sharing:tls.cert:7';
  expect(await b.see(certificateCheck)).toMatchObject([{ subject, level: 'urgent' }]);
});

test('the heart beats only while all is well and the scheduler stirs', async () => {
  const sink = await webhookSink();
  cleanUp(() => sink.close());
  const b = await bench(await sqlite());
  const hub: Hub = { ...b.hub, settings: { ...b.hub.settings, alarm: { heartbeatUrl: sink.url } } };
  const pulse = { beatAt: Number.NEGATIVE_INFINITY };
  expect(await beat(hub, pulse, false)).toBe('ill');
  expect(await beat(hub, pulse, true)).toBe('beat');
  expect(await beat(hub, pulse, true)).toBe('not-yet');
  const stale = new Date(NOW.getTime() - HOUR).toISOString();
  await inTransaction(hub.db, (tx) => tx('heartbeats').insert({ holder: 'h', from_at: stale, last_at: stale }));
  b.clock.now = new Date(NOW.getTime() + HOUR / 10);
  expect(await beat(hub, pulse, true)).toBe('ill');
  expect(sink.calls).toHaveLength(1);
});

test('the weekly comparison stands for the newest Saturday 03:00', () => {
  const day = (instant: Date) => new Date(instant.getTime() + 8 * HOUR).toISOString().slice(0, 10);
  const at = (now: string) => weeklyInstant(new Date(now), 'Asia/Shanghai', day).toISOString();
  expect(at('2026-11-27T02:00:00Z')).toBe('2026-11-20T19:00:00.000Z');
  expect(at('2026-11-27T18:59:00Z')).toBe('2026-11-20T19:00:00.000Z');
  expect(at('2026-11-27T19:00:00Z')).toBe('2026-11-27T19:00:00.000Z');
  expect(at('2026-12-03T02:00:00Z')).toBe('2026-11-27T19:00:00.000Z');
});
