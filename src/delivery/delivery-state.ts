import { HubError } from '../errors.ts';
import type { Answer, QueryAnswer } from '../platform.ts';

/**
 * Where a sealed batch stands. SETTLED and SPLIT are final; HELD waits for a person.
 * SEALED is the only state in which no intent to send ever existed.
 */
export type BatchState = 'SEALED' | 'SENDING' | 'RETRY_WAIT' | 'RECEIVED' | 'SETTLED' | 'SPLIT' | 'UNKNOWN' | 'HELD';

/**
 * What was observed of a batch. The outcomes of `Platform.send` and `Platform.query` are events as they stand; besides:
 * `intent` – the intent to send is committed, no byte has left;
 * `intent-same-key` – the same under the platform's promise of one effect per key, without asking first;
 * `refused-alone` – every record of the batch is refused by name, or the only one was refused: they are rejected;
 * `refused-too-many` – so many refusals that the mapping or schema must be wrong, not the data;
 * `cancelled` – every member was cancelled before any intent;
 * `recut` – some members must not leave now: the others go on in a batch of their own, nothing of this one is at the platform;
 * `overdue` – its deadline passed and nobody can tell;
 * `unaskable` – the platform can neither be asked nor does it promise one effect per key;
 * `released`, `closed-by-hand` – what a person decided about a held batch.
 */
export type BatchEvent =
  | Answer['outcome']
  | QueryAnswer['outcome']
  | 'intent'
  | 'intent-same-key'
  | 'refused-alone'
  | 'refused-too-many'
  | 'cancelled'
  | 'recut'
  | 'overdue'
  | 'unaskable'
  | 'released'
  | 'closed-by-hand';

/** Where one member stands at a platform. Everything but `open` is final, except that a contradiction makes it `conflict`. */
export type MemberState = 'open' | 'accepted' | 'rejected' | 'conflict' | 'superseded' | 'cancelled';

/** What was observed of one member; `superseded` and `cancelled` only while its batch is SEALED. */
export type MemberEvent = Exclude<MemberState, 'open'>;

type Table<State extends string, Event extends string> = {
  readonly [S in State]: { readonly [E in Event]?: State };
};

/** state × event → state (delivery.md §1.4). An absent cell is the fault DELIVERY_ILLEGAL. */
export const BATCH_TABLE: Table<BatchState, BatchEvent> = {
  // `refused-alone`: cut from a batch whose refusal named these records.
  SEALED: { intent: 'SENDING', cancelled: 'SETTLED', recut: 'SPLIT', 'refused-alone': 'SETTLED' },
  SENDING: {
    answered: 'SETTLED',
    received: 'RECEIVED',
    partial: 'RECEIVED',
    'not-sent': 'RETRY_WAIT',
    refused: 'SPLIT',
    'refused-alone': 'SETTLED',
    'refused-too-many': 'HELD',
    'contract-fault': 'HELD',
    conflict: 'HELD',
    unknown: 'UNKNOWN',
  },
  RETRY_WAIT: {
    intent: 'SENDING',
    recut: 'SPLIT',
    // Said to be absent, and a receipt comes all the same: it is there, and must not be sent again.
    answered: 'SETTLED',
    received: 'RECEIVED',
    partial: 'RECEIVED',
    conflict: 'HELD',
  },
  UNKNOWN: {
    answered: 'SETTLED',
    received: 'RECEIVED',
    partial: 'RECEIVED',
    // A receipt of the package check: taken in transport, refused as a whole.
    refused: 'SPLIT',
    'refused-alone': 'SETTLED',
    'refused-too-many': 'HELD',
    absent: 'RETRY_WAIT',
    conflict: 'HELD',
    unknown: 'UNKNOWN',
    'intent-same-key': 'SENDING',
    overdue: 'HELD',
    unaskable: 'HELD',
  },
  RECEIVED: {
    answered: 'SETTLED',
    received: 'RECEIVED',
    partial: 'RECEIVED',
    refused: 'SPLIT',
    'refused-alone': 'SETTLED',
    'refused-too-many': 'HELD',
    unknown: 'RECEIVED',
    // It gave a receipt and now knows of nothing: its word no longer counts, ask again before believing either.
    absent: 'UNKNOWN',
    conflict: 'HELD',
    overdue: 'HELD',
  },
  // The same receipt once more, or a late one: the members' table finds contradictions.
  SETTLED: { answered: 'SETTLED', received: 'SETTLED', partial: 'SETTLED', conflict: 'SETTLED' },
  SPLIT: {},
  HELD: {
    released: 'RETRY_WAIT',
    'closed-by-hand': 'SETTLED',
    // A late answer is as good as one in time; anything less leaves it with the person.
    answered: 'SETTLED',
    refused: 'SPLIT',
    'refused-alone': 'SETTLED',
    'refused-too-many': 'HELD',
    received: 'HELD',
    partial: 'HELD',
    unknown: 'HELD',
    absent: 'HELD',
    conflict: 'HELD',
  },
};

/** state × event → state. A repeated verdict changes nothing; a contradicting one is never believed. */
export const MEMBER_TABLE: Table<MemberState, MemberEvent> = {
  open: {
    accepted: 'accepted',
    rejected: 'rejected',
    conflict: 'conflict',
    superseded: 'superseded',
    cancelled: 'cancelled',
  },
  accepted: { accepted: 'accepted', rejected: 'conflict', conflict: 'conflict' },
  rejected: { rejected: 'rejected', accepted: 'conflict', conflict: 'conflict' },
  conflict: { accepted: 'conflict', rejected: 'conflict', conflict: 'conflict' },
  superseded: {},
  cancelled: {},
};

/** The batch's next state; throws HubError DELIVERY_ILLEGAL where the table has no such cell. */
export function batchAfter(state: BatchState, event: BatchEvent): BatchState {
  return BATCH_TABLE[state][event] ?? illegal('batch', state, event);
}

/**
 * The member's next state; throws HubError DELIVERY_ILLEGAL where the table has no such cell, and for
 * `superseded` and `cancelled` once its batch has left SEALED: the platform may have it by then.
 */
export function memberAfter(state: MemberState, event: MemberEvent, batch: BatchState): MemberState {
  const needsNoIntent = event === 'superseded' || event === 'cancelled';
  if (needsNoIntent && batch !== 'SEALED') return illegal(`member of a ${batch} batch`, state, event);
  return MEMBER_TABLE[state][event] ?? illegal('member', state, event);
}

/** True where no event of a platform or of time changes the batch any more. */
export const isFinal = (state: BatchState): boolean => state === 'SETTLED' || state === 'SPLIT';

function illegal(what: string, state: string, event: string): never {
  throw new HubError(
    'DELIVERY_ILLEGAL',
    `状态 ${state} 下不允许事件 ${event} (${what}: no ${event} in state ${state})`,
    {
      remedy: 'give-up',
      fix: '报送状态与观察到的事件矛盾，请保留数据库并报告开发者 (state and event contradict; keep the database and report it)',
    },
  );
}
