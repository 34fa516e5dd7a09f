import type { Job, PullJob, PushJob } from './job.ts';
import { matchesPattern } from './type-pattern.ts';

/** The pull jobs that bring records of the types that a push job sends. */
export const feedingPulls = ({ types }: PushJob, jobs: readonly Job[]): PullJob[] =>
  jobs.filter(
    (job): job is PullJob =>
      job.kind === 'pull' && Object.keys(types).some((pattern) => matchesPattern(pattern, job.type)),
  );
