/**
 * How a period ended (delivery.md §1.8). 待报 open · 按期 on-time: done by `due` · 补报 late: by `due + grace` ·
 * 逾期 overdue: after it, or still open · 未报 missed: nothing tried before the next period was due.
 */
export type Outcome = 'open' | 'on-time' | 'late' | 'overdue' | 'missed';

/** Instants are UTC text, which compares as time. */
export interface OutcomeFacts {
  readonly dueAt: string;
  readonly graceUntil: string;
  readonly nextDueAt: string;
  /** The first byte that left for it, or the statement that there was nothing to send. */
  readonly triedAt: string | undefined;
  /** All that could leave had reached what the duty wants (`doneWhen`). */
  readonly doneAt: string | undefined;
  /** Nothing more will be tried for it. */
  readonly closed: boolean;
}

export function outcomeOf(facts: OutcomeFacts, now: Date): Outcome {
  const { dueAt, graceUntil, nextDueAt, triedAt, doneAt, closed } = facts;
  const at = now.toISOString();
  if (doneAt !== undefined && doneAt <= dueAt) return 'on-time';
  const overForGood = closed || at >= nextDueAt;
  if (triedAt === undefined ? overForGood : triedAt >= nextDueAt) return 'missed';
  if (doneAt !== undefined) return doneAt <= graceUntil ? 'late' : 'overdue';
  return at <= dueAt && !closed ? 'open' : 'overdue';
}

export const OUTCOME_WORDS: { readonly [outcome in Outcome]: string } = {
  open: '待报',
  'on-time': '按期',
  late: '补报',
  overdue: '逾期',
  missed: '未报',
};
