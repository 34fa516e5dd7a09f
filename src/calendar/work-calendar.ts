import type { CalendarDay, CalendarTable, Scope } from './calendar-table.ts';
import { addDays, weekday, yearOf } from './day.ts';
import { knowsYear, nationalIsWorkday, nationalName } from './national.ts';

/** How well a year is known: from a notice, derived and waiting for it, or not at all. */
export type Coverage = 'covered' | 'provisional' | 'no-data';

/** Work days of one region. Where a year has no data, weekdays count as work days: look at `coverage`. */
export interface WorkCalendar {
  isWorkday(day: string): boolean;
  /** Why a weekday is off or a weekend is worked: 国庆节, 壮族三月三; undefined for an ordinary day. */
  nameOf(day: string): string | undefined;
  coverage(year: number): Coverage;
  /** What people entered, for showing it. */
  readonly table: CalendarTable;
}

/** National data, with the table's national days over it and its regional days over those. */
export function workCalendar(table: CalendarTable, region: Scope = 'guangxi'): WorkCalendar {
  const entered = new Map<string, CalendarDay>();
  for (const scope of ['national', region] as const)
    for (const day of table.days) if (day.scope === scope) entered.set(day.date, day);
  const years = new Map<number, Coverage>();
  const known = new Map<string, boolean>();
  const look = (day: string): boolean => {
    const entry = entered.get(day);
    if (entry !== undefined) return entry.kind === 'work';
    return knowsYear(yearOf(day)) ? nationalIsWorkday(day) : weekday(day) <= 5;
  };
  return {
    table,
    isWorkday(day) {
      const before = known.get(day);
      if (before !== undefined) return before;
      const works = look(day);
      known.set(day, works);
      return works;
    },
    nameOf: (day) => entered.get(day)?.name ?? (knowsYear(yearOf(day)) ? nationalName(day) : undefined),
    coverage(year) {
      const cover = years.get(year) ?? worst(nationalCoverage(table, year), regionalCoverage(table, year, region));
      years.set(year, cover);
      return cover;
    },
  };
}

function nationalCoverage({ years }: CalendarTable, year: number): Coverage {
  if (knowsYear(year)) return 'covered';
  const entry = years.find((one) => one.year === year && one.scope === 'national');
  if (entry === undefined) return 'no-data';
  return entry.state === 'confirmed' ? 'covered' : 'provisional';
}

/** 自治区政府令第98号: 壮族三月三 has been a holiday since 2014; its days come by a notice of each year. */
const REGIONAL_SINCE = 2014;

function regionalCoverage({ years, days }: CalendarTable, year: number, region: Scope): Coverage {
  if (region === 'national' || year < REGIONAL_SINCE) return 'covered';
  const entry = years.find((one) => one.year === year && one.scope === region);
  if (entry !== undefined) return entry.state === 'confirmed' ? 'covered' : 'provisional';
  return days.some(({ date, scope }) => scope === region && yearOf(date) === year) ? 'covered' : 'provisional';
}

const ORDER: readonly Coverage[] = ['covered', 'provisional', 'no-data'];

/** The less certain of two. */
const worst = (a: Coverage, b: Coverage): Coverage => (ORDER.indexOf(a) >= ORDER.indexOf(b) ? a : b);

/** Coverage of everything from one day to another, both included. */
export function coverageOf(calendar: WorkCalendar, from: string, to: string): Coverage {
  let cover: Coverage = 'covered';
  for (let year = yearOf(from); year <= yearOf(to); year += 1) cover = worst(cover, calendar.coverage(year));
  return cover;
}

/** No holiday lasts this long: a search that goes further is a fault in the data. */
const LONGEST = 60;

/** The last work day before a day. */
export const previousWorkday = (calendar: WorkCalendar, day: string): string => walk(calendar, day, -1);

/** The first work day after a day. */
export const nextWorkday = (calendar: WorkCalendar, day: string): string => walk(calendar, day, 1);

/** The n-th work day after a day; the day itself does not count (n ≥ 0). */
export function addWorkdays(calendar: WorkCalendar, day: string, n: number): string {
  let at = day;
  for (let count = 0; count < n; count += 1) at = nextWorkday(calendar, at);
  return at;
}

function walk(calendar: WorkCalendar, day: string, step: 1 | -1): string {
  for (let at = addDays(day, step), tried = 0; tried < LONGEST; at = addDays(at, step), tried += 1)
    if (calendar.isWorkday(at)) return at;
  throw new RangeError(`no work day within ${LONGEST} days of ${day}`);
}

/** Work days after `from` up to and including `to`; negative when `to` lies before. */
export function workdaysBetween(calendar: WorkCalendar, from: string, to: string): number {
  if (to < from) return -workdaysBetween(calendar, to, from);
  let count = 0;
  for (let day = addDays(from, 1); day <= to; day = addDays(day, 1)) if (calendar.isWorkday(day)) count += 1;
  return count;
}
