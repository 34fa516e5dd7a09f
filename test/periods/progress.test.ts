import { expect, test } from 'vitest';
import { progressOf } from '../../src/periods/period-progress.ts';
import type { PlatformSpec } from '../../src/platform-spec.ts';
import type { PeriodBatch } from '../../src/store/period-facts.ts';
import type { PeriodRow } from '../../src/store/periods.ts';

const row = (change: Partial<PeriodRow> = {}): PeriodRow =>
  ({ sealedAt: '2026-12-04T01:00:05.000Z', nilAt: null, nilKind: null, ...change }) as PeriodRow;

const batch = (change: Partial<PeriodBatch>): PeriodBatch => ({
  seq: 1,
  id: 'a',
  state: 'SETTLED',
  members: 1,
  sentAt: '2026-12-04T01:00:01.000Z',
  triedAt: '2026-12-04T01:00:01.000Z',
  receivedAt: '2026-12-04T01:00:02.000Z',
  settledAt: '2026-12-04T03:00:00.000Z',
  receiptId: 'r',
  reason: null,
  ...change,
});

const received = batch({ state: 'RECEIVED', settledAt: null });
const unknown = batch({ state: 'UNKNOWN', receivedAt: null, settledAt: null });
const held = batch({ state: 'HELD', receivedAt: null, settledAt: null });

const at = (doneWhen: PlatformSpec['doneWhen'], use: 'http' | 'excel' = 'http') =>
  ({ use, doneWhen }) as unknown as PlatformSpec;

test('done means received unless the platform says otherwise', () => {
  expect(progressOf(row(), [received], undefined).doneAt).toBe('2026-12-04T01:00:02.000Z');
  expect(progressOf(row(), [batch({})], at('received')).doneAt).toBe('2026-12-04T01:00:02.000Z');
  expect(progressOf(row(), [received], at('answered'))).toMatchObject({ doneAt: undefined, active: 1 });
  expect(progressOf(row(), [batch({})], at('answered')).doneAt).toBe('2026-12-04T03:00:00.000Z');
});

test('the last batch decides when a period is done, and one on the way keeps it open', () => {
  const later = batch({ receivedAt: '2026-12-04T05:00:00.000Z' });
  expect(progressOf(row(), [batch({}), later], at('received')).doneAt).toBe('2026-12-04T05:00:00.000Z');
  expect(progressOf(row(), [batch({}), unknown], at('received'))).toMatchObject({ doneAt: undefined, active: 1 });
  expect(progressOf(row({ sealedAt: null }), [batch({})], at('received')).doneAt).toBeUndefined();
});

test('a file that lies ready for a person is handed over; an unknown outcome on the wire is not', () => {
  expect(progressOf(row(), [unknown], at('handed-over', 'excel')).doneAt).toBe('2026-12-04T01:00:01.000Z');
  expect(progressOf(row(), [unknown], at('handed-over')).doneAt).toBeUndefined();
});

test('a held batch stands beside the outcome, but a period of which all is held is not done', () => {
  expect(progressOf(row(), [batch({}), held], at('received'))).toMatchObject({
    doneAt: '2026-12-04T01:00:02.000Z',
    held: 1,
    active: 0,
  });
  expect(progressOf(row(), [held], at('received'))).toMatchObject({ doneAt: undefined, held: 1, active: 0 });
});

test('a split batch counts by its parts, and a nil statement is its own completion', () => {
  const parent = batch({ state: 'SPLIT', receivedAt: null, settledAt: null, triedAt: '2026-12-04T01:00:00.000Z' });
  expect(progressOf(row(), [parent, batch({})], at('received'))).toMatchObject({
    triedAt: '2026-12-04T01:00:00.000Z',
    doneAt: '2026-12-04T01:00:02.000Z',
  });
  const nil = row({ nilKind: 'report', nilAt: '2026-12-04T01:00:05.000Z' });
  expect(progressOf(nil, [], at('received'))).toMatchObject({ triedAt: nil.nilAt, doneAt: nil.nilAt });
});
