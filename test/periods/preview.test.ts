import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ledgers } from '../../src/audit/ledger.ts';
import { ledgerTerms } from '../../src/audit/ledger-terms.ts';
import { confirmDivision } from '../../src/periods/confirm-division.ts';
import { type DutyJob, isDutyJob, periodContext } from '../../src/periods/period-context.ts';
import { type DivisionPreview, type Preview, previewPlatform } from '../../src/periods/preview.ts';
import { previewTexts } from '../../src/periods/preview-text.ts';
import { type RecordDeadline, recordDeadlines } from '../../src/periods/record-deadlines.ts';
import { takeNotice } from '../../src/push/withdraw.ts';
import { inTransaction } from '../../src/store/database.ts';
import { holdRecord, pauseOnce, pausePlatform } from '../../src/store/stops.ts';
import { temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, type BenchOptions, openBench } from './bench.ts';

const bench = (options?: BenchOptions): Promise<Bench> =>
  openBench(`sqlite:${join(temporaryFolder(), 'hub.db')}`, options);

const jobOf = ({ hub }: Bench): DutyJob => {
  const job = hub.jobs.find(isDutyJob);
  if (job === undefined) throw new Error('no duty');
  return job;
};

const only = ({ divisions }: Preview): DivisionPreview => {
  const [division] = divisions;
  if (division === undefined || divisions.length > 1) throw new Error('not one division');
  return division;
};

const phone = { content: '联系人电话13812345678' };

test('a preview says what leaves next time, what does not and why, and until when each record must', async () => {
  const b = await bench();
  await b.take(
    '2026-12-02T18:00:00Z',
    row(1, { from: '2026-12-01' }),
    row(2, { from: '2026-11-26' }),
    row(3, { from: '2026-11-02' }),
    row(4, { from: '2026-12-01', ...phone }),
    row(5, { from: '2026-12-01', publicity: '不公开', why: '涉及商业秘密' }),
  );
  const preview = await previewPlatform(b.hub, jobOf(b));
  expect(preview).toMatchObject({
    platform: 'credit-sharing',
    period: '2026-W49',
    planned: '2026-12-04 09:00',
    due: '2026-12-04 18:00',
    movedBy: null,
    calendar: 'covered',
    withheld: 1,
    extraPush: null,
  });
  expect(only(preview)).toMatchObject({
    division: '印刷发行处',
    leaving: { records: 3, withdrawals: 0, types: { 'licence/printing': 3 } },
    staying: { quarantined: 1, unconfirmed: 0, notForPlatform: 0 },
    // Decided on 26 November: seven work days end on Monday 7 December, one after the push.
    standing: { safe: 2, tight: 1, late: 1 },
    earliestDeadline: '2026-12-07',
  });
  expect(only(preview).records.map(({ fate, standing, deadline }) => [fate, standing, deadline])).toEqual([
    ['leaves', 'tight', '2026-12-07'],
    ['leaves', 'late', '2026-11-11'],
    ['quarantined', 'safe', '2026-12-10'],
  ]);
  expect(only(preview).records[2]?.faults.map(({ code }) => code)).toEqual(['PERSONAL_DATA_PHONE']);
  await expect(previewPlatform(b.hub, jobOf(b), { division: '别的处' })).rejects.toMatchObject({
    code: 'DIVISION_UNKNOWN',
  });
});

test('a preview changes nothing: the push finds the same records', async () => {
  const b = await bench();
  await b.take('2026-12-02T18:00:00Z', row(1), row(2, phone));
  await previewPlatform(b.hub, jobOf(b));
  expect(await b.hub.db('quarantine').select('id')).toEqual([]);
  await b.ring('2026-12-04T01:00:00Z');
  expect((await b.periods())[0]?.counts).toMatchObject({ accepted: 1, setAside: 1 });
});

test('where waiting for the plan breaks a deadline, the preview asks for an extra push', async () => {
  const b = await bench();
  await b.ring('2026-12-04T01:00:00Z');
  await b.take('2026-12-05T18:00:00Z', row(1, { from: '2026-11-27' }));
  expect(await previewPlatform(b.hub, jobOf(b))).toMatchObject({
    period: '2026-W50',
    extraPush: { records: 1, earliest: '2026-12-08', how: 'propose' },
  });
});

test('a division confirms its records for one period, once, with its reason in the log', async () => {
  const b = await bench({ job: { confirm: { 'licence/*': 'required' } } });
  await b.take('2026-12-02T18:00:00Z', row(1));
  const waits = only(await previewPlatform(b.hub, jobOf(b)));
  expect(waits).toMatchObject({
    leaving: { records: 0 },
    staying: { unconfirmed: 1 },
    toConfirm: ['licence/printing'],
  });
  const yes = { period: '2026-W49', division: '印刷发行处', by: 'shell:test', reason: '已核对' };
  expect(await confirmDivision(b.hub, jobOf(b), yes)).toBe(true);
  expect(await confirmDivision(b.hub, jobOf(b), yes)).toBe(false);
  expect(only(await previewPlatform(b.hub, jobOf(b)))).toMatchObject({ leaving: { records: 1 }, toConfirm: [] });
  expect(await b.logged('preview.confirmed')).toMatchObject([{ period: '2026-W49', reason: '已核对' }]);
  await expect(confirmDivision(b.hub, jobOf(b), { ...yes, division: '没有的处' })).rejects.toMatchObject({
    code: 'DIVISION_UNKNOWN',
  });
  const none = await bench();
  await expect(confirmDivision(none.hub, jobOf(none), yes)).rejects.toMatchObject({ code: 'CONFIRMATION_NEEDLESS' });
});

