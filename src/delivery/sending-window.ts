import type { SendingWindow, Weekday } from '../platform-spec.ts';

const DAYS: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** A moment as the clock on the wall shows it. */
export interface WallClock {
  /** 0 Sunday … 6 Saturday. */
  readonly weekday: number;
  /** `HH:MM` */
  readonly time: string;
}

/** Is a platform open? `to` itself is closed; a window over midnight belongs to the day on which it opens. */
export function isOpenAt(window: SendingWindow | undefined, { weekday, time }: WallClock): boolean {
  if (window === undefined) return true;
  const { from, to, days = DAYS } = window;
  const takes = (day: number): boolean => days.includes(DAYS[(day + 7) % 7] ?? 'sun');
  if (from < to) return takes(weekday) && time >= from && time < to;
  return (takes(weekday) && time >= from) || (takes(weekday - 1) && time < to);
}

const readers = new Map<string, Intl.DateTimeFormat>();

export function wallClock(instant: Date, timeZone: string): WallClock {
  const reader = readers.get(timeZone) ?? new Intl.DateTimeFormat('en-GB', { timeZone, ...SHOWN });
  readers.set(timeZone, reader);
  const parts = Object.fromEntries(reader.formatToParts(instant).map(({ type, value }) => [type, value]));
  const weekday = DAYS.indexOf(parts['weekday']?.toLowerCase() as Weekday);
  return { weekday, time: `${parts['hour']}:${parts['minute']}` };
}

const SHOWN = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
