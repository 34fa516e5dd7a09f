import { newestWindow } from '../duty/retry-windows.ts';
import { openPeriods } from '../store/periods.ts';
import { earliestDeadline } from './earliest-deadline.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';

/** What a platform owes now: its oldest open period, and the moments that may be claimed for it. */
export interface OwedPeriod {
  readonly period: string;
  /** The plan itself, then the newest retry window; each is claimed once over all processes. */
  readonly slots: readonly Date[];
}

/** One period at a time per platform, oldest first; undefined: nothing is owed. */
export async function owedPeriod(job: DutyJob, context: PeriodContext): Promise<OwedPeriod | undefined> {
  const { now } = context;
  const [oldest] = await openPeriods(context.db, job.platformName);
  if (oldest === undefined || oldest.plannedAt > now.toISOString()) return undefined;
  const plannedAt = new Date(oldest.plannedAt);
  const bounds = {
    plannedAt,
    nextPlannedAt: new Date(oldest.nextPlannedAt),
    deadline: await earliestDeadline(oldest, job, context),
  };
  const newest = newestWindow(bounds, now, context);
  const again = newest === undefined || newest <= plannedAt ? [] : [newest];
  return { period: oldest.period, slots: [plannedAt, ...again] };
}
