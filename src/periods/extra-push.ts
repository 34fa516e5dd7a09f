import { planBreaks } from '../duty/deadline.ts';
import { opensToday } from '../duty/retry-windows.ts';
import type { Hub } from '../hub-context.ts';
import { inTransaction } from '../store/database.ts';
import { readMark, setMark } from '../store/duty-marks.ts';
import { appendLog } from '../store/log.ts';
import { listPauses } from '../store/stops.ts';
import { oldestToServe } from './choose-period.ts';
import { pendingRecords, today } from './pending-records.ts';
import { type DutyJob, periodContext } from './period-context.ts';
import { upcomingPeriod } from './upcoming-period.ts';

/** Records whose deadline would be broken by waiting for the plan, though it can still be kept. */
interface PlanBreak {
  readonly records: number;
  /** `YYYY-MM-DD` */
  readonly earliest: string;
}

/** Records that could leave now and whose deadline lies before the planned day. */
async function planBreak(hub: Hub, job: DutyJob, planned: string): Promise<PlanBreak | undefined> {
  const day = today(hub);
  let found: PlanBreak | undefined;
  for await (const { deadline, rendered } of pendingRecords(hub, { job })) {
    if (deadline === undefined || rendered.fate !== 'member') continue;
    if (!planBreaks(deadline.day, { today: day, planned })) continue;
    const earliest = found === undefined || deadline.day < found.earliest ? deadline.day : found.earliest;
    found = { records: (found?.records ?? 0) + 1, earliest };
  }
  return found;
}

/**
 * Looks once in each retry window (08:30 and 14:00 of work days) whether waiting for the plan would break a deadline.
 * `extraPush: make`: the moment to claim for an extra push; `propose`, the default: a log entry that people are told of.
 */
export async function extraPushAt(hub: Hub, job: DutyJob): Promise<Date | undefined> {
  const { db, calendar, settings } = hub;
  const window = opensToday(calendar, settings.timezone, hub.now());
  if (window === undefined) return undefined;
  const mark = { name: `guard-${job.platformName}`.slice(0, 64), value: window.toISOString() };
  if ((await readMark(db, mark.name)) === mark.value) return undefined;
  const found = (await hasPeriodToPush(hub, job)) ? undefined : await nextBreak(hub, job);
  // Nothing is sent to a paused platform: people are told instead.
  const [pause] = await listPauses(db, job.platformName);
  const make = job.duty.extraPush === 'make' && pause === undefined;
  await inTransaction(db, async (tx) => {
    await setMark(tx, mark.name, mark.value, hub.now());
    if (found === undefined) return;
    const action = make ? 'push.extra-made' : 'push.extra-proposed';
    const paused = pause === undefined ? {} : { paused: pause.reason };
    const detail = { records: found.records, earliest: found.earliest, planned: found.planned, ...paused };
    await appendLog(tx, hub.now(), [{ actor: 'scheduler', action, platform: job.platformName, detail }]);
  });
  if (found !== undefined)
    hub.trace.warn(make ? 'extra-push' : 'extra-push-proposed', { platform: job.platformName, ...found });
  // A second apart from the periods' own windows: a moment is claimed once per job.
  return found !== undefined && make ? new Date(window.getTime() + 1000) : undefined;
}

async function nextBreak(hub: Hub, job: DutyJob): Promise<(PlanBreak & { readonly planned: string }) | undefined> {
  const planned = upcomingPeriod(job, periodContext(hub)).day;
  const found = await planBreak(hub, job, planned);
  return found === undefined ? undefined : { ...found, planned };
}

/** What is pending leaves with a period whose time has come anyway. */
const hasPeriodToPush = async (hub: Hub, job: DutyJob): Promise<boolean> =>
  (await oldestToServe(job, periodContext(hub))) !== undefined;
