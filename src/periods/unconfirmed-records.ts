import type { Hub } from '../hub-context.ts';
import type { Confirmation } from '../store/confirmations.ts';
import type { ByDivision } from '../store/periods.ts';
import { confirmedBy } from './confirmation.ts';
import { pendingRecords } from './pending-records.ts';
import type { DutyJob } from './period-context.ts';

/** Sound records kept by `createdUntil` that wait for nothing but their division's yes, per division. */
export async function unconfirmedRecords(
  hub: Hub,
  job: DutyJob,
  { said, createdUntil }: { readonly said: readonly Confirmation[]; readonly createdUntil: string },
): Promise<ByDivision> {
  const waiting = new Map<string, number>();
  for await (const { division, rendered } of pendingRecords(hub, {
    job,
    createdUntil,
    confirmed: confirmedBy(job, said),
  }))
    if (rendered.fate === 'unconfirmed') waiting.set(division, (waiting.get(division) ?? 0) + 1);
  return Object.fromEntries(waiting);
}
