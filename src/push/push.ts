import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import type { OutgoingBatch } from '../platform.ts';
import type { Operation } from '../record.ts';
import type { PushCounts } from '../run-report.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { type BatchRow, countRun, listBatches, unsettledBatches } from '../store/outbox.ts';
import { countWithheld } from '../store/pending.ts';
import { quarantine, type Ticket } from '../store/quarantine.ts';
import { advance, type Deliver, isOpen } from './deliver.ts';
import { nilBatch, type ReadyBatch, type ReadyBatches, readyBatches, type Stretch } from './ready-batches.ts';
import { type Seal, seal } from './seal.ts';

export interface Push extends Seal, Deliver, Omit<ReadyBatches, 'db'> {
  readonly db: Db;
  readonly concurrency: number;
  /** ms that the run itself waits for asynchronous receipts before it leaves them to the next follow-up. */
  readonly receiptWaitMs: number;
  /** Follow up what is open, seal nothing new. */
  readonly followUpOnly: boolean;
  /** Render and count only; nothing is sealed or sent. */
  readonly dryRun: boolean;
  /** Asked when nothing more is left to seal: the period for which an empty package goes out (零报送). */
  readonly nil?: ((counts: PushCounts) => Promise<string | undefined>) | undefined;
  readonly onProgress?: ((counts: PushCounts) => void) | undefined;
}

