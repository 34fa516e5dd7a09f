import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import { type PlannedPeriod, planDuty } from '../duty/plan.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';

/** Days ahead within which every duty has a period, holidays and all. */
const AHEAD = 75;

/** The next period whose push has not begun: its plan lies ahead. A duty that is not live yet gets its first one. */
export function upcomingPeriod(job: DutyJob, { calendar, zone, now }: Omit<PeriodContext, 'db'>): PlannedPeriod {
  const today = localDay(now, zone);
  const start = [today, job.duty.goLive].toSorted().at(-1) ?? today;
  const plans = planDuty(job.duty, addDays(start, -21), addDays(start, AHEAD), { calendar, zone });
  const next = plans.find(({ plannedAt }) => plannedAt > now);
  if (next === undefined) throw new Error(`duty ${job.name} has no period ahead`);
  return next;
}
