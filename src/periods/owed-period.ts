import { newestWindow } from '../duty/retry-windows.ts';
import { isJsonObject } from '../json.ts';
import type { Reader } from '../store/database.ts';
import { periodBatches, runBegunBy } from '../store/period-facts.ts';
import { openPeriods, type PeriodRow } from '../store/periods.ts';
import { earliestDeadline } from './earliest-deadline.ts';
import { isPassedOn } from './passed-on.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';
import { progressOf } from './period-progress.ts';
import { NIL_WAITING, NIL_WITHHELD, unsettledPulls } from './unsettled-pulls.ts';

/** What a platform owes now: its oldest open period, and the moments that may be claimed for it. */
export interface OwedPeriod {
  readonly period: string;
  /** The plan itself, then what lets it be tried again; each is claimed once over all processes. */
  readonly slots: readonly Date[];
}

/** Deadlines that were looked up for a window already, so that a minute in which nothing changes reads no records. */
export type Looked = Map<string, string | undefined>;

/** One period at a time per platform, oldest first; undefined: nothing is owed. */
export async function owedPeriod(
  job: DutyJob,
  context: PeriodContext,
  looked: Looked = new Map(),
): Promise<OwedPeriod | undefined> {
  const { now } = context;
  const oldest = await oldestOwed(job, context);
  if (oldest === undefined || oldest.plannedAt > now.toISOString()) return undefined;
  const again = [
    await notBegun(oldest, job, context),
    await cleared(oldest, job, context),
    await retryWindow(oldest, job, context, looked),
  ];
  return {
    period: oldest.period,
    slots: [new Date(oldest.plannedAt), ...again.filter((slot) => slot !== undefined)],
  };
}

async function oldestOwed(job: DutyJob, context: PeriodContext): Promise<PeriodRow | undefined> {
  for (const row of await openPeriods(context.db, job.platformName)) if (!(await isPassedOn(row, context))) return row;
  return undefined;
}

const SOON_MS = 300_000;

/**
 * Until it is due, a period whose first run did not even begin (another run held the platform) is tried again every five minutes.
 * One that only waits for a source is tried when that source has been read, due or not.
 */
async function notBegun(row: PeriodRow, job: DutyJob, context: PeriodContext): Promise<Date | undefined> {
  const { now } = context;
  const waits = await waitsForSource(row, job, context.db);
  if (waits ? (await unsettledPulls(job, context)).length > 0 : row.firstSealAt !== null) return undefined;
  if (!waits && now.toISOString() > row.dueAt) return undefined;
  const slot = new Date(now.getTime() - (now.getTime() % SOON_MS));
  return slot.toISOString() > row.plannedAt ? slot : undefined;
}

/** The run that fixed its members last found nothing pending while a source was not read; follow-ups since say nothing. */
async function waitsForSource({ sealedAt, firstSealAt }: PeriodRow, job: DutyJob, db: Reader): Promise<boolean> {
  if (sealedAt !== null || firstSealAt === null) return false;
  const served = await runBegunBy(db, job.name, firstSealAt);
  const report: unknown = JSON.parse(served?.report ?? '{}');
  const error = isJsonObject(report) ? report['error'] : undefined;
  return isJsonObject(error) && (error['code'] === NIL_WITHHELD || error['code'] === NIL_WAITING);
}

/** A run stopped before everything was sealed, and what stopped it has been settled since: the rest may leave at once. */
async function cleared(row: PeriodRow, job: DutyJob, { db }: PeriodContext): Promise<Date | undefined> {
  if (row.firstSealAt === null || row.sealedAt !== null) return undefined;
  const batches = await periodBatches(db, row.platform, row.period);
  const settled = batches.flatMap(({ settledAt }) => settledAt ?? []).toSorted();
  const newest = settled.at(-1);
  return newest === undefined || progressOf(row, batches, job.platform).active > 0 ? undefined : new Date(newest);
}

async function retryWindow(
  row: PeriodRow,
  job: DutyJob,
  context: PeriodContext,
  looked: Looked,
): Promise<Date | undefined> {
  const { now } = context;
  const bounds = { plannedAt: new Date(row.plannedAt), nextPlannedAt: new Date(row.nextPlannedAt) };
  const latest = newestWindow({ ...bounds, deadline: undefined }, now, context);
  if (latest === undefined || latest <= bounds.plannedAt) return undefined;
  const name = `${row.platform}/${row.period}/${latest.toISOString()}`;
  if (!looked.has(name)) looked.set(name, await earliestDeadline(row, job, context));
  const window = newestWindow({ ...bounds, deadline: looked.get(name) }, now, context);
  return window === undefined || window <= bounds.plannedAt ? undefined : window;
}
