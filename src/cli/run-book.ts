import type { RunBook } from '../engine/scheduler.ts';
import type { Hub } from '../hub-context.ts';
import { feedingPulls } from '../job/feeding-pulls.ts';
import type { Job } from '../job/job.ts';
import { isDead, thisProcess } from '../store/leases.ts';
import { readingSince } from '../store/pull-runs.ts';
import { claimDueRun, endRun, lastDueAt, listRuns, openRuns, type RunStart, startRun } from '../store/runs.ts';

/** A push waits this long for a pull; then it sends what is there. */
const LONGEST_WAIT_MS = 3_600_000;

/** The scheduler's memory: the table `runs`. */
export function databaseRunBook({ db, jobs, now }: Hub): RunBook {
  const start = (job: Job, reason?: string): RunStart => ({
    job: job.name,
    kind: job.kind,
    holder: thisProcess(),
    now: now(),
    reason,
  });
  const died = (run: number, reason: string): Promise<void> =>
    endRun(db, run, { state: 'died', report: { state: 'died', reason }, now: now() });
  return {
    lastDueAt: (job) => lastDueAt(db, job),
    claim: (job, dueAt, { state, reason }) => claimDueRun(db, { ...start(job, reason), dueAt, state }),
    async isReading(job) {
      if (job.kind === 'pull') return false;
      const reading = await readingSince(db, new Date(now().getTime() - LONGEST_WAIT_MS));
      return feedingPulls(job, jobs).some(({ name }) => reading.includes(name));
    },
    startAgain: (job, reason) => startRun(db, start(job, reason)),
    markDied: died,
    async cutOff() {
      const broken: string[] = [];
      for (const { name } of jobs) {
        for (const { id, holder } of await openRuns(db, name)) {
          if (isDead(holder)) await died(id, '进程中断 (the process was cut off)');
        }
        const [last] = await listRuns(db, { job: name, limit: 1 });
        if (last?.state === 'died') broken.push(name);
      }
      return broken;
    },
  };
}
