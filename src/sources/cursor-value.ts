/**
 * A bureau's “changed at” in whatever form it writes it: compared and set back by an overlap without ever becoming
 * a `Date` in some time zone (delivery.md T19, T20). The form that came is the form that is sent.
 */
export type CursorValue = string | number;

interface Instant {
  /** Milliseconds since 1970 of the written wall clock, as if it stood in UTC, less a written offset. */
  readonly ms: number;
  /** Writes another instant in the same form. */
  readonly write: (ms: number) => CursorValue;
}

/** `value` set back by `seconds`, in the same form; undefined when the form is not a time. */
export function setBack(value: CursorValue, seconds: number): CursorValue | undefined {
  const instant = readInstant(value);
  return instant?.write(instant.ms - seconds * 1000);
}

/** The later of two values: by time where both are times, else by number, else by text. A word (待定) never passes a time or a number. */
export function later(left: CursorValue | undefined, right: CursorValue): CursorValue {
  if (left === undefined) return right;
  if (isWord(left) !== isWord(right)) return isWord(left) ? right : left;
  return compare(left, right) < 0 ? right : left;
}

/** Neither a time nor a number. */
export const isWord = (value: CursorValue): boolean =>
  typeof value === 'string' && !/^-?\d+(?:\.\d+)?$/.test(value) && readInstant(value) === undefined;

/**
 * Whether a mark may stand at `value`: behind a slip such as 2099-01-01 every later change would be passed by. Two days allow for
 * clocks and zones; bare numbers of 8 or 10 digits may be sequence numbers.
 */
export function isCredible(value: CursorValue, now: Date): boolean {
  if (/^(?:\d{8}|\d{10})$/.test(String(value))) return true;
  const instant = readInstant(value);
  return instant === undefined || instant.ms <= now.getTime() + 2 * 86_400_000;
}

/** The wall-clock date `YYYY-MM-DD` (Asia/Shanghai for epoch numbers); undefined when the form is not a time. */
export function dateOf(value: CursorValue): string | undefined {
  const instant = readInstant(value);
  if (instant === undefined) return undefined;
  const epoch = /^\d+$/.test(String(value)) && String(value).length !== 8 && String(value).length !== 14;
  const offset = epoch ? 8 * 3600_000 : offsetMs(String(value));
  return new Date(instant.ms + offset).toISOString().slice(0, 10);
}

function compare(left: CursorValue, right: CursorValue): number {
  const [a, b] = [readInstant(left), readInstant(right)];
  if (a !== undefined && b !== undefined && a.ms !== b.ms) return a.ms - b.ms;
  const numbers = /^-?\d+$/;
  if (numbers.test(String(left)) && numbers.test(String(right))) return Number(BigInt(left) - BigInt(right));
  return String(left) < String(right) ? -1 : Number(String(left) > String(right));
}

function readInstant(value: CursorValue): Instant | undefined {
  const text = String(value);
  if (/^\d{8}$|^\d{14}$/.test(text)) return readCompact(text, typeof value === 'number');
  if (/^\d{10}$|^\d{13}$/.test(text)) return readEpoch(text, typeof value === 'number');
  return readWritten(text);
}

function readEpoch(text: string, asNumber: boolean): Instant {
  const unit = text.length === 10 ? 1000 : 1;
  const write = (ms: number) => (asNumber ? Math.floor(ms / unit) : String(Math.floor(ms / unit)));
  return { ms: Number(text) * unit, write };
}

/** 20261124, 20261124103000 */
function readCompact(text: string, asNumber: boolean): Instant | undefined {
  const parts = [
    text.slice(0, 4),
    text.slice(4, 6),
    text.slice(6, 8),
    text.slice(8, 10),
    text.slice(10, 12),
    text.slice(12),
  ];
  const ms = wallClock(parts);
  if (ms === undefined) return undefined;
  const write = (at: number): CursorValue => {
    const digits = new Date(at).toISOString().replace(/\D/g, '').slice(0, text.length);
    return asNumber ? Number(digits) : digits;
  };
  return { ms, write };
}

const WRITTEN =
  /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:([T ])(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** 2026-11-24, 2026/11/24 10:30, 2026-11-24T10:30:00.123456+08:00 … */
function readWritten(text: string): Instant | undefined {
  const match = WRITTEN.exec(text);
  if (match === null) return undefined;
  const [, year, , month, day, , hour, minute, second, fraction = ''] = match;
  const ms = wallClock([year, month, day, hour, minute, second]);
  if (ms === undefined) return undefined;
  const thousandths = Math.floor(Number(`0.${fraction || '0'}`) * 1000);
  const offset = offsetMs(text);
  return { ms: ms + thousandths - offset, write: (at) => writeLike(match, at - thousandths + offset) };
}

function writeLike(match: RegExpExecArray, at: number): string {
  const [, , mark = '-', month, , gap, hour, , second, fraction, zone = ''] = match;
  const iso = new Date(at).toISOString();
  const short = (text: string, like: string | undefined) => (like?.length === 1 ? String(Number(text)) : text);
  const date = [iso.slice(0, 4), short(iso.slice(5, 7), month), short(iso.slice(8, 10), match[4])].join(mark);
  if (gap === undefined) return date + zone;
  const time = short(iso.slice(11, 13), hour) + iso.slice(13, second === undefined ? 16 : 19);
  return `${date}${gap}${time}${fraction === undefined ? '' : `.${fraction}`}${zone}`;
}

function offsetMs(text: string): number {
  const match = /[T ].*([+-])(\d{2}):?(\d{2})$/.exec(text);
  if (match === null) return 0;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000;
}

/** Strict: 31 February is no date. */
function wallClock(parts: readonly (string | undefined)[]): number | undefined {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts.map((part) => Number(part || '0'));
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  const exact = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour;
  return exact && minute < 60 && second < 60 && year > 1900 ? ms : undefined;
}
