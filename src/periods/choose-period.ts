import type { Coverage } from '../calendar/work-calendar.ts';
import { movedBy } from '../duty/plan.ts';
import { HubError } from '../errors.ts';
import { periodBatches } from '../store/period-facts.ts';
import type { PeriodRow } from '../store/periods.ts';
import { isPassedOn } from './passed-on.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';
import { periodsThatCame } from './periods-that-came.ts';
import { upcomingPeriod } from './upcoming-period.ts';

/** The oldest period that has come, is open and can still take records: what a run by hand serves. Undefined: none. */
export async function oldestToServe(job: DutyJob, context: PeriodContext): Promise<PeriodRow | undefined> {
  const at = context.now.toISOString();
  for (const row of await periodsThatCame(job, context))
    if (row.state === 'open' && row.plannedAt <= at && (await takesMore(row, context))) return row;
  return undefined;
}

/** Not where everything was sealed and only results are outstanding: what is new since belongs to the next period. */
async function takesMore(row: PeriodRow, context: PeriodContext): Promise<boolean> {
  const { db } = context;
  if (await isPassedOn(row, context)) return false;
  if (row.sealedAt === null || row.unconfirmed > 0) return true;
  return row.nilAt === null && (await periodBatches(db, row.platform, row.period)).length === 0;
}

/** The period that a preview or a division's yes is about. */
export interface ChosenPeriod {
  readonly period: string;
  /** Local day of its push. */
  readonly day: string;
  readonly movedBy: string | null;
  readonly calendar: Coverage;
  /** Its time has come. */
  readonly isOpen: boolean;
}

/** The named one, else what a run by hand would serve, else the next one. Throws HubError PERIOD_UNKNOWN, PERIOD_CLOSED. */
export async function choosePeriod(job: DutyJob, context: PeriodContext, named?: string): Promise<ChosenPeriod> {
  const next = upcomingPeriod(job, context);
  const came = named === undefined ? undefined : await periodsThatCame(job, context);
  const row = came === undefined ? await oldestToServe(job, context) : came.find(({ period }) => period === named);
  if (row?.state === 'closed') throw closed(row);
  if (row !== undefined && (await isPassedOn(row, context))) throw passedOn(row);
  if (row !== undefined) {
    const { period, day, movedBy: moved, coverage } = row;
    return { period, day, movedBy: moved, calendar: coverage, isOpen: true };
  }
  const open = came?.filter(({ state }) => state === 'open').map(({ period }) => period) ?? [];
  if (named !== undefined && named !== next.period) throw unknown(named, job, [...open, next.period]);
  return { period: next.period, day: next.day, movedBy: movedBy(next), calendar: next.coverage, isOpen: false };
}

const closed = ({ platform, period }: PeriodRow): HubError =>
  new HubError('PERIOD_CLOSED', `${platform} 的 ${period} 期已经结束 (this period is closed)`, {
    remedy: 'give-up',
    fix: `结果见 hub duty --period ${period}；不写 --period 即为当前一期 (see how it ended; without --period the one that is due is meant)`,
  });

const passedOn = ({ platform, period }: PeriodRow): HubError =>
  new HubError(
    'PERIOD_CLOSED',
    `${platform} 的 ${period} 期无人确认，其记录已并入下一期 (nobody confirmed this period; its records leave with the next one)`,
    {
      remedy: 'give-up',
      fix: '请确认当前一期：不写 --period 再运行一次 (confirm the one that is due: leave --period out)',
    },
  );

const unknown = (named: string, { platformName }: DutyJob, known: readonly string[]): HubError =>
  new HubError('PERIOD_UNKNOWN', `${platformName} 没有待报的 ${named} 期 (no such period is open or next)`, {
    remedy: 'give-up',
    fix: `可写 (there are): ${known.join('、')}`,
  });
