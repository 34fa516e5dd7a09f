import { HubError } from './errors.ts';
import { anchored } from './evidence/anchor.ts';
import { settleLog } from './evidence/keep-log.ts';
import { divisions, durationMs, type Hub } from './hub-context.ts';
import { formsByType } from './job/forms-by-type.ts';
import type { Job, PullJob, PushJob } from './job/job.ts';
import { servePeriod } from './periods/serve-period.ts';
import { openPlatform, wireFormOf } from './platforms/index.ts';
import { pull } from './pull/pull.ts';
import { type Push, push } from './push/push.ts';
import { type PullCounts, type PushCounts, type RunFailure, type RunReport, reportJson } from './run-report.ts';
import { openSource } from './sources/index.ts';
import { dropLease, isDead, type Lease, renewLease, takeLease, thisProcess } from './store/leases.ts';
import { countOpen } from './store/quarantine.ts';
import { readReleases } from './store/releases.ts';
import { endRun, openRuns, startRun } from './store/runs.ts';
import { openVault } from './store/vault.ts';

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Who started it: `shell:name` or `scheduler`. */
  readonly by: string;
  /** A run that was claimed already (scheduler); absent: a new one. */
  readonly run?: number;
  readonly dryRun?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly acceptShrink?: boolean;
  /** Push: the period that it is for; null: none (an extra push). */
  readonly period?: string | null;
  /** Push: settle what is open, seal nothing new. */
  readonly followUpOnly?: boolean;
  /** Push: of what is pending, only the records of this resync. */
  readonly resync?: number;
  readonly onProgress?: (done: number, total?: number) => void;
}

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;

/**
 * One execution of a job, from its row in `runs` to its report. A failed run is a report with state `failed` or `held`,
 * not an exception; only bugs and a missing job throw.
 */
export async function runJob(hub: Hub, name: string, options: RunOptions): Promise<RunReport> {
  const job = findJob(hub, name);
  await buryDeadRuns(hub, job);
  const holder = thisProcess();
  const { now } = hub;
  const run =
    options.run ??
    (await startRun(hub.db, { job: name, kind: job.kind, holder, now: now(), reason: options.reason, by: options.by }));
  await settleLog(hub.db, hub.signer, now());
  hub.trace.info('run.start', { run, job: name, by: options.by });
  const report = await underLease(hub, job, holder, options, run);
  // An interrupted run goes on by itself at the next start, like one whose process was killed.
  const state = options.signal.aborted ? 'died' : report.state;
  await endRun(hub.db, run, { state, report: reportJson(report), now: now(), by: options.by });
  await settleLog(hub.db, hub.signer, now());
  hub.trace[report.state === 'done' ? 'info' : 'error']('run.end', {
    run,
    job: name,
    state: report.state,
    ...report.counts,
    faults: report.faults,
    code: report.error?.code,
    fix: report.error?.fix,
  });
  return report;
}

function findJob(hub: Hub, name: string): Job {
  const job = hub.jobs.find((candidate) => candidate.name === name);
  if (job !== undefined) return job;
  throw new HubError('JOB_UNKNOWN', `没有作业 ${name} (there is no job ${name})`, {
    remedy: 'give-up',
    fix: '用 hub jobs 查看作业 (see hub jobs)',
  });
}

/** Runs whose process is gone without a word are marked, so that nobody waits for them. */
async function buryDeadRuns({ db, now }: Hub, job: Job): Promise<void> {
  for (const { id, holder } of await openRuns(db, job.name)) {
    if (isDead(holder)) await endRun(db, id, { state: 'died', report: { job: job.name, state: 'died' }, now: now() });
  }
}

/** One run of a job (pull) or at a platform (push) at a time, over all processes. */
async function underLease(hub: Hub, job: Job, holder: string, options: RunOptions, run: number): Promise<RunReport> {
  const name = job.kind === 'pull' ? `pull:${job.name}` : `push:${job.platformName}`;
  const lease = await takeLease(hub.db, name, `${holder}/${run}`, LEASE_MS);
  if (lease === undefined) return failedReport(job, run, options, busy(job));
  const lost = new AbortController();
  const renewing = setInterval(() => void renew(hub, lease, lost), RENEW_MS);
  const signal = AbortSignal.any([options.signal, lost.signal]);
  try {
    return await (job.kind === 'pull'
      ? runPull(hub, job, run, { ...options, signal })
      : runPush(hub, job, run, lease, { ...options, signal }));
  } catch (error) {
    return failedReport(job, run, options, signal.aborted ? interrupted(job) : error);
  } finally {
    clearInterval(renewing);
    await dropLease(hub.db, lease);
  }
}

async function renew(hub: Hub, lease: Lease, lost: AbortController): Promise<void> {
  const kept = await renewLease(hub.db, lease, LEASE_MS).catch(() => true);
  if (!kept) lost.abort(new Error(`lease ${lease.name} lost`));
}

const interrupted = (job: Job): HubError =>
  new HubError('RUN_INTERRUPTED', `作业 ${job.name} 被中断 (the run was interrupted)`, {
    remedy: 'retry',
    fix: '再次运行即从中断处继续，不会丢失或重复 (run it again: it goes on from there, nothing is lost or doubled)',
  });

const busy = (job: Job): HubError =>
  new HubError('RUN_OVERLAPPING', `作业 ${job.name} 正由另一进程运行 (another process is running this job)`, {
    remedy: 'retry',
    fix: '等它结束后再试，用 hub runs 查看 (wait for it, see hub runs)',
  });

