import { confirmImport } from './accounts/source-approvals.ts';
import { HubError } from './errors.ts';
import { settleLog } from './evidence/keep-log.ts';
import type { Hub } from './hub-context.ts';
import type { Job, PullJob } from './job/job.ts';
import { interrupted } from './pull/interrupted.ts';
import { pull } from './pull/pull.ts';
import { runStopped } from './push/guard.ts';
import { listenTo, runPush } from './push/run-push.ts';
import { ending, failedReport } from './run-ending.ts';
import type { RunOptions } from './run-options.ts';
import { type RunReport, reportJson } from './run-report.ts';
import { type ConfirmFile, openSource } from './sources/index.ts';
import { keepLease } from './store/lease-keeper.ts';
import { dropLease, isDead, pushLease, takeLease, thisProcess } from './store/leases.ts';
import { endRun, openRuns, startRun } from './store/runs.ts';
import { runStop } from './store/stops.ts';

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
  const name = job.kind === 'pull' ? `pull:${job.name}` : pushLease(job.platformName);
  const takenAt = process.hrtime.bigint();
  const lease = await takeLease(hub.db, name, `${holder}/${run}`, LEASE_MS);
  if (lease === undefined) return failedReport(job, run, options, busy(job));
  const { databaseUrl } = hub.settings;
  const kept = keepLease({ databaseUrl, lease, ttlMs: LEASE_MS, everyMs: RENEW_MS, takenAt });
  const watch = watchStop(hub, run);
  const signal = AbortSignal.any([options.signal, kept.lost, ...(job.kind === 'pull' ? [watch.stopped] : [])]);
  try {
    return await (job.kind === 'pull'
      ? runPull(hub, job, run, { ...options, signal })
      : runPush(hub, job, { run, lease, kept, ttlMs: LEASE_MS }, { ...options, signal }));
  } catch (error) {
    return failedReport(job, run, options, watch.reason() ?? (signal.aborted ? interrupted(job) : error));
  } finally {
    watch.end();
    await kept.stop();
    await dropLease(hub.db, lease);
  }
}

/** Between runs: receipts and notices that a platform has for us by itself. A platform that is being delivered to listens anyway. */
export async function listen(hub: Hub, name: string, options: RunOptions): Promise<void> {
  const job = findJob(hub, name);
  if (job.kind !== 'push') return;
  const takenAt = process.hrtime.bigint();
  const lease = await takeLease(hub.db, pushLease(job.platformName), `${thisProcess()}/listen`, LEASE_MS);
  if (lease === undefined) return;
  const { databaseUrl } = hub.settings;
  const kept = keepLease({ databaseUrl, lease, ttlMs: LEASE_MS, everyMs: RENEW_MS, takenAt });
  const signal = AbortSignal.any([options.signal, kept.lost]);
  try {
    await listenTo(hub, job, { run: NO_RUN, lease, kept, ttlMs: LEASE_MS }, { ...options, signal });
  } finally {
    await kept.stop();
    await dropLease(hub.db, lease);
  }
}

const NO_RUN = 0;
const LOOK_MS = 2000;

/** A person may stop a run while it is under way; a push looks by itself before every batch. */
function watchStop({ db }: Hub, run: number) {
  const stop = new AbortController();
  let why: HubError | undefined;
  const look = async (): Promise<void> => {
    const reason = await runStop(db, run).catch(() => undefined);
    if (reason === undefined) return;
    why ??= runStopped(reason);
    stop.abort(why);
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  return { stopped: stop.signal, reason: () => why, end: () => clearInterval(timer) };
}

const busy = (job: Job): HubError =>
  new HubError('RUN_OVERLAPPING', `作业 ${job.name} 正由另一进程运行 (another process is running this job)`, {
    remedy: 'retry',
    fix: '等它结束后再试，用 hub runs 查看 (wait for it, see hub runs)',
  });

async function runPull(hub: Hub, job: PullJob, run: number, options: RunOptions): Promise<RunReport> {
  const { db, now, localDate, settings } = hub;
  const type = hub.types.get(job.type);
  if (type === undefined) throw new Error(`job ${job.name}: type ${job.type} is not loaded`);
  const confirm = settings.approvals ? { confirm: confirmByHand(hub, job, options) } : {};
  const source = await openSource(job.source, { name: job.name, ...hosts(settings.allowedHosts), ...confirm });
  try {
    const { counts, faults, goesOnAfter, stopped } = await pull(job, {
      db,
      databaseUrl: settings.databaseUrl,
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
    const after = goesOnAfter === 0 ? {} : { goesOnAfter };
    return { ...head, ...ending(stopped), counts, ...after, faults: Object.fromEntries(faults) };
  } finally {
    await source.close();
  }
}

/** With HUB_APPROVALS=on a second person stands for what a person laid into a folder (delivery.md §1.1). */
const confirmByHand =
  ({ db, now }: Hub, { name: job }: PullJob, { by, reason, dryRun }: RunOptions): ConfirmFile =>
  async ({ sha256, rows }) => {
    if (dryRun) return undefined;
    const asks = { by, reason: reason ?? '人工投放的文件 (a file that a person laid there)', now: now() };
    return confirmImport(db, { job, sha256, rows }, asks).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof HubError && error.code === 'APPROVAL_OPEN') return error.message;
        throw error;
      },
    );
  };

const hosts = (allowed: readonly string[]): { allowedHosts?: readonly string[] } =>
  allowed.length === 0 ? {} : { allowedHosts: allowed };
