import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BATCH_TABLE,
  type BatchEvent,
  type BatchState,
  batchAfter,
  isFinal,
  MEMBER_TABLE,
  type MemberEvent,
  type MemberState,
  memberAfter,
} from '../../src/delivery/delivery-state.ts';

/** The arrows of delivery.md §1.4, written down a second time as sentences: `state event → state`. */
const BATCH_ARROWS = `
SEALED intent → SENDING
SEALED cancelled → SETTLED
SEALED recut → SPLIT
SEALED refused-alone → SETTLED
SENDING answered → SETTLED
SENDING received → RECEIVED
SENDING partial → RECEIVED
SENDING not-sent → RETRY_WAIT
SENDING refused → SPLIT
SENDING refused-alone → SETTLED
SENDING refused-too-many → HELD
SENDING contract-fault → HELD
SENDING conflict → HELD
SENDING unknown → UNKNOWN
RETRY_WAIT intent → SENDING
RETRY_WAIT recut → SPLIT
RETRY_WAIT answered → SETTLED
RETRY_WAIT received → RECEIVED
RETRY_WAIT partial → RECEIVED
RETRY_WAIT conflict → HELD
UNKNOWN answered → SETTLED
UNKNOWN received → RECEIVED
UNKNOWN refused → SPLIT
UNKNOWN refused-alone → SETTLED
UNKNOWN refused-too-many → HELD
UNKNOWN partial → RECEIVED
UNKNOWN refused → SPLIT
UNKNOWN refused-alone → SETTLED
UNKNOWN refused-too-many → HELD
UNKNOWN absent → RETRY_WAIT
UNKNOWN conflict → HELD
UNKNOWN unknown → UNKNOWN
UNKNOWN intent-same-key → SENDING
UNKNOWN overdue → HELD
UNKNOWN unaskable → HELD
RECEIVED answered → SETTLED
RECEIVED received → RECEIVED
RECEIVED refused → SPLIT
RECEIVED refused-alone → SETTLED
RECEIVED refused-too-many → HELD
RECEIVED partial → RECEIVED
RECEIVED refused → SPLIT
RECEIVED refused-alone → SETTLED
RECEIVED refused-too-many → HELD
RECEIVED unknown → RECEIVED
RECEIVED absent → UNKNOWN
RECEIVED conflict → HELD
RECEIVED overdue → HELD
SETTLED answered → SETTLED
SETTLED received → SETTLED
SETTLED partial → SETTLED
SETTLED conflict → SETTLED
HELD released → RETRY_WAIT
HELD closed-by-hand → SETTLED
HELD answered → SETTLED
HELD refused → SPLIT
HELD refused-alone → SETTLED
HELD refused-too-many → HELD
HELD received → HELD
HELD partial → HELD
HELD unknown → HELD
HELD absent → HELD
HELD conflict → HELD`;

const MEMBER_ARROWS = `
open accepted → accepted
open rejected → rejected
open conflict → conflict
open superseded → superseded
open cancelled → cancelled
accepted accepted → accepted
accepted rejected → conflict
accepted conflict → conflict
rejected rejected → rejected
rejected accepted → conflict
rejected conflict → conflict
conflict accepted → conflict
conflict rejected → conflict
conflict conflict → conflict`;

const BATCH_STATES: BatchState[] = [
  'SEALED',
  'SENDING',
  'RETRY_WAIT',
  'RECEIVED',
  'SETTLED',
  'SPLIT',
  'UNKNOWN',
  'HELD',
];
const MEMBER_STATES: MemberState[] = ['open', 'accepted', 'rejected', 'conflict', 'superseded', 'cancelled'];
const MEMBER_EVENTS: MemberEvent[] = ['accepted', 'rejected', 'conflict', 'superseded', 'cancelled'];
const BATCH_EVENTS: BatchEvent[] = [
  'intent', 'intent-same-key', 'answered', 'received', 'partial', 'refused', 'refused-alone', 'refused-too-many', 'not-sent',
  'contract-fault', 'conflict', 'unknown', 'absent', 'cancelled', 'recut', 'overdue', 'unaskable', 'released', 'closed-by-hand',
]; // biome-ignore format: a list to compare with the document

