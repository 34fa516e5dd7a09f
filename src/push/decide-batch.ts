import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { hasLaterDelivery, readMembers, settleEach } from '../store/deliveries.ts';
import { type BatchRow, batchById } from '../store/outbox.ts';
import type { Word } from '../store/stops.ts';
import { noteAccepted } from './note-accepted.ts';
import { exceptions } from './reject.ts';
import { step } from './transition.ts';

/** What a person found on the platform's own screen, or heard from it. */
export type Finding = 'accepted' | 'rejected';

/** A person says that the platform does not have a held batch: it is sent again, word for word. Throws HubError BATCH_…. */
export async function releaseBatch(db: Db, id: string, word: Word): Promise<BatchRow> {
  return inTransaction(db, async (tx) => {
    const batch = await held(tx, id);
    if (await hasLaterDelivery(tx, batch.seq)) throw overtaken(batch);
    return step(tx, batch, 'released', { reason: word.reason, detail: { why: word.reason } }, mover(batch, word));
  });
}

/** A person closes a held batch with what became of the members that are still open; the reason names the evidence. */
export async function closeBatch(
  db: Db,
  id: string,
  word: Word & { readonly finding: Finding; readonly divisionOf: (job: string) => string },
): Promise<BatchRow> {
  const { finding, reason, now } = word;
  return inTransaction(db, async (tx) => {
    const batch = await held(tx, id);
    const open = (await readMembers(tx, batch.seq)).filter(({ state }) => state === 'open');
    const changes = open.map(({ idemKey }) => ({
      idemKey,
      from: 'open' as const,
      to: finding,
      verdict: 'BY_HAND',
      reason,
    }));
    await settleEach(tx, batch.seq, changes);
    const by = mover(batch, word);
    await exceptions(tx, batch, changes, { ...by, divisionOf: word.divisionOf, ticketOpened: () => {} });
    if (finding === 'accepted') await noteAccepted(tx, batch, { members: open, changes }, by);
    const detail = { [finding]: open.length, why: reason };
    return step(tx, batch, 'closed-by-hand', { reason, settledAt: now.toISOString(), detail }, by);
  });
}

const mover = ({ epoch, runId }: BatchRow, { actor, now }: Word) => ({ epoch, runId, actor, now: () => now });

async function held(tx: Tx, id: string): Promise<BatchRow> {
  const batch = await batchById(tx, id);
  if (batch?.state === 'HELD') return batch;
  throw new HubError('BATCH_FREE', `批次 ${id} 并未等待人工处理 (this batch does not wait for a person)`, {
    remedy: 'give-up',
    fix: '用 hub batches 查看状态为 HELD 的批次 (see hub batches for those that are HELD)',
  });
}

const overtaken = ({ id }: BatchRow): HubError =>
  new HubError(
    'BATCH_OVERTAKEN',
    `批次 ${id} 中有记录此后已报送更新的版本或撤下 (later versions of its records were sent since)`,
    {
      remedy: 'give-up',
      fix: '不可再发旧版本；请在平台核对后用 hub batches close 结案 (an older version is never sent after a newer one: close the batch instead)',
    },
  );
