import { describe, expect, test } from 'vitest';
import { type Breaker, CLOSED } from '../../src/delivery/breaker.ts';
import { HubError } from '../../src/errors.ts';
import { closeBatch, releaseBatch } from '../../src/push/decide-batch.ts';
import { push } from '../../src/push/push.ts';
import { hold, pause, release, resume, stop } from '../../src/push/stop.ts';
import { readBreaker, writeBreaker } from '../../src/store/breakers.ts';
import { inTransaction, select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { startRun } from '../../src/store/runs.ts';
import { listPauses, pauseOnce } from '../../src/store/stops.ts';
import { onBothDatabases } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, bench, logOf, PLATFORM } from './bench.ts';

const rows = (count: number, poison: readonly number[] = []) =>
  Array.from({ length: count }, (_, index) => row(index + 1, poison.includes(index + 1) ? { content: '剧毒' } : {}));

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

const states = async ({ hub }: Bench): Promise<{ [state: string]: number }> => {
  const found = await select<{ state: string; n: number }>(
    hub.db,
    'SELECT state, COUNT(*) AS n FROM deliveries GROUP BY state',
  );
  return Object.fromEntries(found.map(({ state, n }) => [state, Number(n)]));
};

const word = (b: Bench) => ({ actor: 'user:li', reason: '平台来电', now: b.clock.now, zone: 'Asia/Shanghai' });

/** Effects at the far end: every record once, none twice. */
const effects = ({ far }: Bench): readonly number[] => [...far.effects.values()];

