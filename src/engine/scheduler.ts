import { schedule } from 'node-cron';
import type { Job } from '../job/job.ts';
import { owed } from '../job/schedule.ts';
import type { OwedPeriod } from '../periods/owed-period.ts';
import { type DutyJob, isDutyJob } from '../periods/period-context.ts';
import type { Trace } from '../trace.ts';

/** What the database remembers of runs (store/runs.ts); the only truth about what is due. */
export interface RunBook {
  /** The newest due time of this job that was ever taken. */
  lastDueAt(job: string): Promise<Date | undefined>;
  /** Takes a due time; `undefined` if somebody has it already. A time that is not run is taken as `skipped`. */
  claim(
    job: Job,
    dueAt: Date,
    as: { readonly state: 'running' | 'skipped'; readonly reason?: string },
  ): Promise<number | undefined>;
  /** Marks runs whose process is gone as died, then names the jobs whose last run died: they go on at once. */
  cutOff(): Promise<readonly string[]>;
  /** Is a source being read, in whatever process, that brings what this job sends? A run that hangs is not waited for. */
  isReading(job: Job): Promise<boolean>;
  /** A new run that no due time asked for. */
  startAgain(job: Job, reason: string): Promise<number>;
  /** Closes a run whose worker ended without doing so itself. */
  markDied(run: number, reason: string): Promise<void>;
}

/** What the database remembers of periods (periods/); the only truth about which Friday is owed. */
export interface PeriodBook {
  /** Says that this process is up, opens the periods that are due, closes those that have come to their end. */
  tick(): Promise<void>;
  /** The oldest open period of the duty's platform whose time has come. */
  owed(job: DutyJob): Promise<OwedPeriod | undefined>;
  /** The retry window in which an extra push is to be made because the plan would break a deadline. */
  extraPush(job: DutyJob): Promise<Date | undefined>;
}

/** Where the work is done: embedded.ts now, a queue later. */
export interface Engine {
  run(work: Work): Promise<void>;
}

export interface Work {
  readonly job: string;
  readonly run: number;
  readonly reason?: string;
  /** Push: the period that it is for; null: none. */
  readonly period?: string | null;
}

export interface SchedulerParts {
  readonly jobs: readonly Job[];
  /** IANA name, HUB_TIMEZONE. */
  readonly zone: string;
  readonly book: RunBook;
  readonly periods: PeriodBook;
  readonly engine: Engine;
  readonly now: () => Date;
  readonly trace: Trace;
}

export interface Scheduler {
  /** Runs what died and what was missed, then rings each minute. */
  start(): Promise<void>;
  /** Settles everything that is owed at this moment; resolves when those runs have ended. */
  ring(): Promise<void>;
  /** No new runs from now on; resolves when those under way have ended, which the engine's drain sees to. */
  stop(): Promise<void>;
}

/**
 * node-cron is a doorbell only: each ring asks the database what is owed, so a missed ring, a restart or a second
 * process neither loses nor doubles a run. Of several missed times of one job the newest is run and the others are
 * recorded as skipped; of a duty every period is owed, oldest first. Pulls go before pushes that are owed with them:
 * what is sent should be what came in. A push that finds its source being read, here or elsewhere, waits for a later ring; whoever
 * ends the last of these pulls goes on with the push.
 */
export function createScheduler(parts: SchedulerParts): Scheduler {
  const busy = new Map<string, Promise<void>>();
  let open = true;
  let bell: { stop(): void | Promise<void> } | undefined;

  /** One run at a time per job; its next times wait for the ring after it. */
  const alone = (job: Job, work: (job: Job) => Promise<unknown>): Promise<void> => {
    if (!open || busy.has(job.name)) return Promise.resolve();
    const over = work(job)
      .then(
        () => {},
        (error: unknown) => parts.trace.error('scheduler-failed', { job: job.name, error: String(error) }),
      )
      .finally(() => busy.delete(job.name));
    busy.set(job.name, over);
    return over;
  };

  const inOrder = async (work: (job: Job) => Promise<unknown>): Promise<void> => {
    const [pulls, pushes] = [parts.jobs.filter(isPull), parts.jobs.filter((job) => !isPull(job))];
    await Promise.all(pulls.map((job) => alone(job, work)));
    await Promise.all(pushes.map((job) => alone(job, async (one) => (await parts.book.isReading(one)) || work(one))));
  };

  const died = new Set<string>();
  const ring = async (): Promise<void> => {
    await parts.periods.tick().catch((error: unknown) => parts.trace.error('periods-failed', { error: String(error) }));
    await inOrder(async (job) => {
      const settled = await settle(job, parts);
      const ran = isDutyJob(job) ? (await settlePeriods(job, parts)) || settled : settled;
      // A due time covers what the dead run left: one run, not two.
      if (died.delete(job.name) && !ran) await goOn(job, parts);
    });
  };

  return {
    ring,
    async start() {
      for (const name of await parts.book.cutOff()) died.add(name);
      bell = schedule('* * * * *', ring, { suppressMissedWarning: true, logger: cronLogger(parts.trace) });
      await ring();
    },
    async stop() {
      open = false;
      await bell?.stop();
      await Promise.all(busy.values());
    },
  };
}

