import type { WorkCalendar } from '../calendar/work-calendar.ts';
import type { Job, PushJob } from '../job/job.ts';
import type { Reader } from '../store/database.ts';

/** What reports, previews and the guard are made from. */
export interface PeriodContext {
  readonly db: Reader;
  readonly jobs: readonly Job[];
  readonly calendar: WorkCalendar;
  /** IANA name. */
  readonly zone: string;
  readonly now: Date;
}

/** A push job with a duty. */
export type DutyJob = PushJob & { readonly duty: NonNullable<PushJob['duty']> };

export const isDutyJob = (job: Job): job is DutyJob => job.kind === 'push' && job.duty !== undefined;

export const dutyJobs = (jobs: readonly Job[]): DutyJob[] => jobs.filter(isDutyJob);

/** The context of a hub, at its own time. */
export const periodContext = (hub: {
  readonly db: Reader;
  readonly jobs: readonly Job[];
  readonly calendar: WorkCalendar;
  readonly settings: { readonly timezone: string };
  readonly now: () => Date;
}): PeriodContext => ({
  db: hub.db,
  jobs: hub.jobs,
  calendar: hub.calendar,
  zone: hub.settings.timezone,
  now: hub.now(),
});
