import { expect, test } from 'vitest';
import { CLOSED } from '../../src/delivery/breaker.ts';
import type { PullJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import type { RepairNotice } from '../../src/platform.ts';
import { enterRepair } from '../../src/push/enter-repair.ts';
import { pendingPages } from '../../src/push/pending-page.ts';
import { readyBatches } from '../../src/push/ready-batches.ts';
import { seal } from '../../src/push/seal.ts';
import { endPublicity, takeNotice, takeNotices } from '../../src/push/withdraw.ts';
import { recentStrayNotices } from '../../src/store/alarm-signs.ts';
import { select } from '../../src/store/database.ts';
import { onBothDatabases } from '../support/databases.ts';
import { pullJob, row } from '../support/hub.ts';
import { type Bench, bench, logOf, PLATFORM } from './bench.ts';

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
    kinds: { from: 'kinds', as: 'list' },
    content: { const: '罚款' },
    fine: 'fine',
    decidedOn: { from: 'from', as: 'date' },
    publicityUntil: { from: 'end', as: 'date' },
    publicity: { const: '主动公开' },
    secrecyReviewed: { const: true },
  },
};

const penalty = (number: number, change: JsonObject = {}): JsonObject => ({
  ...row(number),
  number: `桂新出罚字〔2026〕${number}号`,
  kinds: '罚款',
  fine: '10000',
  from: '2026-05-10',
  ...change,
});

const notice = (change: Partial<RepairNotice> = {}): RepairNotice => ({
  noticeId: 'N-1',
  decidedOn: '2026-11-26',
  reason: '已履行义务，准予信用修复',
  taken: async () => {},
  ...change,
});

const ops = ({ far }: Bench): string[] => far.sends.map(({ rows }) => rows.map(({ op }) => op).join(''));

const versions = ({ hub }: Bench): Promise<{ operation: string }[]> =>
  select(hub.db, 'SELECT operation FROM versions ORDER BY record_id, version');

