import { addDays } from '../calendar/day.ts';
import { instantAt, localDay } from '../calendar/local-time.ts';
import type { WorkCalendar } from '../calendar/work-calendar.ts';
import type { PlanContext } from './plan.ts';

/** When a failed push is tried again on a work day (delivery.md §1.7); local time. */
const WINDOWS = ['08:30', '14:00'] as const;

/** Moments at which a retry window opens, after `from` and up to `to`, oldest first. */
export function retryWindows(from: Date, to: Date, { calendar, zone }: PlanContext): Date[] {
  const found: Date[] = [];
  const last = localDay(to, zone);
  for (let day = localDay(from, zone); day <= last; day = addDays(day, 1)) {
    if (!calendar.isWorkday(day)) continue;
    found.push(...WINDOWS.map((clock) => instantAt(day, clock, zone)));
  }
  return found.filter((at) => at > from && at <= to);
}

export interface RetryBounds {
  readonly plannedAt: Date;
  /** Earliest deadline of the members that are not late yet, `YYYY-MM-DD`; undefined: none has one. */
  readonly deadline: string | undefined;
  /** From here on the windows of the period after count as well: nothing is ever dropped. */
  readonly nextPlannedAt: Date;
}

/** The newest moment up to now at which a period that is still open may be tried; undefined before its plan. */
export function newestWindow(bounds: RetryBounds, now: Date, context: PlanContext): Date | undefined {
  if (now < bounds.plannedAt) return undefined;
  const lastDay = bounds.deadline === undefined ? undefined : addDays(bounds.deadline, 1);
  const stops = lastDay === undefined ? bounds.nextPlannedAt : instantAt(lastDay, '00:00', context.zone);
  const first = new Date(Math.max(bounds.plannedAt.getTime(), now.getTime() - LONGEST_BREAK_MS));
  const open = (at: Date): boolean => at < stops || at >= bounds.nextPlannedAt;
  const windows = retryWindows(first, now, context).filter(open);
  const next = now >= bounds.nextPlannedAt ? [bounds.nextPlannedAt] : [];
  return [bounds.plannedAt, ...windows, ...next].toSorted((a, b) => a.getTime() - b.getTime()).at(-1);
}

/** No holiday is longer than this. */
const LONGEST_BREAK_MS = 21 * 86_400_000;

/** Names the retry window in which a moment lies: attempts are counted per window. */
export function windowName(now: Date, context: PlanContext): string {
  const since = new Date(now.getTime() - LONGEST_BREAK_MS);
  return (retryWindows(since, now, context).at(-1) ?? since).toISOString().slice(0, 16);
}

/** Today's windows that opened up to now. */
export const opensToday = (calendar: WorkCalendar, zone: string, now: Date): Date | undefined =>
  retryWindows(new Date(instantAt(localDay(now, zone), '00:00', zone).getTime() - 1), now, { calendar, zone }).at(-1);
