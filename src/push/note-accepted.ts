import type { Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import type { BatchRow } from '../store/outbox.ts';
import type { Mover } from './transition.ts';

export interface AcceptedMember {
  readonly recordId: number;
  readonly version: number;
  readonly idemKey: string;
}

/** Where no receipt for the whole batch says so, each member's acceptance is an entry of its own (docs/evidence-format.md §8). */
export async function noteAccepted(
  tx: Tx,
  batch: BatchRow,
  members: readonly AcceptedMember[],
  { actor, now, runId }: Pick<Mover, 'actor' | 'now' | 'runId'>,
): Promise<void> {
  const entries = members.map(({ recordId, version, idemKey }) => ({
    actor,
    action: 'delivery.accepted',
    platform: batch.platform,
    batchId: batch.id,
    runId,
    recordId,
    detail: { delivery: idemKey, from: 'open', to: 'accepted', version },
  }));
  if (entries.length > 0) await appendLog(tx, now(), entries);
}
