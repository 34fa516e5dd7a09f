import { type Fault, type Reading, read, refuse } from '../fault.ts';
import { type CivilDay, dayNumber, dayOfNumber, exists, isoDay, twoDigits } from './civil-day.ts';
import { widthRepaired } from './code-text.ts';
import * as say from './legal-date-faults.ts';
import { type Clock, parseWrittenDate, type WrittenDate } from './written-date.ts';

export interface DateOptions {
  /** Whether bare numbers may be Excel serials (1900 system) or epoch milliseconds, told apart by their magnitude. */
  readonly serials?: boolean;
}

/** The end of a term: a day, or none. */
export interface LegalTerm {
  /** `YYYY-MM-DD`, or null when `longTerm`. */
  readonly date: string | null;
  readonly longTerm: boolean;
}

/**
 * A legal date as a `YYYY-MM-DD` string, from every way bureaus write one (ISO, slashes, dots, 2017年3月5日, 20170305, two-digit
 * years, 二〇一七年三月五日, with a time, full-width). Instants with an offset become the day at +08:00. Compare the results as strings.
 */
export function readLegalDate(raw: string, options: DateOptions = {}): Reading<string> {
  const reading = readLegalDateOrLongTerm(raw, options);
  if (reading.value === undefined) return { value: undefined, faults: reading.faults };
  const { date } = reading.value;
  if (date !== null) return read(date, reading.faults);
  return /2099\D*12\D*31/.test(raw) ? read('2099-12-31') : refuse(say.LONG_TERM_UNEXPECTED);
}

/** The same, where 长期 in any spelling (also 2099-12-31, 9999-12-31, 0000-00-00) is an answer: `{ date: null, longTerm: true }`. */
export function readLegalDateOrLongTerm(raw: string, options: DateOptions = {}): Reading<LegalTerm> {
  const quick = isoOrSlashed(raw) ?? inChinese(raw);
  if (quick !== undefined) return read(quick === '2099-12-31' ? LONG_TERM : { date: quick, longTerm: false });
  const { text, notes } = halfWidth(raw);
  if (isLongTerm(text)) return read(LONG_TERM, notes);
  if (text === '') return refuse(say.MISSING, notes);
  const counted = options.serials === true ? fromNumber(text) : undefined;
  if (counted !== undefined) return { value: counted.value, faults: [...notes, ...counted.faults] };
  const date = parseWrittenDate(text);
  if (date === undefined) return refuse(say.unreadable(text), notes);
  const settled = settle(date);
  return { value: settled.value, faults: [...notes, ...settled.faults] };
}

/**
 * An instant as local text of Asia/Shanghai, `YYYY-MM-DDTHH:MM:SS` with `.mmm` where it is not zero; a bare date stays a date.
 * Texts without an offset are local already; `Z` and offsets are converted to +08:00. Epoch milliseconds are read with `serials`.
 */
export function readTimestamp(raw: string, options: DateOptions = {}): Reading<string> {
  const quick = localSecond(raw);
  if (quick !== undefined) return read(quick);
  const { text, notes } = halfWidth(raw);
  if (text === '') return refuse(say.MISSING, notes);
  const epoch = options.serials === true ? epochOf(text) : undefined;
  const date = epoch ?? parseWrittenDate(text);
  if (date === undefined) return refuse(say.unreadable(text), notes);
  const wrong = impossible(date);
  if (wrong !== undefined) return refuse(wrong, notes);
  const faults = [...notes, ...styleFaults(date)];
  if (date.clock === undefined) return read(isoDay(date), faults);
  const { day, clock } = inShanghai(date, date.clock);
  return read(`${isoDay(day)}T${clockText(clock)}`, faults);
}

/** The day of an Excel serial number (1900 date system); undefined for 60, the 29 February 1900 that never was, and outside 1–2958465. */
export function dateOfSerial(serial: number): string | undefined {
  const whole = Math.floor(serial);
  if (!(whole >= 1 && whole <= 2_958_465) || whole === 60) return undefined;
  return isoDay(dayOfNumber(whole - 25_569 + (whole < 60 ? 1 : 0)));
}

const LONG_TERM: LegalTerm = Object.freeze({ date: null, longTerm: true });
const LONG_TERM_WORDS =
  /^至?(?:长期(?:有效|固定)?|长久|永久(?:有效)?|永续|终身|无固定期限?|无期限|无限期|无限|不限|不限期|不约定期限|未约定期限|至今|今|空|long[- ]?term|permanent)$/i;
const LONG_TERM_DAYS =
  /^(?:2099([-/.年]?)12(?:\1|月)31日?|0{4}[-/.年]?0{1,2}[-/.月]?0{1,2}日?|(?:2999|9999)(?:\d{4}|[-/.年].*))(?:[T\s]\s*\d{1,2}:\d{2}.*)?$/;

const isLongTerm = (text: string): boolean => LONG_TERM_WORDS.test(text) || LONG_TERM_DAYS.test(text);

/** `YYYY-MM-DD` and `YYYY/MM/DD` within 1900–2199, the way of nearly all dates. */
function isoOrSlashed(text: string): string | undefined {
  if (text.length !== 10) return undefined;
  const separator = text.charCodeAt(4);
  if ((separator !== 45 && separator !== 47) || text.charCodeAt(7) !== separator) return undefined;
  const day = { year: digitsAt(text, 0, 4), month: digitsAt(text, 5, 2), day: digitsAt(text, 8, 2) };
  if (!(day.year >= 1900 && day.year <= 2199) || !exists(day)) return undefined;
  return separator === 45 ? text : isoDay(day);
}

