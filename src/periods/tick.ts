import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import { movedBy, type PlannedPeriod, planDuty } from '../duty/plan.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { readMark, setMark } from '../store/duty-marks.ts';
import { beat } from '../store/heartbeats.ts';
import { appendLog } from '../store/log.ts';
import { insertMissing, type NewPeriod } from '../store/periods.ts';
import type { Trace } from '../trace.ts';
import { type DutyJob, dutyJobs, type PeriodContext } from './period-context.ts';

export interface OpenDue extends PeriodContext {
  readonly db: Db;
  readonly trace: Trace;
}

export interface Tick extends OpenDue {
  /** This process, for the heartbeat journal. */
  readonly holder: string;
}

export interface Ticked {
  readonly opened: readonly NewPeriod[];
  /** The clock stands before the last tick: nothing was opened. */
  readonly clockBackwards: boolean;
}

/** At start and each minute: opens what is due, says that this process is up, and looks whether the calendar reaches far enough. */
export async function tick(context: Tick): Promise<Ticked> {
  return inTransaction(context.db, async (tx) => {
    const ticked = await openIn(tx, context);
    if (ticked.clockBackwards) return ticked;
    await beat(tx, context.holder, context.now);
    await alarmOfCalendar(tx, context);
    return ticked;
  });
}

/** The same for a run by hand, where no service may be running. */
export const openDuePeriods = (context: OpenDue): Promise<Ticked> =>
  inTransaction(context.db, (tx) => openIn(tx, context));

/**
 * Opens every period that is due from go-live to now and is not there yet. A clock that went back opens nothing and raises
 * an alarm (delivery.md §1.8, F30).
 */
async function openIn(tx: Tx, context: OpenDue): Promise<Ticked> {
  const { now, trace } = context;
  const last = await readMark(tx, LAST_TICK);
  if (last !== undefined && now.getTime() < Date.parse(last) - SKEW_MS) {
    const detail = { lastTick: last, now: now.toISOString() };
    await alarmOnce(tx, context, { name: 'clock-backwards', value: last }, 'clock.moved-backwards', detail);
    trace.error('clock-backwards', { lastTick: last });
    return { opened: [], clockBackwards: true };
  }
  if (last === undefined || now.toISOString() > last) await setMark(tx, LAST_TICK, now.toISOString(), now);
  const opened = await insertMissing(tx, duePeriods(context), now);
  await appendLog(tx, now, opened.map(openedEntry));
  return { opened, clockBackwards: false };
}

const LAST_TICK = 'last-tick';
/** Clocks of two hosts differ by less. */
const SKEW_MS = 60_000;

/** A period stands from the moment when its Friday or its own day has come, whichever is first. */
export function duePeriods({ jobs, calendar, zone, now }: Omit<PeriodContext, 'db'>): NewPeriod[] {
  const today = localDay(now, zone);
  return dutyJobs(jobs).flatMap((job) =>
    planDuty(job.duty, job.duty.goLive, addDays(today, REACH), { calendar, zone })
      .filter((period) => period.plannedAt <= now || period.nominal < today)
      .map((period) => toRow(job, period, now)),
  );
}

/** Days that a rule may move a period forward. */
const REACH = 35;

const toRow = (job: DutyJob, period: PlannedPeriod, now: Date): NewPeriod => ({
  platform: job.platformName,
  duty: job.name,
  period: period.period,
  nominal: period.nominal,
  day: period.day,
  plannedAt: period.plannedAt.toISOString(),
  dueAt: period.dueAt.toISOString(),
  graceUntil: period.graceUntil.toISOString(),
  nextPlannedAt: period.nextPlannedAt.toISOString(),
  nextDueAt: period.nextDueAt.toISOString(),
  movedBy: movedBy(period),
  coverage: period.coverage,
  backfilled: now > period.dueAt,
});

const openedEntry = ({ platform, duty, period, day, dueAt, movedBy, coverage, backfilled }: NewPeriod) => ({
  actor: 'scheduler',
  action: 'period.opened',
  platform,
  detail: { duty, period, day, dueAt, movedBy, calendar: coverage, backfilled },
});

/** Days ahead for which the calendar must be known. */
const AHEAD = 60;

/** A year without data is an alarm, never a guess; a provisional one is told once. Mails hang on these log entries. */
async function alarmOfCalendar(tx: Tx, context: OpenDue): Promise<void> {
  const { calendar, zone, now, trace } = context;
  if (dutyJobs(context.jobs).length === 0) return;
  const today = localDay(now, zone);
  const years = new Set([today, addDays(today, AHEAD)].map((day) => Number(day.slice(0, 4))));
  for (const year of years) {
    const coverage = calendar.coverage(year);
    const fault = coverageFault(coverage, String(year));
    if (fault === undefined) continue;
    const action = coverage === 'no-data' ? 'calendar.missing' : 'calendar.provisional';
    const fresh = await alarmOnce(tx, context, { name: `calendar-${year}`, value: coverage }, action, { year });
    if (fresh) trace[coverage === 'no-data' ? 'error' : 'warn'](action, { year, text: fault.en });
  }
}

/** Logs an alarm unless the same one stands already. */
async function alarmOnce(
  tx: Tx,
  { now }: OpenDue,
  mark: { readonly name: string; readonly value: string },
  action: string,
  detail: { readonly [name: string]: string | number },
): Promise<boolean> {
  if ((await readMark(tx, mark.name)) === mark.value) return false;
  await setMark(tx, mark.name, mark.value, now);
  await appendLog(tx, now, [{ actor: 'scheduler', action, detail }]);
  return true;
}
