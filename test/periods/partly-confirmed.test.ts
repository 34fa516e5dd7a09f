import { expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import { confirmDivision } from '../../src/periods/confirm-division.ts';
import { type DutyJob, isDutyJob } from '../../src/periods/period-context.ts';
import { servePeriod } from '../../src/periods/serve-period.ts';
import type { PushCounts } from '../../src/run-report.ts';
import { listPeriods } from '../../src/store/periods.ts';
import { onBothDatabases } from '../support/databases.ts';
import { pullJob, row } from '../support/hub.ts';
import { type Bench, lookAtSource, openBench } from './bench.ts';

const dutyOf = ({ hub }: Bench): DutyJob => {
  const job = hub.jobs.find(isDutyJob);
  if (job === undefined) throw new Error('no duty');
  return job;
};

const NOTHING: PushCounts = {
  ...{ pending: 0, notForPlatform: 0, withheld: 0, unconfirmed: 0, quarantined: 0, sealed: 0, accepted: 0 },
  ...{ rejected: 0, withdrawn: 0, batches: 0, unsettled: 0, held: 0 },
};

/** Record 1 is one division's, 2 and 3 are another's; both must say yes. */
async function twoDivisions(url: string) {
  const b = await openBench(url, { job: { confirm: { 'licence/*': 'required' } } });
  const other = pullJob({ name: 'pull-other', division: '市场处' });
  (b.hub.jobs as Job[]).push(other);
  await b.take('2026-12-03T18:00:00Z', row(1), row(2), row(3));
  await b.hub
    .db('records')
    .whereNot('number', String(row(1)['number']))
    .update({ job: other.name });
  return { b, other };
}

onBothDatabases('partly confirmed on', ({ url }) => {
  test('a period that one division confirmed and another did not is on time, and says whose records did not leave', async () => {
    const { b, other } = await twoDivisions(await url());
    await lookAtSource(b.hub, undefined, other.name);
    const yes = { period: '2026-W49', by: 'shell:test', reason: '已核对' };
    await confirmDivision(b.hub, dutyOf(b), { ...yes, division: '印刷发行处' });
    await b.ring('2026-12-04T01:00:00Z');
    const [period] = await b.periods();
    expect(period).toMatchObject({ state: 'closed', outcome: 'on-time', counts: { accepted: 1, unconfirmed: 2 } });
    expect(period?.causes).toMatchObject([{ code: 'unconfirmed', zh: expect.stringContaining('市场处 2 条') }]);
    expect(period?.causes[0]?.zh).not.toContain('印刷发行处');
    // A late yes sends them with the next period; what the closed one says stays as it was.
    await confirmDivision(b.hub, dutyOf(b), { ...yes, period: '2026-W50', division: '市场处' });
    await lookAtSource(b.hub, undefined, other.name);
    await b.ring('2026-12-11T01:00:00Z');
    expect(await b.periods()).toMatchObject([
      { period: '2026-W49', counts: { unconfirmed: 2 }, causes: period?.causes },
      { period: '2026-W50', outcome: 'on-time', counts: { accepted: 2, unconfirmed: 0 }, causes: [] },
    ]);
  });

  test('a yes and a record that come while the push runs change nothing of what it counted', async () => {
    const { b, other } = await twoDivisions(await url());
    await b.take('2026-12-04T01:00:00Z');
    const { terms, end } = await servePeriod(b.hub, dutyOf(b), {});
    expect(terms).toMatchObject({ period: '2026-W49', confirmations: [] });
    await b.take('2026-12-04T01:00:30Z', row(4));
    const yes = { period: '2026-W49', by: 'shell:test', reason: '已核对' };
    await confirmDivision(b.hub, dutyOf(b), { ...yes, division: '市场处' });
    await lookAtSource(b.hub, undefined, other.name);
    await end({ counts: { ...NOTHING, pending: 3, unconfirmed: 3 }, sealedAll: true });
    const [period] = await listPeriods(b.hub.db);
    expect(period).toMatchObject({ unconfirmed: 3, unconfirmedBy: { 印刷发行处: 1, 市场处: 2 } });
  });
});
