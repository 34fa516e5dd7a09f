import { HubError } from '../errors.ts';
import type { Job } from '../job/job.ts';

/** This process was told to stop, or lost its lease, while the job ran. */
export const interrupted = ({ name }: Pick<Job, 'name'>): HubError =>
  new HubError('RUN_INTERRUPTED', `作业 ${name} 被中断 (the run was interrupted)`, {
    remedy: 'retry',
    fix: '再次运行即从中断处继续，不会丢失或重复 (run it again: it goes on from there, nothing is lost or doubled)',
  });
