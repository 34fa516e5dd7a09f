import { sha256 } from '../canonical.ts';
import { backoffS } from '../delivery/backoff.ts';
import type { BatchEvent } from '../delivery/delivery-state.ts';
import { judge, type MemberChange } from '../delivery/member-verdicts.ts';
import type { Answer, Evidence, QueryAnswer, Verdict } from '../platform.ts';
import type { Tx } from '../store/database.ts';
import { readMembers, settleEach, settleOpen } from '../store/deliveries.ts';
import type { BatchRow } from '../store/outbox.ts';
import { markReceipt } from '../store/receipts.ts';
import type { Deliver } from './deliver.ts';
import { noteAccepted } from './note-accepted.ts';
import { refuse } from './refuse.ts';
import { exceptions } from './reject.ts';
import { stopWhereRefused } from './too-many-refused.ts';
import { step } from './transition.ts';

type Observed = Answer | QueryAnswer;
type Answered = Extract<Answer, { readonly outcome: 'answered' }>;

/** What an observation makes of a batch and its members (delivery.md §1.4): one row of the table below per kind of answer. */
export async function apply(tx: Tx, batch: BatchRow, answer: Observed, context: Deliver): Promise<BatchRow> {
  // What came by itself before has settled it; an answer that says less changes nothing.
  if (batch.state === 'SETTLED' && !('receiptId' in answer) && answer.outcome !== 'conflict') return batch;
  const mark = 'receiptId' in answer ? await markReceipt(tx, batch, answer, context.now()) : 'new';
  if (mark === 'contradicts') return conflict(tx, batch, OTHER_CONTENT, context);
  if (mark === 'known' && batch.state === 'SETTLED') return batch;
  if (answer.outcome === 'answered') return settle(tx, batch, answer, context);
  if (answer.outcome === 'partial') return settlePart(tx, batch, answer, context);
  if (answer.outcome === 'received') return wait(tx, batch, answer, context);
  if (answer.outcome === 'refused') return refuse(tx, batch, answer, context);
  if (answer.outcome === 'absent') return absent(tx, batch, context);
  if (answer.outcome === 'conflict') return conflict(tx, batch, answer.reason, context);
  if (answer.outcome === 'contract-fault') {
    return step(tx, batch, 'contract-fault', { reason: answer.reason, detail: { why: answer.reason } }, context);
  }
  return unsure(tx, batch, answer, context);
}

/** Every member has its verdict. The usual case, all accepted, is one statement and reads nothing. */
async function settle(
  tx: Tx,
  batch: BatchRow,
  { receiptId, verdicts, evidence }: Answered,
  context: Deliver,
): Promise<BatchRow> {
  const settledAt = context.now().toISOString();
  const fresh = batch.state !== 'SETTLED' && batch.state !== 'HELD';
  const allGood = fresh && verdicts.every(({ outcome }) => outcome === 'accepted');
  const accepted = allGood ? await settleOpen(tx, batch.seq, 'accepted', 'OK') : 0;
  const judged = accepted === batch.members ? NO_EXCEPTIONS : await judgeNow(tx, batch, verdicts, context);
  if (batch.state === 'SETTLED' && judged.conflicts === 0) return batch;
  const { open: _, ...counts } = judged;
  const detail = { ...counts, accepted: accepted + judged.accepted, ...hashed(evidence) };
  return step(tx, batch, 'answered', { receiptId, settledAt, reason: null, detail }, context);
}

const NO_EXCEPTIONS = { accepted: 0, rejected: 0, conflicts: 0, open: 0 };

/** Verdict by verdict against the members as they stand; what is plainly accepted goes in one statement. */
async function judgeNow(tx: Tx, batch: BatchRow, verdicts: readonly Verdict[], context: Deliver) {
  const members = await readMembers(tx, batch.seq);
  const { changes, open } = judge(members, verdicts, batch.state);
  const plain = (change: MemberChange): boolean => open === 0 && change.to === 'accepted';
  const rest = changes.filter((change) => !plain(change));
  await settleEach(tx, batch.seq, rest);
  if (rest.length < changes.length) await settleOpen(tx, batch.seq, 'accepted', 'OK');
  await exceptions(tx, batch, rest, context);
  await noteAccepted(tx, batch, { members, changes: rest }, context);
  await stopWhereRefused(tx, batch, { members, changes }, context);
  const count = (to: string): number => changes.filter((change) => change.to === to).length;
  return { accepted: count('accepted'), rejected: count('rejected'), conflicts: count('conflict'), open };
}

/** The receipt names some of the members; the others are asked for, or come with another receipt. */
async function settlePart(
  tx: Tx,
  batch: BatchRow,
  { receiptId, verdicts, reason, evidence }: Extract<Answer, { outcome: 'partial' }>,
  context: Deliver,
): Promise<BatchRow> {
  const { open, ...counts } = await judgeNow(tx, batch, verdicts, context);
  const detail = { ...counts, ...hashed(evidence) };
  if (open === 0) {
    const settledAt = context.now().toISOString();
    return step(tx, batch, 'answered', { receiptId, settledAt, reason: null, detail }, context);
  }
  if (isOverdue(batch, context) && batch.state === 'RECEIVED') return overdue(tx, batch, reason, context);
  const nextAt = later(context, context.terms.queryable ? POLL_S : null);
  return step(tx, batch, 'partial', { receiptId, nextAt, reason, detail: { ...detail, why: reason } }, context);
}

const POLL_S = 60;