onBothDatabases('delivering on', ({ url }) => {
  test('what was lost on the way back is asked for; what never arrived is sent again with the same bytes (F9, F10)', async () => {
    const b = await bench(await url());
    await b.take(...rows(25));
    b.far.whims.push('lose-answer', 'lose-request');
    await b.push();
    expect(await states(b)).toEqual({ accepted: 25 });
    expect(effects(b).every((times) => times === 1)).toBe(true);
    expect(new Set(b.far.sends.map(({ batchId }) => batchId)).size).toBe(3);
    expect(b.far.sends).toHaveLength(4);
  });

  test('"absent" is believed only after the platform had time to look (F22)', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const terms = { ...(await b.context()).terms, querySettleMs: 300_000 };
    b.far.whims.push('lose-answer');
    b.far.query_ = 'stale';
    await b.push({ terms });
    b.wait(200);
    await b.push({ terms });
    expect(b.far.sends).toHaveLength(1);
    b.far.query_ = 'works';
    b.wait(101);
    await b.push({ terms });
    expect(b.far.sends).toHaveLength(1);
    expect(await states(b)).toEqual({ accepted: 1 });
  });

  test('without a query the same key is sent again while it is remembered, and never after (F23)', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const terms = { ...(await b.context()).terms, queryable: false };
    b.far.whims.push('lose-answer');
    await b.push({ terms });
    expect(b.far.sends).toHaveLength(2);
    expect(effects(b)).toEqual([1]);
    expect(await states(b)).toEqual({ accepted: 1 });
    await b.take(row(2));
    b.far.whims.push('lose-answer', ...Array(10).fill('lose-request'));
    await b.push({ terms });
    const sent = b.far.sends.length;
    b.far.whims.length = 0;
    b.wait(25 * 3600);
    const { stopped } = await b.push({ terms });
    expect(stopped?.code).toBe('BATCH_HELD');
    expect(b.far.sends).toHaveLength(sent);
  });

  test('a platform that can neither be asked nor promises one effect leaves it to a person, whose word is kept', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const terms = { ...(await b.context()).terms, queryable: false, idempotent: false };
    b.far.whims.push('lose-answer');
    await b.push({ terms });
    const [batch] = await listBatches(b.hub.db);
    expect(batch?.state).toBe('HELD');
    await closeBatch(b.hub.db, batch?.id ?? '', { ...word(b), finding: 'accepted', divisionOf: (job) => job });
    expect(await states(b)).toEqual({ accepted: 1 });
    expect((await logOf(b.hub)).filter(({ actor }) => actor === 'user:li')).toHaveLength(2);
    await expect(releaseBatch(b.hub.db, batch?.id ?? '', word(b))).rejects.toThrow(HubError);
  });

  test('a person who finds nothing there has it sent again, but never an older version after a newer one', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const terms = { ...(await b.context()).terms, queryable: false, idempotent: false };
    b.far.whims.push('lose-request');
    await b.push({ terms });
    const [batch] = await listBatches(b.hub.db);
    await b.take(row(1, { status: 'revoked', ended: '2026-11-26' }));
    await b.push({ terms });
    await expect(releaseBatch(b.hub.db, batch?.id ?? '', word(b))).rejects.toThrow(/更新的版本/);
    await b.take(row(2));
    b.far.whims.push('lose-request');
    await b.push({ terms });
    const [second] = await listBatches(b.hub.db);
    await releaseBatch(b.hub.db, second?.id ?? '', word(b));
    await b.push({ terms });
    expect((await states(b))['accepted']).toBe(2);
  });

  test('an answer that stays away is held after its deadline, and taken when it comes at last', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    b.far.whims.push('receive');
    b.far.query_ = 'fails';
    await b.push();
    b.wait(49 * 3600);
    await b.push({ guard: { breaker: CLOSED, held: new Set() } });
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'HELD' }]);
    b.far.query_ = 'works';
    b.wait(7 * 3600);
    await b.push({ guard: { breaker: CLOSED, held: new Set() } });
    expect(await states(b)).toEqual({ accepted: 1 });
  });

  test('a refusal of the whole that comes after the deadline is as good as one in time, and stops no later push', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2));
    b.far.whims.push('receive');
    b.far.query_ = 'fails';
    await b.push();
    b.wait(49 * 3600);
    await b.push({ guard: { breaker: CLOSED, held: new Set() } });
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'HELD' }]);
    b.far.query_ = 'refuses';
    b.wait(7 * 3600);
    await b.take(row(3));
    await b.push({ guard: { breaker: CLOSED, held: new Set() } });
    const found = await listBatches(b.hub.db);
    expect(found.map(({ state }) => state).toSorted()).toEqual(['SETTLED', 'SETTLED', 'SETTLED', 'SPLIT']);
    expect(await states(b)).toEqual({ accepted: 3 });
  });

  test('five poisoned of 500 are found by halving in at most 2·5·9+1 requests, the others are delivered in order (F24)', async () => {
    const b = await bench(await url());
    await b.take(...rows(500, [3, 77, 78, 300, 499]));
    await b.push({ batchSize: 500 });
    expect(await states(b)).toEqual({ accepted: 495, rejected: 5 });
    expect(b.far.sends.length).toBeLessThanOrEqual(91);
    const keys = b.far.sends.flatMap(({ rows: sent }) => (sent.length < 500 ? [] : sent.map(({ rowId }) => rowId)));
    const singles = b.far.sends.filter(({ rows: sent }) => sent.length === 1).length;
    expect(singles).toBeGreaterThanOrEqual(5);
    expect(keys).toHaveLength(500);
    expect(effects(b).every((times) => times === 1)).toBe(true);
  });

  test('records that are blamed by name are rejected and the rest leaves at once, two requests in all', async () => {
    const b = await bench(await url());
    await b.take(...rows(10, [4]));
    b.far.whims.push('blame');
    await b.push();
    expect(await states(b)).toEqual({ accepted: 9, rejected: 1 });
    expect(b.far.sends.map(({ rows: sent }) => sent.length)).toEqual([10, 9]);
  });

  test('more than a fifth poisoned stops the period for a person; told to go on, it goes on (F24)', async () => {
    const b = await bench(await url());
    await b.take(...rows(10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
    const { stopped } = await b.push();
    expect(stopped?.code).toBe('PLATFORM_PAUSED');
    expect(await listPauses(b.hub.db)).toMatchObject([{ platform: PLATFORM, kind: 'poison' }]);
    const sent = b.far.sends.length;
    await b.push();
    expect(b.far.sends).toHaveLength(sent);
    await resume(b.hub.db, PLATFORM, word(b));
    await b.push();
    expect(await states(b)).toEqual({ rejected: 10 });
  });

  test('a batch taken whose records are refused one by one stops the platform as well, also where nothing is left to send (F24)', async () => {
    const b = await bench(await url());
    await b.take(...rows(20, numbers(20)));
    b.far.whims.push('judge', 'judge');
    const { stopped, sealedAll } = await b.push({ batchSize: 20 });
    expect([stopped?.code, sealedAll]).toEqual(['PLATFORM_PAUSED', false]);
    expect(stopped?.message).toContain('20 条中退回 20 条');
    expect(stopped?.fix).toContain('hub resync --platform credit-sharing --failed');
    expect(await listPauses(b.hub.db)).toMatchObject([{ platform: PLATFORM, kind: 'poison' }]);
    expect((await logOf(b.hub)).filter(({ action }) => action === 'platform.paused')).toHaveLength(1);
    expect(await states(b)).toEqual({ rejected: 20 });
    b.wait(60);
    await resume(b.hub.db, PLATFORM, word(b));
    expect((await b.push()).stopped).toBeUndefined();
  });

  test('small batches of one run count together; one of three, and a fifth, are data and stop nothing (F24)', async () => {
    const b = await bench(await url());
    await b.take(...rows(10, [1, 6]));
    b.far.whims.push(...Array<'judge'>(10).fill('judge'));
    expect((await b.push({ batchSize: 3 })).stopped).toBeUndefined();
    expect(await states(b)).toEqual({ accepted: 8, rejected: 2 });
    b.wait(60);
    await b.take(...Array.from({ length: 8 }, (_, i) => row(i + 11, i < 6 ? { content: '剧毒' } : {})));
    const { stopped } = await b.push({ batchSize: 2 });
    expect(stopped?.code).toBe('PLATFORM_PAUSED');
    expect(stopped?.message).toContain('4 条中退回 4 条');
    expect(await states(b)).toEqual({ accepted: 8, rejected: 6, open: 2 });
  });

  test('five failures in a row open the breaker for all processes; a probe of the smallest batch closes it (F5, I15)', async () => {
    const b = await bench(await url());
    await b.take(...rows(23));
    b.far.whims.push(...Array(5).fill('down'));
    for (let time = 0; time < 5; time += 1) await b.push();
    expect(await readBreaker(b.hub.db, PLATFORM)).toMatchObject({ state: 'open' });
    const [sent, queries] = [b.far.sends.length, b.far.queries];
    expect((await b.push()).stopped?.code).toBe('PLATFORM_RESTING');
    expect([b.far.sends.length, b.far.queries]).toEqual([sent, queries]);
    b.wait(61);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 23 });
    const probe = b.far.sends[sent]?.rows.length ?? 0;
    expect(Math.min(...b.far.sends.slice(sent).map(({ rows: rest }) => rest.length))).toBe(probe);
    expect(await readBreaker(b.hub.db, PLATFORM)).toEqual(CLOSED);
    const actions = (await logOf(b.hub)).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['breaker.opened', 'breaker.closed']));
  });

  test.each(['login', 'contract-fault'] as const)(
    'trouble that no waiting mends (%s) opens it at once',
    async (whim) => {
      const b = await bench(await url());
      await b.take(...rows(30));
      b.far.whims.push(whim);
      await b.push();
      expect(b.far.sends).toHaveLength(1);
      expect(await readBreaker(b.hub.db, PLATFORM)).toMatchObject({ state: 'open', waitS: 1800 });
    },
  );

  test('a wait that the platform asks for holds for everything, from every process (F6)', async () => {
    const b = await bench(await url());
    await b.take(...rows(20));
    b.far.whims.push('busy');
    await b.push();
    expect((await b.push()).stopped?.code).toBe('PLATFORM_BUSY');
    expect(b.far.sends).toHaveLength(1);
    b.wait(121);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 20 });
  });

  test('a batch is sent at most eight times in one retry window, and again in the next', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    b.far.whims.push(...Array(30).fill('down'));
    let window = 'a';
    const mayTryNow = () => ({ open: true, id: window });
    const guard = () => ({ breaker: CLOSED, held: new Set<number>() });
    for (let time = 0; time < 12; time += 1) await b.push({ mayTryNow, guard: guard() });
    expect(30 - b.far.whims.length).toBe(8);
    window = 'b';
    await b.push({ mayTryNow, guard: guard() });
    expect(30 - b.far.whims.length).toBe(9);
    await b.push({ mayTryNow: () => ({ open: false, id: 'c' }), guard: guard() });
    expect(30 - b.far.whims.length).toBe(9);
  });

  test('outside the sending window nothing leaves', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const terms = { ...(await b.context()).terms, isOpen: () => false };
    expect((await b.push({ terms })).stopped?.code).toBe('PLATFORM_CLOSED');
    expect(b.far.sends).toEqual([]);
  });

  test('a lease that runs out before a request could end sends nothing, and a stale holder writes nothing (F3)', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const late = { ...(await b.context()).lease, leftMs: () => 1000 };
    await expect(b.push({ lease: late })).rejects.toThrow(/租约/);
    expect(b.far.sends).toEqual([]);
    const old = await b.context();
    b.far.onSend = async () => {
      b.far.onSend = undefined;
      await b.push();
    };
    const { push } = await import('../../src/push/push.ts');
    await expect(push(old)).rejects.toThrow(/接手/);
    expect(await states(b)).toEqual({ accepted: 1 });
    expect(effects(b)).toEqual([1]);
    expect((await logOf(b.hub)).some(({ action }) => action === 'batch.stale')).toBe(true);
  });

  test('a holder that was overtaken seals nothing any more, whatever it had read', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const stale = await b.context();
    await b.push();
    await b.take(row(2));
    await expect(push(stale)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(await listBatches(b.hub.db)).toHaveLength(1);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 2 });
  });

  test('what another holder left on the wire is asked about only when that holder can emit nothing more', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const killed = b.push({ platform: { ...b.far, send: () => Promise.reject(new Error('killed')) } });
    await expect(killed).rejects.toThrow('killed');
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'SENDING' }]);
    const lease = { leftMs: () => 60_000, doubtMs: 80_000, takenAt: b.clock.now };
    await b.push({ lease });
    expect([b.far.queries, b.far.sends.length]).toEqual([0, 0]);
    b.wait(81);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 1 });
  });
});

