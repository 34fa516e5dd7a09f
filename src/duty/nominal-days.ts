import { addDays, isoWeek, weekday } from '../calendar/day.ts';
import { isoDay } from '../rules/civil-day.ts';

/** One period of a duty by its name and the day that the law names for it. */
export interface NominalPeriod {
  /** `2026-W53` by the ISO week of the Friday, or `2026-11`. */
  readonly period: string;
  /** `YYYY-MM-DD` */
  readonly nominal: string;
}

export type Every = 'friday' | 'month';

/** Periods whose nominal day lies from `from` to `to`, both included, oldest first. Our own arithmetic, no cron. */
export function nominalPeriods(every: Every, from: string, to: string): NominalPeriod[] {
  const found: NominalPeriod[] = [];
  for (let nominal = firstOnOrAfter(every, from); nominal <= to; nominal = after(every, nominal))
    found.push({ nominal, period: periodName(every, nominal) });
  return found;
}

const periodName = (every: Every, nominal: string): string =>
  every === 'friday' ? isoWeek(nominal) : nominal.slice(0, 7);

const FRIDAY = 5;

function firstOnOrAfter(every: Every, from: string): string {
  if (every === 'friday') return addDays(from, (FRIDAY - weekday(from) + 7) % 7);
  return monthEnd(from);
}

/** The nominal day of the period after. */
export const after = (every: Every, nominal: string): string =>
  every === 'friday' ? addDays(nominal, 7) : monthEnd(addDays(monthEnd(nominal), 1));

/** The nominal day of the period before. */
export const before = (every: Every, nominal: string): string =>
  every === 'friday' ? addDays(nominal, -7) : addDays(`${nominal.slice(0, 7)}-01`, -1);

/** A monthly duty falls on the last day of its month. */
function monthEnd(day: string): string {
  const [year = 0, month = 0] = day.split('-').map(Number);
  const next = month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 };
  return addDays(isoDay(next), -1);
}

/** The nominal day of a period by its name; undefined where there is no such period. */
export function nominalOf(period: string): { readonly every: Every; readonly nominal: string } | undefined {
  const month = /^(\d{4})-(0[1-9]|1[0-2])$/.test(period);
  if (month) return { every: 'month', nominal: monthEnd(`${period}-01`) };
  const week = /^(\d{4})-W(\d\d)$/.exec(period);
  if (week === null) return undefined;
  const fourth = `${week[1]}-01-04`;
  const nominal = addDays(fourth, (Number(week[2]) - 1) * 7 + FRIDAY - weekday(fourth));
  return isoWeek(nominal) === period ? { every: 'friday', nominal } : undefined;
}
