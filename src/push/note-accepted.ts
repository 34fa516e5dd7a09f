import type { MemberChange } from '../delivery/member-verdicts.ts';
import type { Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import type { BatchRow } from '../store/outbox.ts';
import { type LoggedMember, memberEntry } from './member-entry.ts';
import type { Mover } from './transition.ts';

/** Where no receipt for the whole batch says so, each member's acceptance is an entry of its own (docs/evidence-format.md §8). */
export async function noteAccepted(
  tx: Tx,
  batch: BatchRow,
  accepted: { readonly members: readonly (LoggedMember & { readonly idemKey: string })[]; readonly changes: Changes },
  by: Pick<Mover, 'actor' | 'now' | 'runId'>,
): Promise<void> {
  const byKey = new Map(accepted.changes.filter(({ to }) => to === 'accepted').map((one) => [one.idemKey, one]));
  const entries = accepted.members.flatMap((member) => {
    const change = byKey.get(member.idemKey);
    return change === undefined ? [] : [memberEntry(batch, member, change, by)];
  });
  if (entries.length > 0) await appendLog(tx, by.now(), entries);
}

type Changes = readonly MemberChange[];
