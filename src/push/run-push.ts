import { alwaysTry, type MayTryNow } from '../delivery/backoff.ts';
import { windowName } from '../duty/retry-windows.ts';
import { anchored } from '../evidence/anchor.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { confirmedBy } from '../periods/confirmation.ts';
import { type Served, servePeriod } from '../periods/serve-period.ts';
import { openPlatform } from '../platforms/index.ts';
import { type Ending, ending, pushHead } from '../run-ending.ts';
import type { RunOptions } from '../run-options.ts';
import type { PushCounts, RunReport } from '../run-report.ts';
import type { KeptLease } from '../store/lease-keeper.ts';
import type { Lease } from '../store/leases.ts';
import { countOpen } from '../store/quarantine.ts';
import { openVault } from '../store/vault.ts';
import { askObstacle, openGuard } from './guard.ts';
import { push } from './push.ts';
import type { Push } from './push-context.ts';
import { takeStrayReceipts } from './receive.ts';
import { type RenderPlan, rendering, renderPlan } from './rendering.ts';
import { termsOf } from './terms.ts';
import { endPublicity, takeNotices, type Withdraw } from './withdraw.ts';

/** A run and the lease under which it delivers. */
export interface HeldRun {
  readonly run: number;
  readonly lease: Lease;
  readonly kept: KeptLease;
  readonly ttlMs: number;
}

const RECEIPT_WAIT_MS = 30_000;

function sealsOf({ followUpOnly, urgentOnly }: RunOptions): Push['seals'] {
  if (urgentOnly) return 'withdrawals';
  return followUpOnly ? 'nothing' : 'all';
}

/** Delivers what is pending at the platform of a job. */
export async function runPush(hub: Hub, job: PushJob, held: HeldRun, options: RunOptions): Promise<RunReport> {
  const served = await servePeriod(hub, job, options);
  const opened = await openDelivery(hub, job, held, options);
  const context = { ...opened, ...served.terms, ...readingTerms(hub, served, opened) };
  try {
    if (!context.dryRun) await withdrawWhatMust(context);
    const { counts, faults, stopped, sealedAll } = await push(context);
    const withheld = await served.end({ counts, sealedAll });
    const why = stopped ?? withheld;
    const end = why === undefined ? unfinished(job, counts) : ending(why);
    return { ...pushHead(job, held.run, options), counts, faults: Object.fromEntries(faults), ...end };
  } finally {
    await context.platform.close();
  }
}

/** How the reading side goes, here and in a thread. */
function readingTerms({ settings, schemasDigest }: Hub, { terms }: Served, { plan, resync }: Opened) {
  const { confirmations, createdUntil } = terms;
  const { databaseUrl, schemasDir } = settings;
  return {
    confirmed: confirmations === undefined ? undefined : confirmedBy(plan.job, confirmations),
    ahead: { databaseUrl, schemasDir, schemasDigest, plan, confirmations, resync, createdUntil },
  };
}

/** Between runs: takes in receipts and notices that a platform has for us by itself. False where it never has any. */
export async function listenTo(hub: Hub, job: PushJob, held: HeldRun, options: RunOptions): Promise<boolean> {
  const context = await openDelivery(hub, job, held, options);
  try {
    const { strayReceipts, notices } = context.platform;
    if (strayReceipts === undefined && notices === undefined) return false;
    if ((await askObstacle(context)) !== undefined) return true;
    await takeStrayReceipts(context);
    await takeNotices(context);
    return true;
  } finally {
    await context.platform.close();
  }
}

/** Notices of the platform, and penalties whose publicity is over. */
async function withdrawWhatMust(context: Push & Withdraw): Promise<void> {
  if ((await askObstacle(context)) === undefined) await takeNotices(context);
  await endPublicity(penalties([...context.fullState, ...context.everyVersion]), context);
}

/** Record types that have a 公示期. */
export const penalties = (types: readonly string[]): string[] => types.filter((type) => type.startsWith('penalty/'));

type Opened = Push & Withdraw & { readonly plan: RenderPlan };

/** Everything that delivering to the platform of a job needs; the caller closes the platform. */
async function openDelivery(
  hub: Hub,
  job: PushJob,
  { run, lease, kept, ttlMs }: HeldRun,
  options: RunOptions,
): Promise<Opened> {
  const { db, now, settings } = hub;
  const spec = job.platform;
  const { platformName: name } = job;
  const { allowedHosts, hubId } = settings;
  const vault = openVault(db, settings.secretKey, options.by);
  const opened = await openPlatform(spec, { name, allowedHosts, now, db, hubId, vault });
  const platform = spec.anchor === undefined || spec.anchor === false ? opened : anchored(opened, { db, name, now });
  const terms = termsOf(spec, { carried: platform.carried === true, zone: settings.timezone });
  const plan = await renderPlan(hub, job);
  const open = (stage: 'outbound' | 'platform') => countOpen(db, stage, { platform: job.platformName });
  let ticketsOpen = (await open('outbound')) + (await open('platform')) > 0;
  return {
    plan,
    ...rendering(plan, hub),
    batchSize: spec.batchSize ?? 500,
    db,
    platform,
    localDate: hub.localDate,
    ticketsOpen: () => ticketsOpen,
    ticketOpened: () => {
      ticketsOpen = true;
    },
    period: null,
    terms,
    guard: await openGuard(db, job.platformName),
    lease: {
      leftMs: kept.leftMs,
      doubtMs: lease.found === 'expired' ? ttlMs + terms.requestMs : 0,
      takenAt: now(),
    },
    mayTryNow: options.mayTryNow ?? (job.duty === undefined ? alwaysTry : inRetryWindows(hub)),
    random: options.random ?? Math.random,
    epoch: lease.epoch,
    runId: run,
    actor: options.by,
    now,
    signal: options.signal,
    trace: hub.trace,
    concurrency: spec.concurrency ?? 2,
    // Files are picked up and answered in minutes, not while a run waits.
    receiptWaitMs: platform.carried || spec.use === 'sftp' ? 0 : RECEIPT_WAIT_MS,
    seals: sealsOf(options),
    resync: options.resync,
    dryRun: options.dryRun ?? false,
    onProgress: ({ sealed }) => options.onProgress?.(sealed),
  };
}

/** Attempts of a duty's batches are counted per retry window of the work days; a window lasts until the next one opens. */
function inRetryWindows({ calendar, settings }: Hub): MayTryNow {
  const context = { calendar, zone: settings.timezone };
  return (now) => ({ open: true, id: windowName(now, context) });
}

/** Receipts that are still to come are no failure where the platform answers later; a held batch needs a person. */
function unfinished(job: PushJob, { held, unsettled }: PushCounts): Ending {
  if (held > 0) {
    return {
      state: 'held',
      error: {
        code: 'BATCH_HELD',
        message: `${held} 个批次等待人工处理 (${held} batches held for a person)`,
        fix: `用 hub batches --platform ${job.platformName} 查看，与平台核对 (see hub batches, clear them with the platform)`,
      },
    };
  }
  if (unsettled === 0 || job.platform.doneWhen !== 'answered') return { state: 'done' };
  return {
    state: 'failed',
    error: {
      code: 'RECEIPT_OUTSTANDING',
      message: `${unsettled} 个批次已送达，回执未到 (${unsettled} batches handed over, receipts outstanding)`,
      fix: '无需重发，到时会自动查询 (nothing to do: it is asked again by itself)',
    },
  };
}
