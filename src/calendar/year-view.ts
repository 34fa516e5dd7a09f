import type { CalendarDay } from './calendar-table.ts';
import { addDays, weekday } from './day.ts';
import type { Coverage, WorkCalendar } from './work-calendar.ts';

/** One year as people read it: every weekday off and every weekend day worked, with its source. */
export interface CalendarYearView {
  readonly year: number;
  readonly coverage: Coverage;
  readonly workdays: number;
  readonly days: readonly (CalendarDay & { readonly weekday: string })[];
}

const NAMES = ['', '周一', '周二', '周三', '周四', '周五', '周六', '周日'];

export function yearView(calendar: WorkCalendar, year: number): CalendarYearView {
  const days: (CalendarDay & { weekday: string })[] = [];
  let workdays = 0;
  for (let date = `${year}-01-01`; date <= `${year}-12-31`; date = addDays(date, 1)) {
    const works = calendar.isWorkday(date);
    if (works) workdays += 1;
    if (works === weekday(date) <= 5) continue;
    days.push({ ...entryOf(calendar, date, works), weekday: NAMES[weekday(date)] ?? '' });
  }
  return { year, coverage: calendar.coverage(year), workdays, days };
}

/** The regional entry stands over the national one, the library's own data under both. */
function entryOf({ table, nameOf }: WorkCalendar, date: string, works: boolean): CalendarDay {
  const entries = table.days.filter((day) => day.date === date);
  const entry = entries.find(({ scope }) => scope !== 'national') ?? entries[0];
  return (
    entry ?? {
      date,
      kind: works ? 'work' : 'off',
      scope: 'national',
      name: nameOf(date) ?? '',
      source: 'chinese-days 1.5.7',
    }
  );
}
