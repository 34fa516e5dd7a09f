import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeTables, tableText } from '../../src/calendar/calendar-table.ts';
import { coverageFault } from '../../src/calendar/coverage-fault.ts';
import { addDays, isoWeek, weekday } from '../../src/calendar/day.ts';
import { readCalendar } from '../../src/calendar/read-calendar.ts';
import { missingHolidays } from '../../src/calendar/statutory.ts';
import {
  addWorkdays,
  coverageOf,
  nextWorkday,
  previousWorkday,
  workCalendar,
  workdaysBetween,
} from '../../src/calendar/work-calendar.ts';
import { yearView } from '../../src/calendar/year-view.ts';
import { calendar } from '../support/hub.ts';
import { isWorkday2024to2026 } from './notices.ts';

const file = (content: unknown) => ({
  content: content as never,
  fault: (pointer: readonly (string | number)[], zh: string, en: string) => ({ where: pointer.join('.'), zh, en }),
});

test('every day of 2024 to 2026 is worked or off as the notices say', () => {
  const wrong: string[] = [];
  for (let day = '2024-01-01'; day <= '2026-12-31'; day = addDays(day, 1))
    if (calendar.isWorkday(day) !== isWorkday2024to2026(day)) wrong.push(day);
  expect(wrong).toEqual([]);
});

test('nationally 2024 has 251 work days, 2025 and 2026 have 248', () => {
  const national = workCalendar({ years: [], days: [] }, 'national');
  expect([2024, 2025, 2026].map((year) => yearView(national, year).workdays)).toEqual([251, 248, 248]);
});

test('in Guangxi the three years have 741 work days', () => {
  expect([2024, 2025, 2026].reduce((sum, year) => sum + yearView(calendar, year).workdays, 0)).toBe(741);
});

test('seven work days after 18 September 2026 is 29 September: a make-up Sunday counts and the festival does not', () => {
  expect(addWorkdays(calendar, '2026-09-18', 7)).toBe('2026-09-29');
});

test('a regional day off goes before a national make-up day', () => {
  const national = workCalendar({ years: [], days: [] }, 'national');
  expect([national.isWorkday('2023-04-23'), calendar.isWorkday('2023-04-23')]).toEqual([true, false]);
  expect(calendar.nameOf('2026-04-17')).toBe('壮族三月三');
});

test('a year without data is named, never taken for ordinary weeks', () => {
  expect([2026, 2027, 2028].map((year) => calendar.coverage(year))).toEqual(['covered', 'provisional', 'no-data']);
  expect(coverageOf(calendar, '2026-12-31', '2028-01-01')).toBe('no-data');
  expect(coverageFault('no-data', '2028')).toMatchObject({ level: 'error', code: 'CALENDAR_MISSING' });
  expect(coverageFault('provisional', '2027')).toMatchObject({ level: 'warning', code: 'CALENDAR_PROVISIONAL' });
  expect(coverageFault('covered', '2026')).toBeUndefined();
});

test('a year of the national data whose 三月三 nobody entered is provisional in Guangxi', () => {
  expect(calendar.coverage(2022)).toBe('provisional');
  expect(calendar.coverage(2013)).toBe('covered');
});

test('confirming a provisional year drops what was guessed of it and keeps the region’s own guess', () => {
  const source = '放假通知';
  const fresh = {
    years: [{ year: 2027, scope: 'national', state: 'confirmed', source }] as const,
    days: [{ date: '2027-02-14', kind: 'work', scope: 'national', name: '春节调休', source }] as const,
  };
  const merged = workCalendar(mergeTables(calendar.table, fresh));
  expect(merged.isWorkday('2027-02-12')).toBe(true);
  expect(merged.isWorkday('2027-02-14')).toBe(true);
  expect(merged.isWorkday('2027-04-09')).toBe(false);
  expect(merged.coverage(2027)).toBe('provisional');
  const local = { years: [{ ...fresh.years[0], scope: 'guangxi' as const }], days: [] };
  expect(workCalendar(mergeTables(merged.table, local)).coverage(2027)).toBe('covered');
});

test('a table written to its file reads back the same', () => {
  expect(readCalendar(file(JSON.parse(tableText(calendar.table))))).toEqual({ table: calendar.table, faults: [] });
});

test('every fault of a calendar file is told at once', () => {
  const day = { date: '2027-02-30', kind: 'holiday', scope: 'guangxi', name: '', source: 'x', extra: 1 };
  const good = { date: '2027-04-09', kind: 'off', scope: 'guangxi', name: '三月三', source: 'x' };
  const { table, faults } = readCalendar(file({ years: [{ year: 1 }], days: [day, good, good], more: true }));
  expect(table.days).toEqual([]);
  expect(faults.map(({ where }) => where)).toEqual([
    'more',
    'years.0.year',
    'years.0',
    'years.0',
    'years.0',
    'days.0',
    'days.0.date',
    'days.0.kind',
    'days.0.name',
    'days.2',
  ]);
});

