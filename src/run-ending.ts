import { databaseTrouble } from './database-trouble.ts';
import { HubError } from './errors.ts';
import type { Job } from './job/job.ts';
import type { RunOptions } from './run-options.ts';
import { NO_PUSH_COUNTS, type PullCounts, type RunFailure, type RunReport } from './run-report.ts';

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
  if (job.kind === 'push') return { ...pushHead(job, run, options), ...end, counts: NO_PUSH_COUNTS };
  return { kind: 'pull', run, job: job.name, dryRun: options.dryRun ?? false, ...end, counts: noPull };
}

const HELD_CODES: ReadonlySet<string> = new Set([
  ...['SOURCE_SHRUNK', 'SOURCE_UNCONFIRMED', 'BATCH_HELD', 'PLATFORM_PAUSED', 'RUN_STOPPED'],
]);

/** A HubError says what to do; anything else is a bug: its stack goes to the trace, the run is not repeated. */
function toFailure(error: unknown): RunFailure {
  const known = error instanceof HubError ? error : databaseTrouble(error);
  if (known !== undefined) return { code: known.code, message: known.message, fix: known.fix };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    code: 'HUB_BROKEN',
    message: text,
    fix: '这是程序缺陷，请保留运行日志并报告 (a bug: keep the trace and report it)',
  };
}
