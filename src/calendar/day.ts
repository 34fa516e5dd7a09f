import { dayNumber, dayOfNumber, exists, isoDay } from '../rules/civil-day.ts';

/** Days are legal dates `YYYY-MM-DD`: text from end to end, never a `Date` (delivery.md T19). */

const numberOfDay = (day: string): number =>
  dayNumber({ year: Number(day.slice(0, 4)), month: Number(day.slice(5, 7)), day: Number(day.slice(8, 10)) });

const dayOf = (number: number): string => isoDay(dayOfNumber(number));

export const addDays = (day: string, days: number): string => dayOf(numberOfDay(day) + days);

/** 1 Monday … 7 Sunday. 1970-01-01 was a Thursday. */
export const weekday = (day: string): number => ((((numberOfDay(day) + 3) % 7) + 7) % 7) + 1;

export const yearOf = (day: string): number => Number(day.slice(0, 4));

export const isDay = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d$/.test(text) &&
  exists({ year: Number(text.slice(0, 4)), month: Number(text.slice(5, 7)), day: Number(text.slice(8, 10)) });

/** ISO 8601 week, `2026-W53`: the week belongs to the year of its Thursday. */
export function isoWeek(day: string): string {
  const thursday = addDays(day, 4 - weekday(day));
  const firstOfYear = `${thursday.slice(0, 4)}-01-01`;
  const week = Math.floor((numberOfDay(thursday) - numberOfDay(firstOfYear)) / 7) + 1;
  return `${thursday.slice(0, 4)}-W${String(week).padStart(2, '0')}`;
}
