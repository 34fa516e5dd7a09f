import { noteReport } from '../evidence/anchor.ts';
import { failpoint } from '../failpoint.ts';
import type { Db } from '../store/database.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { periodBatches } from '../store/period-facts.ts';
import { markClosed, openPeriods, type PeriodRow } from '../store/periods.ts';
import { carrierOf, isPassedOn } from './passed-on.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';
import { progressOf } from './period-progress.ts';
import { type PeriodReport, reportPeriod } from './period-report.ts';

/**
 * Closes what has come to its end, oldest first: a period whose push is done, with every later one that this push served
 * too; and one for which nothing more can be done when the next one is planned. Returns the closing reports.
 */
export async function closePeriods(
  job: DutyJob,
  context: PeriodContext & { readonly db: Db },
): Promise<readonly PeriodReport[]> {
  const closed: PeriodReport[] = [];
  for (const row of await openPeriods(context.db, job.platformName)) {
    if (closed.some(({ period }) => period === row.period)) continue;
    const ends = await endOf(row, job, context);
    if (ends === 'open') break;
    if (ends !== 'passed-on') closed.push(...(await close(await endingWith(row, ends, context), context)));
  }
  return closed;
}

/**
 * `given-up`: nothing left, nothing on the way, and the next period has come; `passed-on`: the same for want of a division's yes,
 * until the next one is due; or the period that has carried its records meanwhile.
 */
type End = 'open' | 'done' | 'given-up' | 'passed-on' | { readonly carrier: PeriodRow };

async function endOf(row: PeriodRow, job: DutyJob, context: PeriodContext): Promise<End> {
  const { db, now } = context;
  const { doneAt, active } = progressOf(row, await periodBatches(db, row.platform, row.period), job.platform);
  if (doneAt !== undefined) return 'done';
  const over = row.sealedAt !== null && active === 0 && now.toISOString() >= row.nextPlannedAt;
  if (!over || !(await isPassedOn(row, context))) return over ? 'given-up' : 'open';
  const carrier = await carrierOf(row, job, context);
  if (carrier !== undefined) return { carrier };
  return now.toISOString() < row.nextDueAt ? 'passed-on' : 'given-up';
}

/** A period that is to be closed, and the one that served it. */
interface Ending {
  readonly row: PeriodRow;
  readonly coveredBy?: string;
}

async function endingWith(
  row: PeriodRow,
  ends: Exclude<End, 'open' | 'passed-on'>,
  context: PeriodContext,
): Promise<readonly Ending[]> {
  if (typeof ends === 'object') return [{ row, coveredBy: ends.carrier.period }];
  const served = ends === 'done' ? await servedToo(row, context) : [];
  return [{ row }, ...served.map((one) => ({ row: one, coveredBy: row.period }))];
}

/** Later periods that were planned before this one's members were fixed: its push carried what was pending for them. */
async function servedToo(row: PeriodRow, { db }: PeriodContext): Promise<PeriodRow[]> {
  const { firstSealAt } = row;
  if (firstSealAt === null) return [];
  const open = await openPeriods(db, row.platform);
  return open.filter(({ nominal, plannedAt }) => nominal > row.nominal && plannedAt <= firstSealAt);
}

async function close(
  endings: readonly Ending[],
  context: PeriodContext & { readonly db: Db },
): Promise<PeriodReport[]> {
  const { now } = context;
  const closed = await inTransaction(context.db, async (tx) => {
    const reports: PeriodReport[] = [];
    for (const { row, ...coveredBy } of endings) {
      if (!(await markClosed(tx, row.id, { now, ...coveredBy }))) continue;
      const closedRow: PeriodRow = { ...row, state: 'closed', closedAt: now.toISOString(), ...coveredBy };
      const report = await reportPeriod(closedRow, { ...context, db: tx });
      reports.push(report);
      await appendLog(tx, now, [closedEntry(report)]);
      await noteReport(tx, `${report.platform} ${report.period}`, now);
      failpoint('S10-reported');
    }
    return reports;
  });
  failpoint('S10-closed');
  return closed;
}

const closedEntry = (report: PeriodReport) => ({
  actor: 'scheduler',
  action: 'period.closed',
  platform: report.platform,
  detail: {
    period: report.period,
    outcome: report.outcome,
    nil: report.nil,
    coveredBy: report.coveredBy,
    doneAt: report.doneAt,
    counts: { ...report.counts },
    causes: report.causes.map(({ code }) => code),
  },
});
