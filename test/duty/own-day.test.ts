import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDays } from '../../src/calendar/day.ts';
import { nominalOf, nominalPeriods } from '../../src/duty/nominal-days.ts';
import { type DayRule, ownDay } from '../../src/duty/own-day.ts';
import { forecast, planDuty } from '../../src/duty/plan.ts';
import type { Duty } from '../../src/job/job.ts';
import { isWorkday2024to2026 } from '../calendar/notices.ts';
import { calendar } from '../support/hub.ts';

const rule = (change: Partial<DayRule> = {}): DayRule => ({ every: 'friday', whenOff: 'previous-workday', ...change });
const own = (friday: string, change: Partial<DayRule> = {}): string => ownDay(friday, rule(change), calendar).day;
const duty: Duty = {
  basis: '实施方案七(三)',
  every: 'friday',
  start: '09:00',
  due: '18:00',
  grace: '1d',
  goLive: '2024-01-01',
};
const context = { calendar, zone: 'Asia/Shanghai' };

/** Fridays off → previous work day, next work day, next one with make-up Sundays. */
const FRIDAYS_OFF = {
  '2024-02-16': ['2024-02-19', '2024-02-19', '2024-02-18'],
  '2024-04-05': ['2024-04-03', '2024-04-08', '2024-04-07'],
  '2024-04-12': ['2024-04-10', '2024-04-15', '2024-04-15'],
  '2024-05-03': ['2024-04-30', '2024-05-06', '2024-05-06'],
  '2024-10-04': ['2024-09-30', '2024-10-08', '2024-10-08'],
  '2025-01-31': ['2025-01-27', '2025-02-05', '2025-02-05'],
  '2025-04-04': ['2025-04-03', '2025-04-07', '2025-04-07'],
  '2025-05-02': ['2025-04-30', '2025-05-06', '2025-05-06'],
  '2025-10-03': ['2025-09-30', '2025-10-09', '2025-10-09'],
  '2026-01-02': ['2025-12-31', '2026-01-05', '2026-01-04'],
  '2026-02-20': ['2026-02-14', '2026-02-24', '2026-02-24'],
  '2026-04-17': ['2026-04-16', '2026-04-21', '2026-04-21'],
  '2026-05-01': ['2026-04-30', '2026-05-06', '2026-05-06'],
  '2026-06-19': ['2026-06-18', '2026-06-22', '2026-06-22'],
  '2026-09-25': ['2026-09-24', '2026-09-28', '2026-09-28'],
  '2026-10-02': ['2026-09-30', '2026-10-08', '2026-10-08'],
} as const;

test.each(Object.entries(FRIDAYS_OFF))('Friday %s is moved as the rule says', (friday, [previous, next, sunday]) => {
  expect(own(friday)).toBe(previous);
  expect(own(friday, { whenOff: 'next-workday' })).toBe(next);
  expect(own(friday, { whenOff: 'next-workday', makeUpSunday: true })).toBe(sunday);
  expect(own(friday, { whenOff: 'same-day' })).toBe(friday);
});

test('every other Friday of 2024 to 2026 stands', () => {
  const moved = nominalPeriods('friday', '2024-01-01', '2026-12-31')
    .map(({ nominal }) => nominal)
    .filter((friday) => own(friday) !== friday);
  expect(moved).toEqual(Object.keys(FRIDAYS_OFF));
});

test('a Friday whose work day before is the own day of the period before goes to the next one', () => {
  expect(ownDay('2024-02-16', rule(), calendar)).toEqual({
    day: '2024-02-19',
    moved: { rule: 'next-workday', holiday: '春节' },
    coverage: 'covered',
  });
  expect(own('2024-02-16', { makeUpSunday: true })).toBe('2024-02-18');
  expect([own('2027-02-05'), own('2027-02-12')]).toEqual(['2027-02-04', '2027-02-15']);
});