async function runPull(hub: Hub, job: PullJob, run: number, options: RunOptions): Promise<RunReport> {
  const { db, now, localDate, settings } = hub;
  const type = hub.types.get(job.type);
  if (type === undefined) throw new Error(`job ${job.name}: type ${job.type} is not loaded`);
  const source = await openSource(job.source, { name: job.name, ...hosts(settings.allowedHosts) });
  try {
    const { counts, faults, stopped } = await pull(job, {
      db,
      source,
      type,
      schemasDigest: hub.schemasDigest,
      runId: run,
      now,
      localDate,
      signal: options.signal,
      dryRun: options.dryRun ?? false,
      since: options.since,
      until: options.until,
      acceptShrink: options.acceptShrink ?? false,
      onProgress: ({ read }) => options.onProgress?.(read),
    });
    const head = { kind: 'pull' as const, run, job: job.name, dryRun: options.dryRun ?? false };
    return { ...head, ...ending(stopped), counts, faults: Object.fromEntries(faults) };
  } finally {
    await source.close();
  }
}

const hosts = (allowed: readonly string[]): { allowedHosts?: readonly string[] } =>
  allowed.length === 0 ? {} : { allowedHosts: allowed };

const RECEIPT_WAIT_MS = 30_000;

async function runPush(hub: Hub, job: PushJob, run: number, lease: Lease, options: RunOptions): Promise<RunReport> {
  const { db, now, settings, types } = hub;
  const spec = job.platform;
  const { platformName: name } = job;
  const { allowedHosts, hubId } = settings;
  const vault = openVault(db, settings.secretKey, options.by);
  const opened = await openPlatform(spec, { name, allowedHosts, now, db, hubId, vault });
  const platform = spec.anchor === undefined ? opened : anchored(opened, { db, name, now });
  const render = await rendering(hub, job);
  const served = await servePeriod(hub, job, options);
  const byJob = divisions(hub.jobs);
  const open = (stage: 'outbound' | 'platform') => countOpen(db, stage, { platform: job.platformName });
  let ticketsOpen = (await open('outbound')) + (await open('platform')) > 0;
  const context: Push = {
    ...render,
    ...formsByType(job, types, hub.forms),
    db,
    platform,
    types,
    divisionOf: (name) => byJob.get(name) ?? name,
    ticketsOpen: () => ticketsOpen,
    ticketOpened: () => {
      ticketsOpen = true;
    },
    ...served.terms,
    epoch: lease.epoch,
    runId: run,
    actor: options.by,
    now,
    signal: options.signal,
    trace: hub.trace,
    querySettleMs: durationMs(spec.querySettle, '0s'),
    answerWithinMs: durationMs(spec.answerWithin, platform.carried ? '30d' : '48h'),
    concurrency: spec.concurrency ?? 2,
    receiptWaitMs: platform.carried ? 0 : RECEIPT_WAIT_MS,
    followUpOnly: options.followUpOnly ?? false,
    resync: options.resync,
    dryRun: options.dryRun ?? false,
    onProgress: ({ sealed }) => options.onProgress?.(sealed),
  };
  try {
    const { counts, faults, stopped, sealedAll } = await push(context);
    await served.end({ counts, sealedAll });
    const end = stopped === undefined ? unfinished(job, counts) : ending(stopped);
    return { ...pushHead(job, run, options), counts, faults: Object.fromEntries(faults), ...end };
  } finally {
    await platform.close();
  }
}

/** What the rendering thread needs to know as well. */
const rendering = async ({ db, settings, forms }: Hub, { platformName, platform }: PushJob) => ({
  wire: wireFormOf(platform, forms.values()),
  hubId: settings.hubId,
  platformName,
  sender: platform.sender ?? { code: '', name: settings.hubId },
  releases: await readReleases(db),
  batchSize: platform.batchSize ?? 500,
});

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

type Ending = Pick<RunReport, 'state' | 'error'>;

function ending(stopped: unknown): Ending {
  if (stopped === undefined) return { state: 'done' };
  const error = toFailure(stopped);
  return { state: HELD_CODES.has(error.code) ? 'held' : 'failed', error };
}

const pushHead = (job: PushJob, run: number, { dryRun }: RunOptions) => ({
  kind: 'push' as const,
  run,
  job: job.name,
  platform: job.platformName,
  dryRun: dryRun ?? false,
});

const noPull: PullCounts = { read: 0, accepted: 0, unchanged: 0, quarantined: 0 };

function failedReport(job: Job, run: number, options: RunOptions, error: unknown): RunReport {
  const end = { ...ending(error), faults: {} };
  if (job.kind === 'push') return { ...pushHead(job, run, options), ...end, counts: emptyPush };
  return { kind: 'pull', run, job: job.name, dryRun: options.dryRun ?? false, ...end, counts: noPull };
}

const HELD_CODES: ReadonlySet<string> = new Set(['SOURCE_SHRUNK', 'BATCH_HELD']);

const emptyPush: PushCounts = {
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
};

/** A HubError says what to do; anything else is a bug: its stack goes to the trace, the run is not repeated. */
function toFailure(error: unknown): RunFailure {
  if (error instanceof HubError) return { code: error.code, message: error.message, fix: error.fix };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: 'HUB_BROKEN',
    message: text,
    fix: '这是程序缺陷，请保留运行日志并报告 (a bug: keep the trace and report it)',
  };
}
