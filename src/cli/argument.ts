import { InvalidArgumentError } from 'commander';
import { nominalOf } from '../duty/nominal-days.ts';

/** A whole number from 1. */
export function positive(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('请写正整数 (write a whole number from 1)');
}

/** A local date `YYYY-MM-DD` that exists. */
export function localDate(text: string): string {
  const exists = /^\d{4}-\d\d-\d\d$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.startsWith(text);
  if (exists) return text;
  throw new InvalidArgumentError('请写日期，例如 2026-11-27 (write a date such as 2026-11-27)');
}

/** A year of our time. */
export function calendarYear(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1990 && value <= 2100) return value;
  throw new InvalidArgumentError('请写年份，例如 2027 (write a year such as 2027)');
}

/** `2026-W48` or `2026-11`. */
export function periodName(text: string): string {
  if (nominalOf(text) !== undefined) return text;
  throw new InvalidArgumentError('请写期次，例如 2026-W48 或 2026-11 (write a period such as 2026-W48 or 2026-11)');
}
