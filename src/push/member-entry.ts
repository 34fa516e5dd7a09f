import type { MemberChange } from '../delivery/member-verdicts.ts';
import type { LogEntry } from '../store/log.ts';
import type { BatchRow } from '../store/outbox.ts';
import type { Mover } from './transition.ts';

/** Who a member is, for the log. */
export interface LoggedMember {
  readonly recordId: number;
  readonly version: number;
}

/**
 * A member's own entry (docs/evidence-format.md §8): log and manifests alone tell where every record stands. The verdict stands in
 * it; the platform's reason may name a person, so it enters as a salted commitment only.
 */
export function memberEntry(
  batch: BatchRow,
  { recordId, version }: LoggedMember,
  { idemKey, from, to, verdict, reason }: MemberChange,
  { actor, runId }: Pick<Mover, 'actor' | 'runId'>,
): LogEntry {
  const payload = { kind: 'reason' as const, subject: idemKey, bytes: Buffer.from((reason ?? '').toWellFormed()) };
  return {
    actor,
    action: `delivery.${to}`,
    platform: batch.platform,
    batchId: batch.id,
    runId,
    recordId,
    detail: { delivery: idemKey, from, to, version, verdict: verdict.slice(0, 64).toWellFormed() },
    ...(reason === undefined ? {} : { payload }),
  };
}
