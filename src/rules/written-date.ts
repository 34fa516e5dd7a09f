import type { CivilDay } from './civil-day.ts';

/** A day, and perhaps a time, as somebody wrote it; the calendar has not been asked yet. */
export interface WrittenDate extends CivilDay {
  readonly style: 'plain' | 'numerals' | 'two-digit-year';
  readonly clock?: Clock;
}

export interface Clock {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond: number;
  /** Minutes east of UTC where the text says so. */
  readonly offset?: number;
}

const TIME = String.raw`(?:[T\s]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?`;
const SEPARATED = new RegExp(String.raw`^(\d{4}|\d{2})([-/.])(\d{1,2})\2(\d{1,2})${TIME}$`, 'i');
const CHINESE = new RegExp(String.raw`^(\d{4}|\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]\s?${TIME}$`, 'i');
const COMPACT = /^(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2}))?$/;
const NUMERALS = /^([零〇○Ｏ一二三四五六七八九壹贰叁肆伍陆柒捌玖]{4})年([^月]{1,3})月([^日号]{1,3})[日号]$/;
const NUMERAL_DIGITS = '零一二三四五六七八九';
const NUMERAL_FORMS = '〇○Ｏ壹贰叁肆伍陆柒捌玖拾廿卅两元正';
const NUMERAL_PLAIN = ['零', '零', '零', ...'一二三四五六七八九十', '二十', '三十', '二', '一', '一'];

/** `text` is half-width and trimmed. Undefined: none of the known ways to write a date. */
export function parseWrittenDate(text: string): WrittenDate | undefined {
  const separated = SEPARATED.exec(text);
  if (separated !== null) return written(separated[1], separated[3], separated[4], separated.slice(5));
  const chinese = CHINESE.exec(text);
  if (chinese !== null) return written(chinese[1], chinese[2], chinese[3], chinese.slice(4));
  const compact = COMPACT.exec(text);
  if (compact !== null) return written(compact[1], compact[2], compact[3], compact.slice(4));
  return inNumerals(text);
}

type Part = string | undefined;

function written(year: Part = '', month: Part, day: Part, time: readonly Part[]): WrittenDate {
  const short = year.length === 2;
  const clock = clockOf(time);
  return {
    year: short ? century(Number(year)) : Number(year),
    month: Number(month),
    day: Number(day),
    style: short ? 'two-digit-year' : 'plain',
    ...(clock && { clock }),
  };
}

/** Administrative licences began after 1949: 50–99 are years of the last century. */
const century = (year: number): number => (year < 50 ? 2000 + year : 1900 + year);

function clockOf([hour, minute, second, fraction = '', zone]: readonly Part[]): Clock | undefined {
  if (hour === undefined) return undefined;
  return {
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second ?? 0),
    millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
    ...(zone !== undefined && { offset: offsetMinutes(zone) }),
  };
}

function offsetMinutes(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return zone.startsWith('-') ? -minutes : minutes;
}

/** 二〇一七年三月五日, 二零一七年十二月三十一日, 贰零壹柒年零叁月伍日. */
function inNumerals(text: string): WrittenDate | undefined {
  const parts = NUMERALS.exec(text.replace(/\s/g, ''));
  if (parts === null) return undefined;
  const year = Number([...plain(parts[1] ?? '')].map((digit) => NUMERAL_DIGITS.indexOf(digit)).join(''));
  const month = smallNumber(plain(parts[2] ?? ''));
  const day = smallNumber(plain(parts[3] ?? ''));
  return month === undefined || day === undefined ? undefined : { year, month, day, style: 'numerals' };
}

const plain = (text: string): string =>
  [...text].map((letter) => NUMERAL_PLAIN[NUMERAL_FORMS.indexOf(letter)] ?? letter).join('');

/** 一 to 三十九, with or without a leading 零; also 一二 and 零三 as digits. */
function smallNumber(text: string): number | undefined {
  if (/^[零一二三四五六七八九]{1,2}$/.test(text)) {
    return Number([...text].map((digit) => NUMERAL_DIGITS.indexOf(digit)).join(''));
  }
  const parts = /^零?([一二三])?十([一二三四五六七八九])?$/.exec(text);
  if (parts === null) return undefined;
  return (
    (parts[1] === undefined ? 1 : NUMERAL_DIGITS.indexOf(parts[1])) * 10 + NUMERAL_DIGITS.indexOf(parts[2] ?? '零')
  );
}
