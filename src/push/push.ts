import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import { NO_PUSH_COUNTS, type PushCounts } from '../run-report.ts';
import { inTransaction } from '../store/database.ts';
import { countRun, settleUnfit } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, heldToAsk, listBatches, readBatch, unsettledBatches } from '../store/outbox.ts';
import { countWithheld } from '../store/pending.ts';
import { quarantine, type Ticket } from '../store/quarantine.ts';
import { drive } from './drive.ts';
import { askObstacle, obstacle, passageNow, refusedTooMany } from './guard.ts';
import { openPageReader } from './page-reader.ts';
import type { RenderedPage } from './pending-page.ts';
import { isToSend, type Progress, type Push, stopFor } from './push-context.ts';
import { nilBatch, type ReadyBatch, readyBatches, type Stretch } from './ready-batches.ts';
import { takeStrayReceipts } from './receive.ts';
import { seal, skippedEntries } from './seal.ts';
import { advance } from './send.ts';
import { openWire, type Wire } from './wire.ts';

export interface Pushed {
  readonly counts: PushCounts;
  readonly faults: Map<string, number>;
  /** Why sending had to stop early or a batch has no result; what is sealed by then goes on with the next run. */
  readonly stopped: HubError | undefined;
  /** Everything pending was sealed or set aside; false when the run stopped before. */
  readonly sealedAll: boolean;
}

/** Rows of a listing. */
const PAGE = 1000;

/**
 * Delivers everything pending: first what earlier runs left open, then withdrawals, then the rest, until a pass finds
 * nothing more.
 */
export async function push(context: Push): Promise<Pushed> {
  const progress: Progress = {
    counts: { ...NO_PUSH_COUNTS },
    faults: new Map(),
    stopped: undefined,
    unsettled: undefined,
    moved: 0,
  };
  const begun = context.now();
  if (!context.dryRun) await followUp(context, progress);
  if (context.seals !== 'nothing') await rounds(context, progress);
  if (!context.dryRun) stopFor(await refusedTooMany(context, begun), progress);
  if (context.seals === 'all' && progress.stopped === undefined && !context.dryRun) await sendNil(context, progress);
  await countOpen(context, progress);
  const sealedAll = context.seals === 'all' && !context.dryRun && progress.stopped === undefined;
  const { counts, faults } = progress;
  return { counts, faults, stopped: progress.unsettled ?? progress.stopped, sealedAll };
}

async function rounds(context: Push, progress: Progress): Promise<void> {
  const reader = openPageReader(context, context.ahead);
  try {
    while (progress.stopped === undefined) {
      startRound(progress);
      for (const operation of ['WITHDRAW', 'UPSERT'] as const) {
        if (operation === 'UPSERT' && context.seals === 'withdrawals') continue;
        await pass(reader.pages(operation), context, progress);
        if (!context.dryRun) await awaitReceipts(context, progress);
      }
      if (progress.moved === 0 || context.dryRun) return;
    }
  } finally {
    await reader.close();
  }
}

/** The empty package of a period in which nothing was new. */
async function sendNil(context: Push, progress: Progress): Promise<void> {
  const period = await context.nil?.(progress.counts);
  const [form] = [...context.fullState, ...context.everyVersion].flatMap(context.formsOf);
  if (period === undefined || form === undefined) return;
  const { row, outgoing } = await seal(await nilBatch(form, period, context), context);
  await drive(row, outgoing, context, progress);
  await awaitReceipts(context, progress);
}

/** What a round sets aside is set aside again by the next one: only the last round's counts stand. */
function startRound(progress: Progress): void {
  progress.moved = 0;
  progress.faults.clear();
  Object.assign(progress.counts, { notForPlatform: 0, unconfirmed: 0, quarantined: 0 });
}

/**
 * Unsettled batches of earlier runs come first, oldest first, one at a time; a platform that failed is tried with the smallest.
 * What is only to be asked about goes before what is to be sent: a pause that keeps the one back must not hide the other's answer.
 */
async function followUp(context: Push, progress: Progress): Promise<void> {
  progress.stopped = await askObstacle(context);
  if (progress.stopped !== undefined) return;
  await takeStrayReceipts(context);
  const held = await heldToAsk(context.db, context.platformName, context.now());
  const open = [...(await unsettledBatches(context.db, context.platformName)), ...held];
  if (passageNow(context) === 'probe') open.sort((a, b) => a.members - b.members);
  open.sort((a, b) => Number(isToSend(a)) - Number(isToSend(b)));
  for (const batch of open) {
    if (progress.stopped !== undefined) return;
    if (isDue(batch, context)) await drive(batch, undefined, context, progress);
  }
  await awaitReceipts(context, progress);
}

/** A follow-up keeps to every batch's time; a whole push tries what may be tried. */
function isDue({ notBefore, nextAt }: BatchRow, { now, seals, platform }: Push): boolean {
  const at = now().toISOString();
  if (notBefore !== null && notBefore > at) return false;
  return seals === 'all' || platform.carried === true || nextAt === null || nextAt <= at;
}

