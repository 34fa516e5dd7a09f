import type { Rig } from './rig.ts';

/** Steps of the protocol (delivery.md §1.10) at which a process may end. */
export type Step = 'S0' | 'S1' | 'S2' | 'S3' | 'S4' | 'S5' | 'S6' | 'S7' | 'S8' | 'S9' | 'S10' | 'S11';

/** Steps between intent and outcome, where nobody can tell what became of a batch without asking. */
export const IN_DOUBT: readonly Step[] = ['S3', 'S4', 'S5', 'S9'];

/** How far a process that was killed at any moment had come, by what it left behind. */
export async function stepReached(rig: Rig): Promise<Step> {
  const sending = await rig.rows<{ id: string; attempts: number }>(
    "SELECT id, attempts FROM batches WHERE state = 'SENDING'",
  );
  const reached = (what: 'submit' | 'answered'): boolean =>
    sending.some(({ id, attempts }) => rig.far.count(what, id) >= attempts);
  if (sending.length > 0) return reached('answered') ? 'S5' : reached('submit') ? 'S4' : 'S3';
  const [left] = await rig.rows<{
    sealed: number;
    waiting: number;
    unsigned_entries: number;
    pulling: number;
    runs: number;
  }>(
    `SELECT (SELECT COUNT(*) FROM batches WHERE state = 'SEALED' AND attempts = 0) AS sealed,
      (SELECT COUNT(*) FROM log_pending) AS waiting,
      (SELECT size FROM log_head) - (SELECT COALESCE(MAX(size), 0) FROM checkpoints) AS unsigned_entries,
      (SELECT COUNT(*) FROM runs WHERE state = 'running' AND kind = 'pull') AS pulling,
      (SELECT COUNT(*) FROM runs WHERE state = 'running') AS runs`,
  );
  if (left === undefined) throw new Error('no row');
  if (Number(left.pulling) > 0) return Number(left.waiting) > 0 ? 'S1' : 'S0';
  if (Number(left.sealed) > 0) return 'S2';
  if (Number(left.waiting) > 0) return 'S6';
  return Number(left.unsigned_entries) > 0 ? 'S7' : 'S8';
}
