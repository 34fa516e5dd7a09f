import { expect, test } from 'vitest';
import { downTime } from '../../src/duty/down-time.ts';
import { type OutcomeFacts, outcomeOf } from '../../src/duty/outcome.ts';

const facts = (change: Partial<OutcomeFacts> = {}): OutcomeFacts => ({
  dueAt: '2026-12-04T10:00:00.000Z',
  graceUntil: '2026-12-05T10:00:00.000Z',
  nextDueAt: '2026-12-11T10:00:00.000Z',
  triedAt: '2026-12-04T01:00:01.000Z',
  doneAt: undefined,
  closed: false,
  ...change,
});
const at = (iso: string): Date => new Date(iso);

test.each([
  ['done to the second is on time', { doneAt: '2026-12-04T10:00:00.000Z', closed: true }, 'on-time'],
  ['done after it is late', { doneAt: '2026-12-04T10:00:00.001Z', closed: true }, 'late'],
  ['done at the end of the grace is late', { doneAt: '2026-12-05T10:00:00.000Z', closed: true }, 'late'],
  ['done after the grace is overdue', { doneAt: '2026-12-05T10:00:00.001Z', closed: true }, 'overdue'],
  [
    'first tried after the next one was due is missed, though it was made good',
    { triedAt: '2026-12-11T10:00:00.000Z', doneAt: '2026-12-12T01:00:00.000Z', closed: true },
    'missed',
  ],
  ['closed without a try is missed', { triedAt: undefined, closed: true }, 'missed'],
  ['closed after a try that never got through is overdue', { closed: true }, 'overdue'],
] as const)('%s', (_, change, outcome) => {
  expect(outcomeOf(facts(change), at('2026-12-14T00:00:00Z'))).toBe(outcome);
});

test('an open period is open until it is due, then overdue, and missed when nothing was tried before the next one is due', () => {
  const open = facts({ triedAt: undefined });
  expect(outcomeOf(open, at('2026-12-04T10:00:00Z'))).toBe('open');
  expect(outcomeOf(open, at('2026-12-04T10:00:01Z'))).toBe('overdue');
  expect(outcomeOf(open, at('2026-12-11T10:00:00Z'))).toBe('missed');
  expect(outcomeOf(facts(), at('2026-12-11T10:00:00Z'))).toBe('overdue');
});

test('down time is what no process covers; a restart is none', () => {
  const span = { from: '2026-12-04T01:00:00.000Z', to: '2026-12-04T10:00:00.000Z' };
  const up = [
    { from: '2026-12-04T04:00:00.000Z', to: '2026-12-04T06:00:00.000Z' },
    { from: '2026-12-03T22:00:00.000Z', to: '2026-12-04T02:00:00.000Z' },
    { from: '2026-12-04T05:00:00.000Z', to: '2026-12-04T07:00:00.000Z' },
    { from: '2026-12-04T07:02:00.000Z', to: '2026-12-04T08:00:00.000Z' },
  ];
  expect(downTime(span, up)).toEqual([
    { from: '2026-12-04T02:00:00.000Z', to: '2026-12-04T04:00:00.000Z' },
    { from: '2026-12-04T08:00:00.000Z', to: '2026-12-04T10:00:00.000Z' },
  ]);
  expect(downTime(span, [])).toEqual([span]);
  expect(downTime(span, [{ from: '2026-12-01T00:00:00.000Z', to: '2026-12-10T00:00:00.000Z' }])).toEqual([]);
});