export interface Pushed {
  readonly counts: PushCounts;
  readonly faults: Map<string, number>;
  /** Why sending had to stop early; what is sealed by then goes on with the next run. */
  readonly stopped: HubError | undefined;
  /** Everything pending was sealed or set aside; false when the run stopped before. */
  readonly sealedAll: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Progress {
  readonly counts: Mutable<PushCounts>;
  readonly faults: Map<string, number>;
  /** Why sending stopped; batches that are sealed wait for the next run. */
  stopped: HubError | undefined;
  /** Batches sealed by the round that is going on. */
  sealedNow: number;
}

/** Rows of a listing. */
const PAGE = 1000;

/**
 * Delivers everything pending: first what earlier runs left open, then withdrawals, then the rest, until a pass finds
 * nothing more.
 */
export async function push(context: Push): Promise<Pushed> {
  const progress: Progress = { counts: noCounts(), faults: new Map(), stopped: undefined, sealedNow: 0 };
  if (!context.dryRun) await followUp(context, progress);
  while (!context.followUpOnly && progress.stopped === undefined) {
    startRound(progress);
    for (const operation of ['WITHDRAW', 'UPSERT'] as const) {
      await pass(operation, context, progress);
      if (!context.dryRun) await awaitReceipts(context, progress);
    }
    if (progress.sealedNow === 0 || context.dryRun) break;
  }
  if (progress.stopped === undefined && !context.dryRun) await sendNil(context, progress);
  await countOpen(context, progress);
  const sealedAll = !context.followUpOnly && !context.dryRun && progress.stopped === undefined;
  return { ...progress, sealedAll };
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
  progress.sealedNow = 0;
  progress.faults.clear();
  Object.assign(progress.counts, { notForPlatform: 0, unconfirmed: 0, quarantined: 0 });
}

const noCounts = (): Mutable<PushCounts> => ({
  pending: 0,
  notForPlatform: 0,
  withheld: 0,
  unconfirmed: 0,
  quarantined: 0,
  sealed: 0,
  accepted: 0,
  rejected: 0,
  withdrawn: 0,
  batches: 0,
  unsettled: 0,
  held: 0,
});

/** Unsettled batches of earlier runs come first, oldest first, one at a time. */
async function followUp(context: Push, progress: Progress): Promise<void> {
  for (const batch of await unsettledBatches(context.db, context.platformName)) {
    if (progress.stopped !== undefined) return;
    if (batch.notBefore !== null && batch.notBefore > context.now().toISOString())
      progress.stopped = askedToWait(batch);
    else await drive(batch, undefined, context, progress);
  }
  await awaitReceipts(context, progress);
}

/** Everything pending of one operation in record order: rendered, sealed, sent; at most `concurrency` batches on the wire. */
async function pass(operation: Operation, context: Push, progress: Progress): Promise<void> {
  const wire = openWire(context.concurrency);
  for await (const stretch of readyBatches(operation, context)) {
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
  await open(tickets, context);
}

const open = (tickets: readonly Ticket[], { db, now }: Push): Promise<void> =>
  inTransaction(db, (tx) => quarantine(tx, tickets, now()));

async function launch(batch: ReadyBatch, wire: Wire, context: Push, progress: Progress): Promise<void> {
  context.signal.throwIfAborted();
  const { members } = batch;
  progress.sealedNow += 1;
  progress.counts.sealed += members.length;
  progress.counts.withdrawn += members.filter(({ operation }) => operation === 'WITHDRAW').length;
  if (context.dryRun) return;
  const { row, outgoing } = await seal(batch, context);
  await wire.add(() => drive(row, outgoing, context, progress));
}

interface Wire {
  readonly add: (work: () => Promise<void>) => Promise<void>;
  /** Waits for everything under way; throws the first failure. */
  readonly drain: () => Promise<void>;
}

/** At most `most` batches on the wire. */
function openWire(most: number): Wire {
  const flying = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const drain = async (): Promise<void> => {
    await Promise.all(flying);
    if (failures.length > 0) throw failures[0];
  };
  const add = async (work: () => Promise<void>): Promise<void> => {
    while (flying.size >= most) await Promise.race(flying);
    if (failures.length > 0) await drain();
    const flight = work()
      .catch((error: unknown) => void failures.push(error))
      .finally(() => flying.delete(flight));
    flying.add(flight);
  };
  return { add, drain };
}

/** How often a run asks or sends one batch again before it leaves it to the next run. */
const STEPS = 6;

/** Sends a batch and follows it until it is settled, held, received, or this run can do no more for it. */
async function drive(
  batch: BatchRow,
  outgoing: OutgoingBatch | undefined,
  context: Push,
  progress: Progress,
): Promise<void> {
  if (progress.stopped !== undefined) return;
  let now = batch;
  for (let step = 0; step < STEPS && isOpen(now); step += 1) {
    if (step > 0) await pause(step, context);
    const before = now;
    now = await advance(now, context, outgoing);
    if (now.state === 'RECEIVED' || (now.state === 'RETRY_WAIT' && before.state !== 'UNKNOWN')) break;
    if (waitsForCarrier(now, context)) break;
  }
  progress.counts.batches += 1;
  if (now.state === 'SPLIT') await driveHalves(now, context, progress);
  else if (now.state !== 'SETTLED' && now.state !== 'RECEIVED' && !waitsForCarrier(now, context))
    progress.stopped ??= stopReason(now);
  context.onProgress?.(progress.counts);
}

/** It lies ready for people or a medium to carry it: nothing failed, nothing to ask again now. */
const waitsForCarrier = ({ state }: BatchRow, { platform }: Push): boolean =>
  platform.carried === true && state === 'UNKNOWN';

/** 0.2 s, then doubling with jitter: the platform may still be working on what it did not answer. */
const pause = (step: number, { signal }: Push): Promise<void> =>
  sleep(Math.min(5000, 100 * 2 ** step) * (0.5 + Math.random()), undefined, { signal });

async function driveHalves(parent: BatchRow, context: Push, progress: Progress): Promise<void> {
  const halves = (await unsettledBatches(context.db, context.platformName)).filter(
    ({ parentId }) => parentId === parent.id,
  );
  for (const half of halves) if (progress.stopped === undefined) await drive(half, undefined, context, progress);
}

function stopReason(batch: BatchRow): HubError {
  const why = batch.reason ?? batch.state;
  if (batch.state === 'HELD') {
    return new HubError('BATCH_HELD', `批次 ${batch.id} 已暂停，等待人工处理：${why} (held for a person)`, {
      remedy: 'ask-platform',
      fix: `请与接收平台 ${batch.platform} 核对该批次，查看 hub batches ${batch.id} (clear this batch with the platform)`,
    });
  }
  return new HubError('PLATFORM_UNSETTLED', `批次 ${batch.id} 未有结果：${why} (batch ${batch.state})`, {
    remedy: 'retry',
    fix: '无需重发：下次运行会先查询再续报；若持续失败请检查平台地址、口令和网络 (the next run asks first, then goes on; if it keeps failing, check address, token and network)',
  });
}

const askedToWait = (batch: BatchRow): HubError =>
  new HubError('PLATFORM_BUSY', `接收平台 ${batch.platform} 要求 ${batch.notBefore} 之后再来 (asked us to wait)`, {
    remedy: 'retry',
    fix: '到时会自动续报 (it goes on by itself then)',
  });

/** Asks for outstanding receipts until all are here or the run's patience is over. */
async function awaitReceipts(context: Push, progress: Progress): Promise<void> {
  const until = performance.now() + context.receiptWaitMs;
  for (let round = 1; progress.stopped === undefined; round += 1) {
    const open = await listBatches(context.db, { platform: context.platformName, states: ['RECEIVED'], limit: PAGE });
    if (open.length === 0 || performance.now() > until) return;
    if (round > 1) await pause(round, context);
    for (const batch of open.toReversed()) await advance(batch, context);
  }
}

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
