import { addDays, weekday } from '../calendar/day.ts';
import { instantAt } from '../calendar/local-time.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { wasSentAnything } from '../store/ledger-pages.ts';
import { lastReconciliation } from '../store/reconciliations.ts';
import { listPauses } from '../store/stops.ts';
import { reconcilePlatform } from './reconcile.ts';

/** The night after Friday, local time. */
const AT = '03:00';

/** The newest Saturday 03:00 that has passed. */
export function weeklyInstant(now: Date, zone: string, localDate: (instant: Date) => string): Date {
  const today = localDate(now);
  const saturday = addDays(today, -((weekday(today) + 1) % 7));
  const at = instantAt(saturday, AT, zone);
  return at <= now ? at : instantAt(addDays(saturday, -7), AT, zone);
}

/** Compares every platform that was sent anything once a week by itself, and one that was stopped; a missed Saturday is made up for. */
export async function reconcileWeekly(hub: Hub, signal: AbortSignal): Promise<void> {
  const dueAt = weeklyInstant(hub.now(), hub.settings.timezone, hub.localDate);
  for (const job of hub.jobs.filter((one): one is PushJob => one.kind === 'push')) {
    signal.throwIfAborted();
    const last = await lastReconciliation(hub.db, { kind: 'platform', scope: job.platformName });
    const done = last !== undefined && last.startedAt >= dueAt.toISOString();
    const paused = await pausedUnseen(hub, job, last?.startedAt);
    if (done && !paused) continue;
    if (!(await wasSentAnything(hub.db, job.platformName))) continue;
    const report = await reconcilePlatform(hub, job, { signal, by: 'scheduler', ...(done ? {} : { dueAt }) });
    if (report === undefined) continue;
    const { state, missing, extra, stale } = report;
    hub.trace[state === 'good' ? 'info' : 'warn']('reconciled', {
      platform: job.platformName,
      state,
      missing,
      extra,
      stale,
    });
  }
}

/** A platform that was stopped since it was compared last, as after a restore: whoever resumes it should know what it holds. */
async function pausedUnseen({ db }: Hub, { platformName }: PushJob, comparedAt = ''): Promise<boolean> {
  return (await listPauses(db, platformName)).some(({ at }) => at > comparedAt);
}