const year2027 = { year: 2027, scope: 'national', state: 'confirmed', source: '放假通知' };
const off = (date: string, name: string) => ({ date, kind: 'off', scope: 'national', name, source: '放假通知' });
const faultsOf = (days: unknown[]) => readCalendar(file({ years: [year2027], days })).faults.map(({ en }) => en);

test('a year is confirmed only with its whole notice: every holiday that the law names', () => {
  expect(faultsOf([off('2027-01-01', '元旦'), off('2027-10-01', '国庆节')])).toEqual([
    'a year is confirmed with its whole notice; these would become work days: 春节 2027-02-05 2027-02-08; 清明节 2027-04-05; 劳动节 2027-05-01 2027-05-02; 端午节 2027-06-09; 中秋节 2027-09-15',
  ]);
  const whole = ['01-01', '02-05', '02-08', '04-05', '06-09', '09-15', '10-01'].map((day) => off(`2027-${day}`, '假'));
  expect(faultsOf(whole)).toEqual([expect.stringMatching(/: 劳动节 2027-05-01 2027-05-02$/)]);
  expect(faultsOf([...whole, off('2027-05-03', '劳动节')])).toEqual([]);
  expect(
    faultsOf([...whole.slice(0, 1), ...whole.slice(2), off('2027-05-03', '劳动节'), off('2027-02-09', '春节')]),
  ).toEqual([expect.stringMatching(/: 春节 2027-02-05$/)]);
});

test('the days that the law names are off in every notice that the national data has', () => {
  const days = (from: string, to: string): string[] => (from > to ? [] : [from, ...days(addDays(from, 1), to)]);
  const national = workCalendar({ years: [], days: [] }, 'national');
  for (const year of [2016, 2018, 2020, 2021, 2023, 2024, 2025, 2026]) {
    const entered = days(`${year}-01-01`, `${year}-12-31`)
      .filter((day) => !national.isWorkday(day))
      .map((date) => ({ date, name: '' }));
    expect(missingHolidays(year, entered)).toEqual([]);
  }
});

test('the notice that the documentation shows is accepted', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/duties.md'), 'utf8');
  const shown = /```json\n([^`]+)```/.exec(text)?.[1] ?? '';
  expect(readCalendar(file(JSON.parse(shown))).faults).toEqual([]);
});

const anyDay = fc.integer({ min: 0, max: 1095 }).map((n) => addDays('2024-01-01', n));

test('previous and next work day are the nearest ones by a search of its own', () => {
  const search = (day: string, step: number): string => {
    const at = new Date(`${day}T00:00:00Z`);
    do at.setUTCDate(at.getUTCDate() + step);
    while (!isWorkday2024to2026(at.toISOString().slice(0, 10)));
    return at.toISOString().slice(0, 10);
  };
  const inside = fc.integer({ min: 30, max: 1060 }).map((n) => addDays('2024-01-01', n));
  fc.assert(
    fc.property(inside, (day) => {
      expect([previousWorkday(calendar, day), nextWorkday(calendar, day)]).toEqual([search(day, -1), search(day, 1)]);
    }),
  );
});

test('adding work days and counting them are inverse', () => {
  const inside = fc.integer({ min: 0, max: 900 }).map((n) => addDays('2024-01-01', n));
  fc.assert(
    fc.property(inside, fc.integer({ min: 1, max: 40 }), (day, n) => {
      const then = addWorkdays(calendar, day, n);
      expect(workdaysBetween(calendar, day, then)).toBe(n);
      expect(workdaysBetween(calendar, then, day)).toBe(-n);
    }),
  );
});

test('week days and ISO weeks agree with another way to count them', () => {
  fc.assert(
    fc.property(anyDay, (day) => {
      const date = new Date(`${day}T00:00:00Z`);
      expect(weekday(day)).toBe(((date.getUTCDay() + 6) % 7) + 1);
      date.setUTCDate(date.getUTCDate() + 3 - ((date.getUTCDay() + 6) % 7));
      const days = (date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 4)) / 86_400_000;
      const first = (new Date(Date.UTC(date.getUTCFullYear(), 0, 4)).getUTCDay() + 6) % 7;
      const week = 1 + Math.round((days - 3 + first) / 7);
      expect(isoWeek(day)).toBe(`${date.getUTCFullYear()}-W${String(week).padStart(2, '0')}`);
    }),
  );
  expect(isoWeek('2027-01-01')).toBe('2026-W53');
  expect(isoWeek('2028-02-29')).toBe('2028-W09');
});
