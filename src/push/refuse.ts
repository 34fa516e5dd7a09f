import type { MemberChange } from '../delivery/member-verdicts.ts';
import { tooMuchPoison } from '../delivery/poison.ts';
import type { Answer } from '../platform.ts';
import type { Tx } from '../store/database.ts';
import { countRefused, type MemberRow, readMembers, settleEach } from '../store/deliveries.ts';
import { type BatchRow, readBatch } from '../store/outbox.ts';
import type { Deliver } from './deliver.ts';
import { exceptions } from './reject.ts';
import { splitBatch } from './split.ts';
import { holdPeriod, wasDecided } from './too-many-refused.ts';
import { step } from './transition.ts';

const TOO_MANY =
  '同一批中被退回的记录过多，可能是映射或版式有变 (too many refusals in one batch: mapping or layout may have changed)';

type Refused = Extract<Answer, { readonly outcome: 'refused' }>;

/**
 * A whole batch was refused and nothing of it is kept (delivery.md §1.5). Records blamed by name are rejected and the rest goes on
 * in a new batch; without names it is halved; one record alone is rejected. Too much poison stops the period for a person.
 */
export async function refuse(tx: Tx, batch: BatchRow, answer: Refused, context: Deliver): Promise<BatchRow> {
  const { reason } = answer;
  const open = (await readMembers(tx, batch.seq)).filter(({ state }) => state === 'open');
  const blamed = blame(open, answer);
  const tooMany = await isTooMuch(tx, batch, blamed.length);
  if (tooMany && open.length > 1) {
    await holdPeriod(tx, batch, TOO_MANY, context);
    return step(tx, batch, 'refused-too-many', { reason, detail: { rejected: 0 } }, context);
  }
  if (tooMany) await holdPeriod(tx, batch, TOO_MANY, context);
  if (blamed.length === open.length) return reject(tx, batch, blamed, reason, context);
  const names = new Set(blamed.map(({ idemKey }) => idemKey));
  const [named, rest] = [open.filter(({ idemKey }) => names.has(idemKey)), open.filter((m) => !names.has(m.idemKey))];
  const parts = await splitBatch(tx, batch, named.length > 0 ? [rest, named] : halves(rest), context);
  const poisoned = named.length > 0 ? parts.at(-1) : undefined;
  if (poisoned !== undefined) await reject(tx, poisoned, blamed, reason, context);
  return step(tx, batch, 'refused', { reason, detail: { rejected: blamed.length } }, context);
}

/** Every record of the batch is refused. */
async function reject(
  tx: Tx,
  batch: BatchRow,
  blamed: readonly MemberChange[],
  reason: string,
  context: Deliver,
): Promise<BatchRow> {
  await settleEach(tx, batch.seq, blamed);
  await exceptions(tx, batch, blamed, context);
  const change = { reason, settledAt: context.now().toISOString(), detail: { rejected: blamed.length } };
  return step(tx, batch, 'refused-alone', change, context);
}

function blame(open: readonly MemberRow[], { rejected = [], reason }: Refused): readonly MemberChange[] {
  const [only, ...others] = open;
  const alone = only !== undefined && others.length === 0 && rejected.length === 0;
  const named = alone ? [{ idemKey: only.idemKey, code: 'BATCH_REFUSED', reason }] : rejected;
  const members = new Set(open.map(({ idemKey }) => idemKey));
  return named
    .filter(({ idemKey }) => members.has(idemKey))
    .map(({ idemKey, code, reason: why }) => ({
      idemKey,
      from: 'open' as const,
      to: 'rejected' as const,
      verdict: code,
      reason: why,
    }));
}

function halves(members: readonly MemberRow[]): MemberRow[][] {
  const half = Math.ceil(members.length / 2);
  return [members.slice(0, half), members.slice(half)];
}

/** Counted over everything that the first refused batch was halved into; a person who resumed it has decided. */
async function isTooMuch(tx: Tx, batch: BatchRow, more: number): Promise<boolean> {
  if (more === 0) return false;
  const root = batch.rootSeq === null ? batch : await readBatch(tx, batch.rootSeq);
  const poison = more + (await countRefused(tx, root.seq));
  return tooMuchPoison(poison, root.members) && !(await wasDecided(tx, batch));
}
