import { inTransaction, type Tx } from '../store/database.ts';
import { type MemberRow, readMembers, settleEach } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import type { BatchRow } from '../store/outbox.ts';
import { unwantedMembers } from '../store/unwanted.ts';
import type { Deliver } from './deliver.ts';
import { memberEntry } from './member-entry.ts';
import { splitBatch } from './split.ts';
import { step } from './transition.ts';

/**
 * A sealed batch of which nothing is at the platform, before it is sent (again): versions of records that are withdrawn by now are
 * cancelled where no intent ever existed; records that a person holds wait in a batch of their own; the others go on. Returns
 * false when the batch may leave as it is.
 */
export async function recut(batch: BatchRow, context: Deliver): Promise<boolean> {
  return inTransaction(context.db, async (tx) => {
    const unwanted = await unwantedMembers(tx, batch.seq, batch.tried);
    const members = await readMembers(tx, batch.seq);
    const open = members.filter(({ state }) => state === 'open');
    const cancelled = open.filter(({ recordId }) => unwanted.has(recordId));
    const held = open.filter(({ recordId }) => !unwanted.has(recordId) && context.guard.held.has(recordId));
    const rest = open.filter((member) => !cancelled.includes(member) && !held.includes(member));
    if (cancelled.length === 0 && (held.length === 0 || rest.length === 0)) return false;
    const detail = { why: '有记录须扣下或已撤下 (some records are held or withdrawn)' };
    if (held.length + rest.length === 0) {
      await cancel(tx, batch, cancelled, context);
    } else {
      const kept = [held, rest].filter((part) => part.length > 0);
      const parts = await splitBatch(tx, batch, cancelled.length > 0 ? [...kept, cancelled] : kept, context);
      const dropped = cancelled.length > 0 ? parts.at(-1) : undefined;
      if (dropped !== undefined) await cancel(tx, dropped, cancelled, context);
      await step(tx, batch, 'recut', { detail }, context);
    }
    return true;
  });
}

/** True where every member of the batch is held: it waits as a whole. */
export async function isHeld(batch: BatchRow, { db, guard }: Deliver): Promise<boolean> {
  if (guard.held.size === 0) return false;
  const open = (await readMembers(db, batch.seq)).filter(({ state }) => state === 'open');
  return open.some(({ recordId }) => guard.held.has(recordId));
}

/** Every member of the batch is cancelled. */
async function cancel(tx: Tx, batch: BatchRow, members: readonly MemberRow[], context: Deliver): Promise<void> {
  const { now } = context;
  const change = { from: 'open' as const, to: 'cancelled' as const, verdict: 'CANCELLED' };
  const changes = members.map((member) => ({ ...member, ...change }));
  await settleEach(tx, batch.seq, changes);
  const entries = changes.map((member) => memberEntry(batch, member, member, context));
  await appendLog(tx, now(), entries);
  await step(tx, batch, 'cancelled', { settledAt: now().toISOString() }, context);
}
