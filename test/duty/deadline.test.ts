import { expect, test } from 'vitest';
import { addDays } from '../../src/calendar/day.ts';
import { deadlineOf, isLate, longPast, planBreaks, SEVEN_WORKDAYS, standingOf } from '../../src/duty/deadline.ts';
import { planDuty } from '../../src/duty/plan.ts';
import { newestWindow, opensToday, retryWindows, windowName } from '../../src/duty/retry-windows.ts';
import type { Duty } from '../../src/job/job.ts';
import { isWorkday2024to2026 } from '../calendar/notices.ts';
import { calendar } from '../support/hub.ts';

const context = { calendar, zone: 'Asia/Shanghai' };
const duty: Duty = {
  basis: '实施方案七(三)',
  every: 'friday',
  start: '09:00',
  due: '18:00',
  grace: '1d',
  goLive: '2024-01-01',
};

const deadline = (decidedOn: string): string => deadlineOf(decidedOn, SEVEN_WORKDAYS, calendar).day;

test.each(['previous-workday', 'next-workday'] as const)(
  'the weekly push by %s breaks no T+7 on any of the 741 work days of 2024 to 2026',
  (whenOff) => {
    const pushes = planDuty({ ...duty, whenOff }, '2024-01-01', '2027-01-31', context).map(({ day }) => day);
    let decisions = 0;
    const broken: string[] = [];
    for (let day = '2024-01-01'; day <= '2026-12-31'; day = addDays(day, 1)) {
      if (!isWorkday2024to2026(day)) continue;
      decisions += 1;
      // What is decided on the day of a push comes in that night and leaves with the next one.
      const leaves = pushes.find((push) => push > day) ?? '9999-12-31';
      if (planBreaks(deadline(day), { today: day, planned: leaves })) broken.push(`${day} leaves ${leaves}`);
    }
    expect({ decisions, broken }).toEqual({ decisions: 741, broken: [] });
  },
);

test('if one Friday fails, a decision of Monday is due on the Wednesday after, so the next Friday breaks it', () => {
  expect(deadline('2026-11-30')).toBe('2026-12-09');
  expect(planBreaks('2026-12-09', { today: '2026-12-05', planned: '2026-12-11' })).toBe(true);
  expect(planBreaks('2026-12-09', { today: '2026-12-05', planned: '2026-12-07' })).toBe(false);
  expect(planBreaks('2026-12-09', { today: '2026-12-10', planned: '2026-12-11' })).toBe(false);
});

test('a deadline says its legal source and how certain its years are', () => {
  expect(deadlineOf('2026-09-18', SEVEN_WORKDAYS, calendar)).toEqual({
    day: '2026-09-29',
    basis: '发改办财金〔2018〕424号',
    coverage: 'covered',
  });
  expect(deadlineOf('2026-12-28', { workdays: 20, basis: '国务院令第777号' }, calendar).coverage).toBe('provisional');
  expect(deadlineOf('2028-01-03', SEVEN_WORKDAYS, calendar).coverage).toBe('no-data');
});

test('a record is safe with two work days to spare, tight with less or without a plan, late after its deadline', () => {
  const stands = (planned: string | undefined, today = '2026-12-01') =>
    standingOf('2026-12-09', { today, planned }, calendar);
  expect(stands('2026-12-04')).toBe('safe');
  expect(stands('2026-12-07')).toBe('safe');
  expect(stands('2026-12-08')).toBe('tight');
  expect(stands('2026-12-11')).toBe('tight');
  expect(stands(undefined)).toBe('tight');
  expect(stands('2026-12-11', '2026-12-10')).toBe('late');
  expect([isLate('2026-12-09', '2026-12-09'), isLate('2026-12-09', '2026-12-10')]).toEqual([false, true]);
});

test('a decision of long ago is late without asking for its calendar', () => {
  expect(longPast('2003-05-01', SEVEN_WORKDAYS, '2026-11-24')).toBe(true);
  expect(longPast('2026-11-02', SEVEN_WORKDAYS, '2026-11-24')).toBe(false);
});

test('retry windows open at 08:30 and 14:00 of work days only', () => {
  const windows = retryWindows(new Date('2026-09-24T01:00:00Z'), new Date('2026-09-28T02:00:00Z'), context);
  // Friday 25 September 2026 is the Mid-Autumn Festival.
  expect(windows.map((at) => at.toISOString())).toEqual(['2026-09-24T06:00:00.000Z', '2026-09-28T00:30:00.000Z']);
});

test('a failed period is tried in the windows up to its deadline, then again from the next period on', () => {
  const bounds = {
    plannedAt: new Date('2026-12-04T01:00:00Z'),
    deadline: '2026-12-08',
    nextPlannedAt: new Date('2026-12-11T01:00:00Z'),
  };
  const newest = (iso: string) => newestWindow(bounds, new Date(iso), context)?.toISOString();
  expect(newest('2026-12-04T00:59:00Z')).toBeUndefined();
  expect(newest('2026-12-04T01:00:00Z')).toBe('2026-12-04T01:00:00.000Z');
  expect(newest('2026-12-06T03:00:00Z')).toBe('2026-12-04T06:00:00.000Z');
  expect(newest('2026-12-07T01:00:00Z')).toBe('2026-12-07T00:30:00.000Z');
  expect(newest('2026-12-10T03:00:00Z')).toBe('2026-12-08T06:00:00.000Z');
  expect(newest('2026-12-11T01:00:00Z')).toBe('2026-12-11T01:00:00.000Z');
  expect(newest('2026-12-14T01:00:00Z')).toBe('2026-12-14T00:30:00.000Z');
});

test('a window has one name until the next one opens, and none opens on a holiday', () => {
  const name = (iso: string) => windowName(new Date(iso), context);
  expect(name('2026-10-05T04:00:00Z')).toBe(name('2026-09-30T06:00:00Z'));
  expect(name('2026-10-08T00:30:00Z')).not.toBe(name('2026-10-08T00:29:59Z'));
  expect(opensToday(calendar, 'Asia/Shanghai', new Date('2026-10-05T04:00:00Z'))).toBeUndefined();
  expect(opensToday(calendar, 'Asia/Shanghai', new Date('2026-10-08T04:00:00Z'))).toEqual(
    new Date('2026-10-08T00:30:00Z'),
  );
});
