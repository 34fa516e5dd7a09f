import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../delivery/delivery-state.ts';
import { HubError } from '../errors.ts';
import type { OutgoingBatch } from '../platform.ts';
import { NO_PUSH_COUNTS, type PushCounts } from '../run-report.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { countRun, settleUnfit } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, heldToAsk, listBatches, partsOf, readBatch, unsettledBatches } from '../store/outbox.ts';
import { countWithheld } from '../store/pending.ts';
import { quarantine, type Ticket } from '../store/quarantine.ts';
import type { Deliver } from './deliver.ts';
import { askObstacle, obstacle, passageNow, refusedTooMany } from './guard.ts';
import { openPageReader } from './page-reader.ts';
import type { PendingPages, RenderedPage } from './pending-page.ts';
import type { ReaderWork } from './reader-work.ts';
import { type Batching, nilBatch, type ReadyBatch, readyBatches, type Stretch } from './ready-batches.ts';
import { takeStrayReceipts } from './receive.ts';
import { isHeld, recut } from './recut.ts';
import { type Seal, seal, skippedEntries } from './seal.ts';
import { advance, mayResend } from './send.ts';
import { openWire, type Wire } from './wire.ts';

export interface Push extends Seal, Deliver, Batching, Omit<PendingPages, 'db'> {
  readonly db: Db;
  readonly concurrency: number;
  /** ms that the run itself waits for asynchronous receipts before it leaves them to the next follow-up. */
  readonly receiptWaitMs: number;
  /** What is sealed anew: everything pending, withdrawals alone (urgent), or nothing. */
  readonly seals: 'all' | 'withdrawals' | 'nothing';
  /** Lets a thread read ahead in a long push; absent: none does. */
  readonly ahead?: ReaderWork | undefined;
  /** Render and count only; nothing is sealed or sent. */
  readonly dryRun: boolean;
  /** Asked when nothing more is left to seal: the period for which an empty package goes out (零报送). */
  readonly nil?: ((counts: PushCounts) => Promise<string | undefined>) | undefined;
  readonly onProgress?: ((counts: PushCounts) => void) | undefined;
}