onBothDatabases('urgent withdrawals on', ({ url }) => {
  test('a repair notice withdraws its record, and nothing its bureau says shows it again', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2));
    await b.push();
    const { number, code } = row(1) as { number: string; code: string };
    b.far.pendingNotices.push(notice({ number, creditCode: code }), notice({ number, creditCode: code }));
    const context = await b.context({ seals: 'withdrawals' });
    await takeNotices(context);
    await b.push({ seals: 'withdrawals' });
    expect(ops(b)).toEqual(['UU', 'D']);
    await b.take(row(1));
    await b.push();
    await b.take(row(1, { content: '更正后的内容' }));
    await endPublicity([], context);
    await b.push();
    expect(ops(b)).toEqual(['UU', 'D', 'D']);
    expect([...b.far.shown.values()].map(({ op }) => op).sort()).toEqual(['D', 'U']);
    const actions = (await logOf(b.hub)).map(({ action }) => action);
    expect(actions.filter((action) => action === 'notice.applied')).toHaveLength(1);
    expect(actions.filter((action) => action === 'record.withdrawn')).toHaveLength(2);
  });

  test('a notice typed in with a day to come is refused and withdraws nothing; the same number again corrects the day', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const context = await b.context();
    const recordKey = await onlyKey(b);
    const enter = (decidedOn: string) =>
      enterRepair({ noticeId: '修字1号', recordKey, decidedOn, reason: '通知书' }, PLATFORM, context);
    const today = context.localDate(b.clock.now);
    await expect(enter('2099-01-01')).rejects.toMatchObject({ code: 'NOTICE_EARLY' });
    expect(await versions(b)).toEqual([{ operation: 'UPSERT' }]);
    expect(await enter(today)).toEqual({ taken: 'applied' });
    expect(await enter(today)).toEqual({ taken: 'repeated' });
    const correction = { was: today, carried: false, told: [], renewed: false };
    expect(await enter('2026-01-05')).toEqual({ taken: 'corrected', correction });
    expect(await enter('2026-01-05')).toEqual({ taken: 'repeated' });
    const days =
      'SELECT n.decided_on AS a, s.since AS b FROM notices n JOIN suppressions s ON s.record_id = n.record_id';
    expect(await select(b.hub.db, days)).toEqual([{ a: '2026-01-05', b: '2026-01-05' }]);
    expect((await versions(b)).map(({ operation }) => operation)).toEqual(['UPSERT', 'WITHDRAW']);
    const corrected = (await logOf(b.hub)).filter(({ action }) => action === 'notice.corrected');
    expect(corrected.map(({ detail }) => detail)).toMatchObject([{ was: today, decidedOn: '2026-01-05' }]);
  });

  test('a notice whose day has not come waits for that day, there in local time, and then withdraws', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2));
    await b.push();
    const { number, code } = row(1) as { number: string; code: string };
    const later = notice({ number, creditCode: code, decidedOn: '2026-11-30' });
    b.far.pendingNotices.push(later, later);
    const context = await b.context();
    await takeNotices(context);
    await endPublicity([], context);
    await b.take(row(1, { content: '其间更正的内容' }));
    await b.push();
    // Nobody is called because of it.
    expect(await recentStrayNotices(b.hub.db, new Date(0))).toEqual([]);
    b.clock.now = new Date('2026-11-29T15:59:59Z');
    await endPublicity([], context);
    expect(ops(b)).toEqual(['UU', 'U']);
    b.clock.now = new Date('2026-11-29T16:00:00Z');
    await endPublicity([], context);
    await endPublicity([], context);
    await b.push({ seals: 'withdrawals' });
    expect(ops(b)).toEqual(['UU', 'U', 'D']);
    const log = (await logOf(b.hub)).map(({ action }) => action).toReversed();
    const actions = log.filter((action) => action.startsWith('notice.'));
    expect(actions).toEqual(['notice.waiting', 'notice.applied']);
  });

  test('a person who enters a waiting notice with a day that has come lets it act at once', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const context = await b.context();
    const recordKey = await onlyKey(b);
    await takeNotice({ noticeId: 'N-7', recordKey, decidedOn: '2027-11-26', reason: '年份误写' }, PLATFORM, context);
    const typed = { noticeId: 'N-7', recordKey, decidedOn: '2026-11-26', reason: '通知书' };
    expect(await enterRepair(typed, PLATFORM, context)).toEqual({ taken: 'applied' });
    expect((await versions(b)).map(({ operation }) => operation)).toEqual(['UPSERT', 'WITHDRAW']);
  });

  test('a corrected day holds for a withdrawal that was not sent; of one that was sent it is said where it went', async () => {
    const b = await bench(await url(), penaltyJob);
    await b.take(penalty(1));
    await b.push();
    const context = await b.context();
    const recordKey = await onlyKey(b);
    const enter = (decidedOn: string) =>
      enterRepair({ noticeId: '修字1号', recordKey, decidedOn, reason: '通知书' }, PLATFORM, context);
    await enter('2026-11-26');
    expect(await enter('2026-11-25')).toEqual({
      taken: 'corrected',
      correction: { was: '2026-11-26', carried: true, told: [], renewed: true },
    });
    // Sealed, but nothing of it ever left.
    for await (const { batches } of readyBatches(pendingPages('WITHDRAW', context), context))
      for (const each of batches) await seal(each, context);
    expect(await enter('2026-11-24')).toMatchObject({ correction: { told: [], renewed: true } });
    await b.push({ seals: 'withdrawals' });
    expect(ops(b)).toEqual(['U', 'D']);
    expect(await days(b)).toEqual([undefined, '2026-11-26', '2026-11-25', '2026-11-24']);
    expect(await byVersion(b)).toEqual(['1 accepted', '2 cancelled', '3 cancelled', '4 accepted']);
    expect(await enter('2026-11-23')).toEqual({
      taken: 'corrected',
      correction: {
        ...{ was: '2026-11-24', carried: true, renewed: false },
        told: [{ platform: PLATFORM, at: expect.stringMatching(/^2026-11-27T/) }],
      },
    });
    await b.push({ seals: 'withdrawals' });
    expect(ops(b)).toEqual(['U', 'D']);
    expect(await days(b)).toHaveLength(4);
  });

  test('a notice that names no record, or more than one, is kept and reported', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    const context = await b.context();
    expect(await takeNotice(notice({ number: '桂某字第1号', name: '无此企业' }), PLATFORM, context)).toBe('unmatched');
    expect(await takeNotice(notice({ number: '桂某字第1号', name: '无此企业' }), PLATFORM, context)).toBe('repeated');
    expect(await versions(b)).toEqual([{ operation: 'UPSERT' }]);
    expect((await logOf(b.hub)).map(({ action }) => action)).toEqual(['notice.unmatched']);
  });

  test('a penalty whose publicity is over is withdrawn by the hub itself, unless its bureau states a later end', async () => {
    const b = await bench(await url(), penaltyJob);
    await b.take(penalty(1), penalty(2, { end: '2027-12-31' }), penalty(3, { from: '2026-11-20' }));
    await b.push();
    expect(ops(b)).toEqual(['UUU']);
    const context = await b.context();
    await endPublicity(['penalty/penalty'], context);
    expect((await versions(b)).map(({ operation }) => operation)).toEqual(['UPSERT', 'UPSERT', 'UPSERT']);
    b.clock.now = new Date('2027-05-11T02:00:00Z');
    await endPublicity(['penalty/penalty'], context);
    await b.push({ seals: 'withdrawals' });
    expect(ops(b)).toEqual(['UUU', 'D']);
    await b.take(penalty(1, { end: '2028-01-01' }));
    await endPublicity(['penalty/penalty'], context);
    await b.push();
    expect(ops(b)).toEqual(['UUU', 'D', 'U']);
  });

  test('a version that was never sent is cancelled by its withdrawal; one that may be there is withdrawn after it is known (F46)', async () => {
    const b = await bench(await url());
    await b.take(row(1));
    b.far.whims.push('down');
    await b.push();
    const gone = { status: 'revoked', ended: '2026-11-26' };
    await b.take(row(2));
    b.far.whims.push('lose-answer');
    b.far.query_ = 'fails';
    await b.push({ guard: { breaker: { ...CLOSED }, held: new Set() } });
    await b.take(row(1, gone), row(2, gone));
    b.far.query_ = 'works';
    b.wait(3600);
    await b.push();
    expect([...b.far.shown.values()].every(({ op }) => op === 'D')).toBe(true);
    expect(await states(b)).not.toContain('open');
  });

  test('a withdrawal overtakes a sealed batch that never left: that version is cancelled and never shown (F46)', async () => {
    const b = await bench(await url());
    await b.take(row(1), row(2));
    const paused = { ...(await b.context()), signal: AbortSignal.abort(new Error('killed')) };
    for await (const { batches } of readyBatches(pendingPages('UPSERT', paused), paused))
      for (const each of batches) await seal(each, paused);
    await b.take(row(1, { status: 'revoked', ended: '2026-11-26' }));
    await b.push();
    expect(ops(b)).toEqual(['U']);
    expect((await states(b)).sort()).toEqual(['accepted', 'cancelled']);
    expect(b.far.shown.size).toBe(1);
  });
});

const onlyKey = async ({ hub }: Bench): Promise<string> => {
  const [record] = await select<{ key: Buffer }>(hub.db, 'SELECT record_key AS "key" FROM records');
  return record?.key.toString('hex') ?? '';
};

/** 准予修复之日 of each version. */
const days = async ({ hub }: Bench): Promise<unknown[]> =>
  (await select<{ body: string }>(hub.db, 'SELECT body FROM versions ORDER BY version')).map(
    ({ body }) => JSON.parse(body).statusDate,
  );

const byVersion = async ({ hub }: Bench): Promise<string[]> =>
  (
    await select<{ version: number; state: string }>(
      hub.db,
      'SELECT version, state FROM deliveries ORDER BY version, rendition',
    )
  ).map(({ version, state }) => `${version} ${state}`);

const states = async ({ hub }: Bench): Promise<string[]> =>
  (await select<{ state: string }>(hub.db, 'SELECT state FROM deliveries')).map(({ state }) => state);
