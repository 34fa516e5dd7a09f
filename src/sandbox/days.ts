/**
 * Arithmetic on `YYYY-MM-DD`. Days are counted in UTC and never pass through a local clock,
 * so the summer time that Shanghai once had cannot shift them.
 */
const DAY_MS = 86_400_000;

export const dayNumber = (date: string): number => Date.parse(`${date}T00:00:00Z`) / DAY_MS;

export const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export const addDays = (date: string, days: number): string => dateOf(dayNumber(date) + days);

/** The last day of a term of `years` that begins on `date`. */
export function termEnd(date: string, years: number): string {
  const [year = '', month = '', day = ''] = date.split('-');
  return dateOf(Date.UTC(Number(year) + years, Number(month) - 1, Number(day)) / DAY_MS - 1);
}

/** `YYYY-MM-DD HH:MM:SS`, the bureaus' local time, from seconds since 1970-01-01 00:00 local. */
export const momentOf = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

/** Seconds since 1970-01-01 00:00 local of the start of a day. */
export const startOfDay = (date: string): number => dayNumber(date) * 86_400;

/**
 * Local seconds of a time that a caller names: `2026-11-24`, `2026/11/24 08:00:00`, `2026-11-24T08:00:00.000`,
 * or with `Z` or an offset, which is turned into Asia/Shanghai. Undefined when it is none of these.
 */
export function momentFrom(text: string): number | undefined {
  const shape = /^(\d{4})[-/](\d{2})[-/](\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?(Z|[+-]\d{2}:?\d{2})?)?$/.exec(
    text,
  );
  if (shape === null) return undefined;
  const [, year, month, day, time = '00:00', zone] = shape;
  const asUtc = Date.parse(`${year}-${month}-${day}T${time}Z`) / 1000;
  if (Number.isNaN(asUtc)) return undefined;
  return zone === undefined ? asUtc : asUtc - offsetSeconds(zone) + 8 * 3600;
}

function offsetSeconds(zone: string): number {
  if (zone === 'Z') return 0;
  const digits = zone.replace(/[+:-]/g, '');
  const seconds = Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2)) * 60;
  return zone.startsWith('-') ? -seconds : seconds;
}
