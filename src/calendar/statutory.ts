import { addDays, isDay, weekday } from './day.ts';
import { lunarDay, pureBrightness } from './national.ts';

/** A holiday of all citizens by 《全国年节及纪念日放假办法》 (国务院令第795号). */
interface Holiday {
  readonly name: string;
  /** As notices write it. */
  readonly word: RegExp;
  /** The days that the law itself names; a notice may add to them, never take one away. */
  readonly days: (year: number) => readonly string[];
}

/** New Year's Eve and the second of May were added then. */
const AMENDED = 2025;

const HOLIDAYS: readonly Holiday[] = [
  { name: '元旦', word: /元旦/, days: (year) => [`${year}-01-01`] },
  { name: '春节', word: /春节/, days: springFestival },
  { name: '清明节', word: /清明/, days: (year) => [pureBrightness(year)] },
  { name: '劳动节', word: /劳动|五一/, days: (year) => from(`${year}-05-01`, year < AMENDED ? 1 : 2) },
  { name: '端午节', word: /端午/, days: (year) => [lunarDay(year, '05-05')] },
  { name: '中秋节', word: /中秋/, days: (year) => [lunarDay(year, '08-15')] },
  { name: '国庆节', word: /国庆/, days: (year) => from(`${year}-10-01`, 3) },
];

function springFestival(year: number): readonly string[] {
  const first = lunarDay(year, '01-01');
  return year < AMENDED ? from(first, 3) : from(addDays(first, -1), 4);
}

const from = (day: string, count: number): string[] => Array.from({ length: count }, (_, n) => addDays(day, n));

/** A day off as it was entered. */
export interface DayOff {
  readonly date: string;
  readonly name: string;
}

/** Holidays that a notice of a year cannot lack and that these days off do not hold, with the days that the law gives them. */
export function missingHolidays(year: number, off: readonly DayOff[]): string[] {
  const dates = new Set(off.map(({ date }) => date));
  return HOLIDAYS.flatMap(({ name, word, days }) => {
    const legal = days(year).filter(isDay);
    const onWorkdays = legal.filter((day) => weekday(day) <= 5);
    const named = off.some((day) => word.test(day.name) || legal.includes(day.date));
    const missing = onWorkdays.filter((day) => !dates.has(day));
    if (named && missing.length === 0) return [];
    return [[name, ...(missing.length > 0 ? missing : legal)].join(' ')];
  });
}
