import type { MemberChange } from '../delivery/member-verdicts.ts';
import { poisonShare, tooMuchPoison } from '../delivery/poison.ts';
import type { Tx } from '../store/database.ts';
import { countRun, type MemberRow } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, readBatch } from '../store/outbox.ts';
import { pausedSince, pauseOnce } from '../store/stops.ts';
import type { Deliver } from './deliver.ts';

type Teller = Pick<Deliver, 'actor' | 'now' | 'runId'>;

/**
 * The platform took the batch and refused records one by one. More than a fifth of the batch, or of everything answered of the run
 * that sealed it, stops the platform for a person, as a batch refused whole does (delivery.md §1.5).
 */
export async function stopWhereRefused(
  tx: Tx,
  batch: BatchRow,
  { members, changes }: { readonly members: readonly MemberRow[]; readonly changes: readonly MemberChange[] },
  context: Teller,
): Promise<void> {
  const fresh = changes.filter(({ to }) => to === 'rejected').length;
  if (fresh === 0) return;
  const own = fresh + members.filter(({ state }) => state === 'rejected').length;
  const told = await tooMany(tx, batch, own);
  if (told === undefined || (await wasDecided(tx, batch))) return;
  const { refused, answered } = told;
  await holdPeriod(
    tx,
    batch,
    `${answered} 条中退回 ${refused} 条，可能是映射或版式有变 (${refused} of ${answered} records refused: mapping or layout may have changed)`,
    context,
  );
}

interface Refusals {
  readonly refused: number;
  readonly answered: number;
}

/** The run is counted only where the batch itself is that bad but too small to tell: counting it is dear, and some batch must be. */
async function tooMany(tx: Tx, batch: BatchRow, own: number): Promise<Refusals | undefined> {
  const { members, platform, runId } = batch;
  if (!poisonShare(own, members)) return undefined;
  if (tooMuchPoison(own, members)) return { refused: own, answered: members };
  const { accepted, rejected } = await countRun(tx, platform, runId);
  const answered = accepted + rejected;
  return tooMuchPoison(rejected, answered) ? { refused: rejected, answered } : undefined;
}

/** Was the platform stopped for refusals since this batch, or what it was cut from, was sealed? Then a person has decided. */
export async function wasDecided(tx: Tx, batch: BatchRow): Promise<boolean> {
  const root = batch.rootSeq === null ? batch : await readBatch(tx, batch.rootSeq);
  return pausedSince(tx, batch.platform, root.sealedAt);
}

/** Nothing more leaves for the platform until a person resumes it; the alarm reads the pause. */
export async function holdPeriod(
  tx: Tx,
  { platform, period, id: batchId }: BatchRow,
  reason: string,
  { actor, now, runId }: Teller,
): Promise<void> {
  if (!(await pauseOnce(tx, platform, { kind: 'poison', period, actor, reason, now: now() }))) return;
  const detail = { reason, period };
  await appendLog(tx, now(), [{ actor, action: 'platform.paused', platform, batchId, runId, detail }]);
}