/** Everything pending of one operation in record order: rendered, sealed, sent; at most `concurrency` batches on the wire. */
async function pass(pages: AsyncIterable<RenderedPage>, context: Push, progress: Progress): Promise<void> {
  const wire = openWire(context.concurrency);
  try {
    for await (const stretch of readyBatches(pages, context)) {
      if (progress.stopped !== undefined) break;
      await note(stretch, context, progress);
      for (const batch of stretch.batches)
        if (progress.stopped === undefined) await launch(batch, wire, context, progress);
    }
  } catch (error) {
    // What flies comes to its end, and nothing takes off any more, before the run ends with this error.
    stopFor(brokenOff(error), progress);
    await wire.drain().catch(() => undefined);
    throw error;
  }
  await wire.drain();
}

const brokenOff = (cause: unknown): HubError =>
  new HubError('PUSH_BROKEN_OFF', '报送中断 (the push was broken off)', {
    remedy: 'retry',
    fix: '下次运行会继续 (the next run goes on)',
    cause,
  });

async function note(stretch: Stretch, context: Push, progress: Progress): Promise<void> {
  const { tickets, notForPlatform, unconfirmed, faults } = stretch;
  progress.counts.notForPlatform += notForPlatform;
  progress.counts.unconfirmed += unconfirmed;
  progress.counts.quarantined += tickets.length;
  for (const [code, count] of faults) progress.faults.set(code, (progress.faults.get(code) ?? 0) + count);
  if (context.dryRun || tickets.length === 0) return;
  context.ticketOpened();
  await open(tickets, context, progress);
}

async function open(tickets: readonly Ticket[], context: Push, progress: Progress): Promise<void> {
  const { db, now, platformName: platform, actor, runId } = context;
  const every = tickets
    .filter(({ type }) => context.everyVersion.includes(type))
    .flatMap(({ recordId }) => recordId ?? []);
  await inTransaction(db, async (tx) => {
    await quarantine(tx, tickets, now());
    const unfit = await settleUnfit(tx, platform, every);
    await appendLog(tx, now(), skippedEntries(unfit, { actor, platform, runId }));
    progress.moved += unfit.length;
  });
}

async function launch(batch: ReadyBatch, wire: Wire, context: Push, progress: Progress): Promise<void> {
  context.signal.throwIfAborted();
  const { members } = batch;
  if (!context.dryRun) {
    // A probe goes alone.
    if (passageNow(context) !== 'all') await wire.drain();
    stopFor(await obstacle(context), progress);
    if (progress.stopped !== undefined) return;
  }
  progress.moved += 1;
  // Held since it was rendered: the next round makes it up without that record.
  if (!context.dryRun && members.some(({ recordId }) => context.guard.held.has(recordId))) return;
  progress.counts.sealed += members.length;
  progress.counts.withdrawn += members.filter(({ operation }) => operation === 'WITHDRAW').length;
  if (context.dryRun) return;
  const { row, outgoing } = await seal(batch, context);
  const flight = () => drive(row, outgoing, context, progress);
  if (passageNow(context) === 'all') await wire.add(flight);
  else await flight();
}

/** Asks for outstanding receipts until all are here or the run's patience is over. */
async function awaitReceipts(context: Push, progress: Progress): Promise<void> {
  const until = performance.now() + context.receiptWaitMs;
  for (let round = 1; progress.stopped === undefined; round += 1) {
    const open = await listBatches(context.db, { platform: context.platformName, states: ['RECEIVED'], limit: PAGE });
    if (open.length === 0 || performance.now() > until) return;
    if (round > 1) await pause(round, context);
    for (const batch of open.toReversed()) {
      stopFor(await askObstacle(context), progress);
      if (progress.stopped !== undefined) return;
      await advance(await readBatch(context.db, batch.seq), context);
    }
    await takeStrayReceipts(context);
  }
}

/** 0.4 s, then doubling with jitter. */
const pause = (round: number, { signal, random }: Push): Promise<void> =>
  sleep(Math.min(5000, 100 * 2 ** round) * (0.5 + random()), undefined, { signal });

/** Verdicts come from the rows, not from counting along. */
async function countOpen(context: Push, { counts }: Progress): Promise<void> {
  if (!context.dryRun) Object.assign(counts, await countRun(context.db, context.platformName, context.runId));
  counts.pending = counts.sealed + counts.notForPlatform + counts.unconfirmed + counts.quarantined;
  counts.withheld = await countWithheld(context.db, context.platformName, [
    ...context.fullState,
    ...context.everyVersion,
  ]);
  counts.unsettled = (await unsettledBatches(context.db, context.platformName)).length;
  counts.held = (
    await listBatches(context.db, { platform: context.platformName, states: ['HELD'], limit: PAGE })
  ).length;
}