const outcome = (next: () => string): string => {
  try {
    return next();
  } catch (error) {
    return (error as { code: string }).code;
  }
};

const arrows = (text: string): Map<string, string> =>
  new Map(
    text
      .trim()
      .split('\n')
      .map((line) => line.split(' → ') as [string, string]),
  );

describe('every state × event', () => {
  const batch = arrows(BATCH_ARROWS);
  test.each(BATCH_STATES.flatMap((state) => BATCH_EVENTS.map((event) => [state, event] as const)))(
    'of a batch: %s × %s goes where the protocol says, or is DELIVERY_ILLEGAL',
    (state, event) => {
      expect(outcome(() => batchAfter(state, event))).toBe(batch.get(`${state} ${event}`) ?? 'DELIVERY_ILLEGAL');
    },
  );

  const member = arrows(MEMBER_ARROWS);
  test.each(MEMBER_STATES.flatMap((state) => MEMBER_EVENTS.map((event) => [state, event] as const)))(
    'of a member: %s × %s goes where the protocol says, or is DELIVERY_ILLEGAL',
    (state, event) => {
      expect(outcome(() => memberAfter(state, event, 'SEALED'))).toBe(
        member.get(`${state} ${event}`) ?? 'DELIVERY_ILLEGAL',
      );
    },
  );

  test('no state and no event is missing from the walk', () => {
    expect(Object.keys(BATCH_TABLE).sort()).toEqual(BATCH_STATES.toSorted());
    expect(Object.keys(MEMBER_TABLE).sort()).toEqual(MEMBER_STATES.toSorted());
    const named = new Set(Object.values(BATCH_TABLE).flatMap((row) => Object.keys(row)));
    expect([...named].sort()).toEqual(BATCH_EVENTS.toSorted());
  });
});

describe('the laws of the tables', () => {
  test('a member is cancelled or superseded only while no intent ever existed', () => {
    for (const state of BATCH_STATES.filter((candidate) => candidate !== 'SEALED')) {
      expect(outcome(() => memberAfter('open', 'cancelled', state))).toBe('DELIVERY_ILLEGAL');
      expect(outcome(() => memberAfter('open', 'superseded', state))).toBe('DELIVERY_ILLEGAL');
    }
  });

  test('bytes leave only after a definite failure, an absent, or the promise of one effect per key', () => {
    const walk = fc.array(fc.constantFrom(...BATCH_EVENTS), { maxLength: 30 });
    fc.assert(
      fc.property(walk, (events) => {
        let state: BatchState = 'SEALED';
        let mayLeave = true;
        for (const event of events) {
          const next: BatchState | undefined = BATCH_TABLE[state][event];
          if (next === undefined) continue;
          if (event === 'intent') expect(mayLeave).toBe(true);
          if (next === 'SENDING') mayLeave = false;
          if (event === 'not-sent' || event === 'absent' || event === 'released') mayLeave = true;
          state = next;
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('from everywhere but the final states a way leads to SETTLED', () => {
    const reach = (from: BatchState): Set<BatchState> => {
      const seen = new Set<BatchState>([from]);
      for (const state of seen) for (const next of Object.values(BATCH_TABLE[state])) seen.add(next);
      return seen;
    };
    for (const state of BATCH_STATES) expect(reach(state).has('SETTLED')).toBe(state !== 'SPLIT');
  });

  test('a final state is left by nothing', () => {
    for (const state of BATCH_STATES.filter(isFinal)) {
      for (const next of Object.values(BATCH_TABLE[state])) expect(next).toBe(state);
    }
    expect(BATCH_STATES.filter(isFinal)).toEqual(['SETTLED', 'SPLIT']);
  });
});