const isPull = (job: Job): boolean => job.kind === 'pull';

/** Runs the newest due time and records the others; true if there was one to run. */
async function settle(job: Job, parts: SchedulerParts): Promise<boolean> {
  const { book, zone, now } = parts;
  const rung = now();
  const { due, tooLate } = owed(job, await book.lastDueAt(job.name), rung, zone);
  const newest = due.at(-1);
  if (tooLate !== undefined) await book.claim(job, tooLate, { state: 'skipped', reason: beyondCatchUp });
  for (const dueAt of due.slice(0, -1)) {
    const reason = `并入 ${newest?.toISOString()} 的运行 (covered by that run)`;
    await book.claim(job, dueAt, { state: 'skipped', reason });
  }
  if (newest === undefined) return false;
  const run = await book.claim(job, newest, { state: 'running' });
  if (run === undefined) return false;
  await work({ job: job.name, run }, parts);
  return true;
}

/** More periods than a hub can have missed. */
const MOST_PERIODS = 1000;

/** Every period that is owed, oldest first, one at a time; then an extra push where a deadline calls for one. */
async function settlePeriods(job: DutyJob, parts: SchedulerParts): Promise<boolean> {
  let served: string | undefined;
  for (let round = 0; round < MOST_PERIODS; round += 1) {
    const owed = await parts.periods.owed(job);
    // Still the same one: it failed, and failing again at once helps nobody.
    if (owed === undefined || owed.period === served) break;
    const run = await claimFirst(job, owed.slots, parts);
    if (run === undefined) break;
    await work({ job: job.name, run, period: owed.period }, parts);
    served = owed.period;
  }
  const ran = served !== undefined;
  const extra = await parts.periods.extraPush(job);
  const run = extra === undefined ? undefined : await claimFirst(job, [extra], parts);
  if (run === undefined) return ran;
  const reason = '法定期限将过，提前加报 (an extra push: the plan would break a deadline)';
  await work({ job: job.name, run, period: null, reason }, parts);
  return true;
}

async function claimFirst(job: Job, slots: readonly Date[], { book }: SchedulerParts): Promise<number | undefined> {
  for (const slot of slots) {
    const run = await book.claim(job, slot, { state: 'running' });
    if (run !== undefined) return run;
  }
  return undefined;
}

const beyondCatchUp =
  '超出补跑时限，此次及更早的不再补跑 (before the catch-up span: this time and earlier ones are not made up for)';

async function goOn(job: Job, parts: SchedulerParts): Promise<void> {
  const reason = '上次运行中断，继续 (the last run was cut off; going on)';
  const owed = isDutyJob(job) ? await parts.periods.owed(job) : undefined;
  const period = owed === undefined ? {} : { period: owed.period };
  await work({ job: job.name, run: await parts.book.startAgain(job, reason), reason, ...period }, parts);
}

async function work(item: Work, { book, engine, trace }: SchedulerParts): Promise<void> {
  try {
    await engine.run(item);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    trace.error('run-died', { job: item.job, run: item.run, error: reason });
    await book.markDied(item.run, reason);
  }
}

const cronLogger = (trace: Trace) => ({
  info: () => {},
  debug: () => {},
  warn: (message: string) => trace.warn('cron', { message }),
  error: (message: string | Error) => trace.error('cron', { message: String(message) }),
});
