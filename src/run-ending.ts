import { HubError } from './errors.ts';
import type { Job } from './job/job.ts';
import type { RunOptions } from './run-options.ts';
import type { PullCounts, PushCounts, RunFailure, RunReport } from './run-report.ts';

/** How a run ended, for its report. */
export type Ending = Pick<RunReport, 'state' | 'error'>;

export function ending(stopped: unknown): Ending {
  if (stopped === undefined) return { state: 'done' };
  const error = toFailure(stopped);
  return { state: HELD_CODES.has(error.code) ? 'held' : 'failed', error };
}

/** Whom a push report is about. */
export const pushHead = (job: Extract<Job, { readonly kind: 'push' }>, run: number, { dryRun }: RunOptions) => ({
  kind: 'push' as const,
  run,
  job: job.name,
  platform: job.platformName,
  dryRun: dryRun ?? false,
});

const noPull: PullCounts = { read: 0, accepted: 0, unchanged: 0, quarantined: 0 };

/** Of a run that could not do its work at all. */
export function failedReport(job: Job, run: number, options: RunOptions, error: unknown): RunReport {
  const end = { ...ending(error), faults: {} };
  if (job.kind === 'push') return { ...pushHead(job, run, options), ...end, counts: emptyPush };
  return { kind: 'pull', run, job: job.name, dryRun: options.dryRun ?? false, ...end, counts: noPull };
}

const HELD_CODES: ReadonlySet<string> = new Set(['SOURCE_SHRUNK', 'BATCH_HELD', 'PLATFORM_PAUSED', 'RUN_STOPPED']);

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