test('what decides a day is named, and how certain its year is', () => {
  expect(ownDay('2026-10-02', rule(), calendar)).toEqual({
    day: '2026-09-30',
    moved: { rule: 'previous-workday', holiday: '国庆节' },
    coverage: 'covered',
  });
  expect(ownDay('2027-04-09', rule(), calendar)).toMatchObject({
    moved: { holiday: '壮族三月三' },
    coverage: 'provisional',
  });
  expect(ownDay('2028-01-07', rule(), calendar)).toEqual({ day: '2028-01-07', coverage: 'no-data' });
});

test('own days strictly increase, lie on work days and are the nearest that the rule allows, by code of its own', () => {
  const works = (day: string, sunday: boolean): boolean =>
    isWorkday2024to2026(day) && (sunday || new Date(`${day}T00:00:00Z`).getUTCDay() !== 0);
  const shift = (day: string, n: number): string =>
    new Date(Date.parse(`${day}T00:00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
  fc.assert(
    fc.property(fc.boolean(), (makeUpSunday) => {
      let before = '2024-01-05';
      for (let friday = '2024-01-12'; friday < '2026-12-20'; friday = shift(friday, 7)) {
        let back = friday;
        while (back !== friday ? !works(back, makeUpSunday) : !isWorkday2024to2026(back)) back = shift(back, -1);
        let forth = shift(friday, 1);
        while (!works(forth, makeUpSunday)) forth = shift(forth, 1);
        const expected = back > before ? back : forth;
        expect(own(friday, { makeUpSunday })).toBe(expected);
        before = expected;
      }
    }),
    { numRuns: 2 },
  );
});

test('a week with 53 and a leap day keep their names', () => {
  const names = planDuty(duty, '2026-12-25', '2027-01-08', context).map(({ period, nominal, day }) => [
    period,
    nominal,
    day,
  ]);
  expect(names).toEqual([
    ['2026-W52', '2026-12-25', '2026-12-25'],
    ['2026-W53', '2027-01-01', '2026-12-31'],
    ['2027-W01', '2027-01-08', '2027-01-08'],
  ]);
});

test('a period’s name leads back to its nominal day', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3000 }), (weeks) => {
      const nominal = addDays('2000-01-07', weeks * 7);
      const [period] = nominalPeriods('friday', nominal, nominal);
      expect(nominalOf(period?.period ?? '')).toEqual({ every: 'friday', nominal });
    }),
  );
  expect(nominalOf('2026-11')).toEqual({ every: 'month', nominal: '2026-11-30' });
  expect(['2026-13', '2026-W54', '2025-W53', 'friday'].map(nominalOf)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('a monthly duty falls on the last day of the month, moved like any other', () => {
  const monthly = planDuty({ ...duty, every: 'month' }, '2026-01-31', '2026-05-31', context);
  expect(monthly.map(({ period, day }) => `${period} ${day}`)).toEqual([
    '2026-01 2026-01-30',
    '2026-02 2026-02-28',
    '2026-03 2026-03-31',
    '2026-04 2026-04-30',
    '2026-05 2026-05-29',
  ]);
});

test('a plan has its instants in the time zone of the hub, whatever the host’s', () => {
  const [plan] = planDuty(duty, '2026-12-04', '2026-12-04', context);
  expect(plan).toMatchObject({
    plannedAt: new Date('2026-12-04T01:00:00Z'),
    dueAt: new Date('2026-12-04T10:00:00Z'),
    graceUntil: new Date('2026-12-05T10:00:00Z'),
    nextDueAt: new Date('2026-12-11T10:00:00Z'),
  });
});

test('a forecast names the rule and the holiday, and starts when the duty goes live', () => {
  const lines = forecast(
    { name: 'push-p', duty: { ...duty, goLive: '2026-09-28' } },
    { from: '2026-09-01', to: '2026-10-09' },
    context,
  );
  expect(lines).toEqual([
    {
      duty: 'push-p',
      period: '2026-W40',
      nominal: '2026-10-02',
      planned: '2026-09-30 09:00',
      due: '2026-09-30 18:00',
      movedBy: '国庆节 (previous-workday)',
      calendar: 'covered',
    },
    {
      duty: 'push-p',
      period: '2026-W41',
      nominal: '2026-10-09',
      planned: '2026-10-09 09:00',
      due: '2026-10-09 18:00',
      movedBy: null,
      calendar: 'covered',
    },
  ]);
});