/** `YYYY年MM月DD日`, the same. */
function inChinese(text: string): string | undefined {
  if (text.length !== 11 || text[4] !== '年' || text[7] !== '月' || text[10] !== '日') return undefined;
  const day = { year: digitsAt(text, 0, 4), month: digitsAt(text, 5, 2), day: digitsAt(text, 8, 2) };
  return day.year >= 1900 && day.year <= 2199 && exists(day) ? isoDay(day) : undefined;
}

/** `YYYY-MM-DD HH:MM:SS` with a blank or T, the way of nearly all timestamps. */
function localSecond(text: string): string | undefined {
  if (text.length !== 19) return undefined;
  const gap = text.charCodeAt(10);
  if ((gap !== 32 && gap !== 84) || text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return undefined;
  const sound = digitsAt(text, 11, 2) <= 23 && digitsAt(text, 14, 2) <= 59 && digitsAt(text, 17, 2) <= 59;
  const day = sound ? isoOrSlashed(text.slice(0, 10)) : undefined;
  if (day === undefined) return undefined;
  return gap === 84 && text.charCodeAt(4) === 45 ? text : `${day}T${text.slice(11)}`;
}

function digitsAt(text: string, start: number, count: number): number {
  let number = 0;
  for (let i = start; i < start + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}

function halfWidth(raw: string): { readonly text: string; readonly notes: readonly Fault[] } {
  const shown = raw
    .replace(/\p{Cf}/gu, '')
    .trim()
    .replace(/^['‘’]/, '');
  const text = shown
    .normalize('NFKC')
    .replace(/[‐‑‒–—−]/g, '-')
    .trim();
  return { text, notes: text === shown ? [] : [widthRepaired('DATE')] };
}

/** Serials of 1927–2173 have five digits; 2958465 is 9999-12-31; 13 digits are epoch milliseconds; the rest is no number of days. */
function fromNumber(text: string): Reading<LegalTerm> | undefined {
  if (/^2958465(?:\.0*)?$/.test(text)) return read(LONG_TERM, [say.SERIAL]);
  if (/^[1-9]\d{4}(?:\.\d+)?$/.test(text))
    return read({ date: dateOfSerial(Number(text)) ?? null, longTerm: false }, [say.SERIAL]);
  const epoch = epochOf(text);
  return epoch && settle(epoch);
}

function epochOf(text: string): WrittenDate | undefined {
  if (!/^-?\d{12,13}$/.test(text)) return undefined;
  const milliseconds = Number(text);
  const day = Math.floor(milliseconds / 86_400_000);
  const rest = milliseconds - day * 86_400_000;
  const second = Math.floor(rest / 1000);
  const clock: Clock = {
    hour: Math.floor(second / 3600),
    minute: Math.floor(second / 60) % 60,
    second: second % 60,
    millisecond: rest % 1000,
    offset: 0,
  };
  return { ...dayOfNumber(day), style: 'plain', clock };
}

function settle(written: WrittenDate): Reading<LegalTerm> {
  const wrong = impossible(written);
  if (wrong !== undefined) return refuse(wrong);
  const faults = styleFaults(written);
  if (written.clock === undefined) return read({ date: isoDay(written), longTerm: false }, faults);
  const { day, clock } = inShanghai(written, written.clock);
  const summer = written.clock.offset !== undefined && isSummerMidnight(day, clock);
  if (summer) faults.push(say.SUMMER_TIME);
  else if (isoDay(day) !== isoDay(written)) faults.push(say.INSTANT);
  else if (written.clock.offset === undefined && clock.hour + clock.minute + clock.second > 0)
    faults.push(say.TIME_DROPPED);
  return read({ date: isoDay(summer ? dayOfNumber(dayNumber(day) + 1) : day), longTerm: false }, faults);
}

function impossible(written: WrittenDate): Fault | undefined {
  if (!exists(written)) return say.impossible(written);
  if (written.year < 1900 || written.year > 2199) return say.yearImpossible(written.year);
  const clock = written.clock;
  if (clock === undefined) return undefined;
  return clock.hour > 23 || clock.minute > 59 || clock.second > 59 || Math.abs(clock.offset ?? 0) > 18 * 60
    ? say.TIME_IMPOSSIBLE
    : undefined;
}

function styleFaults({ style, year }: WrittenDate): Fault[] {
  if (style === 'two-digit-year') return [say.centuryGuessed(year)];
  return style === 'numerals' ? [say.NUMERALS] : [];
}

/** The same instant at +08:00; a clock without an offset is there already. */
function inShanghai(day: CivilDay, clock: Clock): { readonly day: CivilDay; readonly clock: Clock } {
  if (clock.offset === undefined || clock.offset === 480) return { day, clock };
  const minutes = dayNumber(day) * 1440 + clock.hour * 60 + clock.minute - clock.offset + 480;
  const number = Math.floor(minutes / 1440);
  const rest = minutes - number * 1440;
  return { day: dayOfNumber(number), clock: { ...clock, hour: Math.floor(rest / 60), minute: rest % 60 } };
}

/** Shanghai had summer time (+09:00) from 1986 to 1991: 23:00 at +08:00 was midnight there, so the next day is meant. */
const isSummerMidnight = ({ year, month }: CivilDay, { hour, minute, second }: Clock): boolean =>
  year >= 1986 && year <= 1991 && month >= 4 && month <= 9 && hour === 23 && minute === 0 && second === 0;

function clockText({ hour, minute, second, millisecond }: Clock): string {
  const fraction = millisecond === 0 ? '' : `.${String(millisecond).padStart(3, '0')}`;
  return `${twoDigits(hour)}:${twoDigits(minute)}:${twoDigits(second)}${fraction}`;
}