async function wait(
  tx: Tx,
  batch: BatchRow,
  { receiptId, evidence }: Extract<Answer, { outcome: 'received' }>,
  context: Deliver,
): Promise<BatchRow> {
  const reason = '平台收下后未在期限内给出结果 (taken, but no result came in time)';
  if (batch.state === 'RECEIVED' && isOverdue(batch, context)) return overdue(tx, batch, reason, context);
  const change = { receiptId, nextAt: later(context, POLL_S), detail: hashed(evidence) };
  return step(tx, batch, 'received', change, context);
}

/** `absent` right after sending may only mean that the platform has not looked yet (F22). */
async function absent(tx: Tx, batch: BatchRow, context: Deliver): Promise<BatchRow> {
  if (batch.state === 'HELD')
    return step(tx, batch, 'absent', { reason: batch.reason, nextAt: lateLook(context) }, context);
  const believedAt = Date.parse(batch.lastSentAt ?? batch.sealedAt) + context.terms.querySettleMs;
  if (batch.state === 'RECEIVED' || context.now().getTime() >= believedAt)
    return step(tx, batch, 'absent', { nextAt: later(context, 0) }, context);
  const reason = '平台称未收到，尚在观察期内 (absent, but still within querySettle)';
  return step(tx, batch, 'unknown', { reason, nextAt: new Date(believedAt).toISOString() }, context);
}

/** Other bytes under our key: whatever is still open is neither there nor not there. */
async function conflict(tx: Tx, batch: BatchRow, reason: string, context: Deliver): Promise<BatchRow> {
  const open = (await readMembers(tx, batch.seq)).filter(({ state }) => state === 'open');
  const changes = open.map(({ idemKey }) => ({
    idemKey,
    from: 'open' as const,
    to: 'conflict' as const,
    verdict: 'CONFLICT',
    reason,
  }));
  await settleEach(tx, batch.seq, changes);
  await exceptions(tx, batch, changes, context);
  return step(tx, batch, 'conflict', { reason, detail: { conflicts: open.length, why: reason } }, context);
}

const OTHER_CONTENT = '同一回执号先后给出不同内容 (the same receipt number came with other content)';

/** Nothing was sent, or nobody can tell. */
async function unsure(
  tx: Tx,
  batch: BatchRow,
  answer: Extract<Observed, { outcome: 'not-sent' | 'unknown' }>,
  context: Deliver,
): Promise<BatchRow> {
  const { reason } = answer;
  const asks = batch.state === 'UNKNOWN' || batch.state === 'RECEIVED';
  if (asks && isOverdue(batch, context)) return overdue(tx, batch, reason, context);
  const asked = 'retryAfterS' in answer ? answer.retryAfterS : undefined;
  const notBefore = asked === undefined ? doubted(batch, context) : later(context, asked);
  const nextAt = notBefore ?? (batch.state === 'HELD' ? lateLook(context) : nextTry(batch, answer.outcome, context));
  const change = { reason, nextAt, notBefore, detail: { why: reason } };
  return step(tx, batch, eventOf(batch, answer.outcome), change, context);
}

/** A batch that a receipt has reached already is at the platform, whatever its own request came to. */
const eventOf = (batch: BatchRow, outcome: 'not-sent' | 'unknown'): BatchEvent =>
  batch.state === 'RECEIVED' ? 'unknown' : outcome;

function nextTry(batch: BatchRow, outcome: 'not-sent' | 'unknown', context: Deliver): string {
  if (batch.state === 'SENDING' && outcome === 'unknown') return later(context, context.random() * 0.4);
  if (outcome === 'not-sent') return later(context, backoffS(batch.attempts, context.random));
  // Asking costs little: first soon, then as long again as it has been unknown.
  const age = (context.now().getTime() - Date.parse(batch.lastSentAt ?? batch.sealedAt)) / 1000;
  return later(context, Math.min(900, Math.max(1, age)) * context.random());
}

/** A batch that another holder left on the wire: unless it is certainly dead, it may still be emitting (delivery.md §1.9). */
function doubted({ state, epoch }: BatchRow, { lease, epoch: ours, now }: Deliver): string | null {
  if (state !== 'SENDING' || epoch >= ours || lease.doubtMs === 0) return null;
  return new Date(Math.max(now().getTime(), lease.takenAt.getTime() + lease.doubtMs)).toISOString();
}

const overdue = (tx: Tx, batch: BatchRow, reason: string, context: Deliver): Promise<BatchRow> =>
  step(tx, batch, 'overdue', { reason, nextAt: lateLook(context), detail: { why: reason } }, context);

/** Since it last went out: what came back unsent, or was found absent, was no time of waiting for an answer. */
const isOverdue = ({ lastSentAt, sealedAt }: BatchRow, { now, terms }: Deliver): boolean =>
  now().getTime() - Date.parse(lastSentAt ?? sealedAt) > terms.answerWithinMs;

const LATE_LOOK_S = 6 * 3600;

/** A held batch is still asked about now and then: a late answer is as good as one in time. */
const lateLook = (context: Deliver): string | null => later(context, context.terms.queryable ? LATE_LOOK_S : null);

function later({ now }: Deliver, seconds: number): string;
function later({ now }: Deliver, seconds: number | null): string | null;
function later({ now }: Deliver, seconds: number | null): string | null {
  return seconds === null ? null : new Date(now().getTime() + seconds * 1000).toISOString();
}

/** Of the receipt's exact bytes. */
const hashed = ({ bytes }: Evidence): { readonly receiptHash?: string } =>
  bytes === undefined ? {} : { receiptHash: sha256(bytes) };