onBothDatabases('an emergency stop on', ({ url }) => {
  test('pauses a platform under a running push, and every word stands in the log', async () => {
    const b = await bench(await url());
    await b.take(...rows(30));
    b.far.onSend = async () => {
      b.far.onSend = undefined;
      await pause(b.hub.db, PLATFORM, word(b));
    };
    expect((await b.push()).stopped?.code).toBe('PLATFORM_PAUSED');
    expect(b.far.sends).toHaveLength(1);
    await resume(b.hub.db, PLATFORM, word(b));
    await b.push();
    expect(await states(b)).toEqual({ accepted: 30 });
    await expect(resume(b.hub.db, PLATFORM, word(b))).rejects.toThrow(/并未暂停/);
    const actions = (await logOf(b.hub)).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['platform.paused', 'platform.resumed']));
  });

  test('is made once: the second hand hears since when, by whom and why, and leaves no row and no entry', async () => {
    const b = await bench(await url());
    await pause(b.hub.db, PLATFORM, word(b));
    b.wait(60);
    const again = pause(b.hub.db, PLATFORM, { ...word(b), actor: 'user:zhao', reason: '别的理由' });
    await expect(again).rejects.toThrow(/自 2026-.* 起已由 user:li 暂停：平台来电/);
    const kinds = ['person', 'poison', 'poison'] as const;
    const poison = { ...word(b), actor: 'hub', period: null };
    const made = kinds.map((kind) => inTransaction(b.hub.db, (tx) => pauseOnce(tx, PLATFORM, { ...poison, kind })));
    expect((await Promise.all(made)).toSorted()).toEqual([false, false, true]);
    expect((await listPauses(b.hub.db)).map(({ kind, actor }) => `${kind} ${actor}`)).toEqual([
      'person user:li',
      'poison hub',
    ]);
    expect((await logOf(b.hub)).filter(({ action }) => action === 'platform.paused')).toHaveLength(1);
  });

  test('a platform that asked us to wait is not resumed before; it is said until when', async () => {
    const b = await bench(await url());
    const notBefore = new Date(b.hub.now().getTime() + 3_600_000).toISOString();
    const write = (change: Partial<Breaker>) =>
      inTransaction(b.hub.db, (tx) => writeBreaker(tx, PLATFORM, { ...CLOSED, notBefore, ...change }, b.hub.now()));
    await write({});
    await expect(resume(b.hub.db, PLATFORM, word(b))).rejects.toMatchObject({
      code: 'PLATFORM_BUSY',
      message: expect.stringContaining('2026-11-27 11:00'),
    });
    await pause(b.hub.db, PLATFORM, word(b));
    expect(await resume(b.hub.db, PLATFORM, word(b))).toBe(notBefore);
    await write({ state: 'open', failures: 5, waitS: 60, until: notBefore, reason: '超时' });
    expect(await resume(b.hub.db, PLATFORM, word(b))).toBe(notBefore);
    await b.take(row(1));
    expect((await b.push()).stopped?.code).toBe('PLATFORM_BUSY');
    b.wait(3601);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 1 });
  });

  test('keeps back what is to be sent, and still asks about what was: the answer behind it is taken', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    b.far.whims.push('down');
    await b.push();
    await b.take(row(2));
    b.far.whims.push('down', 'receive');
    await b.push();
    const before = (await listBatches(b.hub.db)).map(({ state }) => state);
    expect(before.toSorted()).toEqual(['RECEIVED', 'RETRY_WAIT']);
    await pause(b.hub.db, PLATFORM, word(b));
    b.wait(3600);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 1, open: 1 });
  }, 20_000);

  test('holds one record: the others leave, also from a batch that was sealed with it', async () => {
    const b = await bench(await url());
    await b.take(...rows(3));
    b.far.whims.push('down');
    await b.push();
    await hold(b.hub.db, 2, { ...word(b), platform: null });
    await b.take(row(4));
    b.wait(3600);
    await b.push();
    expect(await states(b)).toEqual({ accepted: 3, open: 1 });
    await release(b.hub.db, 2, word(b));
    await b.push();
    expect(await states(b)).toEqual({ accepted: 4 });
    await expect(release(b.hub.db, 2, word(b))).rejects.toThrow(/并未扣下/);
  });

  test('stops a run before its next batch', async () => {
    const b = await bench(await url());
    await b.take(...rows(30));
    const run = await startRun(b.hub.db, {
      job: 'push-credit-sharing',
      kind: 'push',
      holder: 'x',
      now: b.clock.now,
      by: 'shell:test',
    });
    b.far.onSend = async () => {
      b.far.onSend = undefined;
      await stop(b.hub.db, run, word(b));
    };
    expect((await b.push({ runId: run })).stopped?.code).toBe('RUN_STOPPED');
    expect(b.far.sends).toHaveLength(1);
    await expect(stop(b.hub.db, run, word(b))).rejects.toThrow(/不在进行中/);
  });
});

describe('versions that are never sent', () => {
  test('are superseded by the newest where full state counts, each with its entry', async () => {
    const { databases } = await import('../support/databases.ts');
    const b = await bench((await databases[0]?.url()) ?? '');
    await b.take(row(1));
    await b.push();
    for (const [day, content] of ['甲', '乙', '丙'].entries())
      await b.take(row(1, { content, revised: `2026-11-2${day + 1} 08:00:00` }));
    await b.push();
    expect(await states(b)).toEqual({ accepted: 2, superseded: 2 });
    expect((await logOf(b.hub)).filter(({ action }) => action === 'delivery.superseded')).toHaveLength(2);
  });
});