test('the Thursday mail of a division names what stays, why, and how to confirm', async () => {
  const b = await bench({ job: { confirm: { 'licence/*': 'required' } } });
  await b.take('2026-12-02T18:00:00Z', row(1, { from: '2026-12-01' }), row(2, { from: '2026-12-01', ...phone }));
  const [text] = previewTexts([await previewPlatform(b.hub, jobOf(b))]);
  expect(text?.subject).toBe('[证信通] 印刷发行处：下次报送 0 条，2 条不能报送');
  const said = text?.lines.join('\n') ?? '';
  expect(said).toContain('hub preview confirm --platform credit-sharing --division 印刷发行处 --period 2026-W49');
  expect(said).toContain('电话');
  expect(said).not.toContain('13812345678');
});

test('the ledger tells the deadline of each decision, whether it was kept, and a correction only once', async () => {
  const b = await bench();
  await b.take('2026-12-03T18:00:00Z', row(1, { from: '2026-12-01' }));
  await b.ring('2026-12-04T01:00:00Z');
  await b.take('2026-12-10T18:00:00Z', row(1, { from: '2026-12-01', content: '包装装潢印刷' }));
  await b.ring('2026-12-11T01:00:00Z');
  await b.take('2026-12-31T18:00:00Z', row(1, { from: '2026-12-02', content: '其他印刷品印刷' }));
  await b.ring('2026-12-31T18:01:00Z');
  const found: RecordDeadline[][] = [];
  for await (const record of ledgers(b.hub.db, { terms: ledgerTerms('（桂）印证字第450000001号') }))
    found.push(await recordDeadlines(record, periodContext(b.hub)));
  expect(found).toMatchObject([
    [
      {
        platform: 'credit-sharing',
        decidedOn: '2026-12-01',
        deadline: '2026-12-10',
        deliveredOn: '2026-12-04',
        late: false,
      },
      { decidedOn: '2026-12-02', deadline: '2026-12-11', deliveredOn: '2027-01-01', late: true },
    ],
  ]);
});

test('a paused platform and a held record are shown, and an extra push to a paused platform is only proposed', async () => {
  const b = await bench({ duty: { extraPush: 'make' } });
  await b.ring('2026-12-04T01:00:00Z');
  await b.take('2026-12-05T18:00:00Z', row(1, { from: '2026-11-27' }), row(2, { from: '2026-12-04' }));
  const word = { actor: 'shell:test', reason: '平台割接', now: b.hub.now() };
  await inTransaction(b.hub.db, async (tx) => {
    await pausePlatform(tx, 'credit-sharing', { ...word, kind: 'person', period: null });
    await holdRecord(tx, 2, { ...word, reason: '处室复核', platform: null });
  });
  const preview = await previewPlatform(b.hub, jobOf(b));
  expect(preview).toMatchObject({
    paused: { reason: '平台割接', kind: 'person', actor: 'shell:test' },
    held: [{ id: 2, division: '印刷发行处', reason: '处室复核' }],
  });
  expect(only(preview).leaving.records).toBe(1);
  expect(previewTexts([preview])[0]?.lines.join('\n')).toContain('人工暂缓，处室复核');
  await b.ring('2026-12-07T00:30:00Z');
  expect(await b.logged('push.extra-made')).toEqual([]);
  expect(await b.logged('push.extra-proposed')).toMatchObject([{ records: '1', paused: '平台割接' }]);
});

test('a repair that is granted from a day to come is shown with its day until then', async () => {
  const b = await bench({});
  await b.take('2026-12-05T18:00:00Z', row(1, { from: '2026-12-01' }), row(2, { from: '2026-12-01' }));
  const { number, code } = row(1) as { number: string; code: string };
  const notice = { noticeId: 'N-1', number, creditCode: code, decidedOn: '2026-12-20', reason: '准予信用修复' };
  expect(await takeNotice(notice, 'credit-publicity', { ...b.hub, actor: 'hub' })).toBe('waiting');
  const preview = await previewPlatform(b.hub, jobOf(b));
  expect(preview.coming).toMatchObject([{ id: 1, division: '印刷发行处', on: '2026-12-20', from: 'credit-publicity' }]);
  expect(only(preview).leaving.records).toBe(2);
  expect(previewTexts([preview])[0]?.lines.join('\n')).toContain('2026-12-20 起撤下');
});

test('a platform that the hub itself paused was not paused by whoever ran the push', async () => {
  const b = await bench({});
  const word = { actor: 'user:wei', reason: '退回 9/10', now: b.hub.now() };
  await inTransaction(b.hub.db, (tx) =>
    pauseOnce(tx, 'credit-sharing', { ...word, kind: 'poison', period: '2026-W49' }),
  );
  expect((await previewPlatform(b.hub, jobOf(b))).paused).toMatchObject({ kind: 'poison', actor: 'hub' });
});