export interface Pushed {
  readonly counts: PushCounts;
  readonly faults: Map<string, number>;
  /** Why sending had to stop early or a batch has no result; what is sealed by then goes on with the next run. */
  readonly stopped: HubError | undefined;
  /** Everything pending was sealed or set aside; false when the run stopped before. */
  readonly sealedAll: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Progress {
  readonly counts: Mutable<PushCounts>;
  readonly faults: Map<string, number>;
  /** Why nothing more leaves in this run; batches that are sealed wait for the next one. */
  stopped: HubError | undefined;
  /** The first batch that was left without a result. */
  unsettled: HubError | undefined;
  /** Batches sealed by the round that is going on, or something else that makes another round worth while. */
  moved: number;
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
  if (!context.dryRun) progress.stopped ??= await refusedTooMany(context, begun);
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

const isToSend = ({ state }: BatchRow): boolean => state === 'SEALED' || state === 'RETRY_WAIT';

/** A follow-up keeps to every batch's time; a whole push tries what may be tried. */
function isDue({ notBefore, nextAt }: BatchRow, { now, seals, platform }: Push): boolean {
  const at = now().toISOString();
  if (notBefore !== null && notBefore > at) return false;
  return seals === 'all' || platform.carried === true || nextAt === null || nextAt <= at;
}

/** Everything pending of one operation in record order: rendered, sealed, sent; at most `concurrency` batches on the wire. */
async function pass(pages: AsyncIterable<RenderedPage>, context: Push, progress: Progress): Promise<void> {
  const wire = openWire(context.concurrency);
  for await (const stretch of readyBatches(pages, context)) {
    if (progress.stopped !== undefined) break;
    await note(stretch, context, progress);
    for (const batch of stretch.batches)
      if (progress.stopped === undefined) await launch(batch, wire, context, progress);
  }
  await wire.drain();
}

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
    progress.stopped ??= await obstacle(context);
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

/** How often a run asks or sends one batch again before it leaves it to the next run. */
const STEPS = 6;
/** ms that a run waits for the next try of a batch; longer waits are left to the next run. */
const PATIENCE_MS = 5000;

/** Sends a batch and follows it until it is settled, held, received, or this run can do no more for it. */
async function drive(
  batch: BatchRow,
  outgoing: OutgoingBatch | undefined,
  context: Push,
  progress: Progress,
): Promise<void> {
  let now = batch;
  let sealed = outgoing;
  let tried = false;
  for (let step = 0; step < STEPS; step += 1) {
    if (!(await mayGoOn(now, step, sealed !== undefined, context, progress))) break;
    const asked = now.state === 'UNKNOWN';
    now = await advance(now, context, sealed);
    sealed = undefined;
    tried = true;
    // What certainly did not arrive is tried again by the next run, in its retry window.
    if (isAtRest(now, context) || (now.state === 'RETRY_WAIT' && !asked)) break;
  }
  progress.counts.batches += 1;
  if (isToSend(now)) now = await readBatch(context.db, now.seq);
  if (now.state === 'SPLIT') await driveParts(now, context, progress);
  else if (tried && now.state !== 'SETTLED' && now.state !== 'RECEIVED' && !waitsForCarrier(now, context))
    progress.unsettled ??= stopReason(now);
  context.onProgress?.(progress.counts);
}

const isAtRest = (batch: BatchRow, context: Push): boolean =>
  ['SETTLED', 'SPLIT', 'HELD', 'RECEIVED'].includes(batch.state) || waitsForCarrier(batch, context);

/** False when nothing more may be done for a batch now. `fresh`: just sealed by this run. */
async function mayGoOn(
  batch: BatchRow,
  step: number,
  fresh: boolean,
  context: Push,
  progress: Progress,
): Promise<boolean> {
  if (progress.stopped !== undefined) return false;
  const sends = isToSend(batch);
  // A fresh batch too: it waited for its turn on the wire, and much may have been decided meanwhile.
  if (batch.state !== 'SENDING') progress.stopped ??= await (sends ? obstacle(context) : askObstacle(context));
  if (progress.stopped !== undefined) return false;
  const asSealed = fresh && context.guard.held.size === 0;
  if (sends && !asSealed && ((await recut(batch, context)) || (await isHeld(batch, context)))) return false;
  if (sends && !mayResend(batch, context)) return false;
  return step === 0 || rest(batch, context);
}

/** Waits until the batch's next try, if that is soon. */
async function rest({ nextAt }: BatchRow, { now, signal }: Push): Promise<boolean> {
  const ms = nextAt === null ? 0 : Date.parse(nextAt) - now().getTime();
  if (ms > PATIENCE_MS) return false;
  if (ms > 0) await sleep(ms, undefined, { signal });
  return true;
}

/** It lies ready for people or a medium to carry it: nothing failed, nothing to ask again now. */
const waitsForCarrier = ({ state }: BatchRow, { platform }: Push): boolean =>
  platform.carried === true && state === 'UNKNOWN';

async function driveParts(parent: BatchRow, context: Push, progress: Progress): Promise<void> {
  for (const part of await partsOf(context.db, parent)) {
    if (progress.stopped === undefined && !isFinal(part.state)) await drive(part, undefined, context, progress);
  }
}

function stopReason(batch: BatchRow): HubError {
  const why = batch.reason ?? batch.state;
  if (batch.state === 'HELD') {
    return new HubError('BATCH_HELD', `批次 ${batch.id} 已暂停，等待人工处理：${why} (held for a person)`, {
      remedy: 'ask-platform',
      fix: `请与接收平台 ${batch.platform} 核对该批次，查看 hub batches ${batch.id}，再用 hub batches release 或 close 决定 (clear this batch with the platform, then release or close it)`,
    });
  }
  return new HubError('PLATFORM_UNSETTLED', `批次 ${batch.id} 未有结果：${why} (batch ${batch.state})`, {
    remedy: 'retry',
    fix: '无需重发：下次运行会先查询再续报；若持续失败请检查平台地址、口令和网络 (the next run asks first, then goes on; if it keeps failing, check address, token and network)',
  });
}

/** Asks for outstanding receipts until all are here or the run's patience is over. */
async function awaitReceipts(context: Push, progress: Progress): Promise<void> {
  const until = performance.now() + context.receiptWaitMs;
  for (let round = 1; progress.stopped === undefined; round += 1) {
    const open = await listBatches(context.db, { platform: context.platformName, states: ['RECEIVED'], limit: PAGE });
    if (open.length === 0 || performance.now() > until) return;
    if (round > 1) await pause(round, context);
    for (const batch of open.toReversed()) {
      progress.stopped ??= await askObstacle(context);
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
