import { periodBatches } from '../store/period-facts.ts';
import { listPeriods, type PeriodRow } from '../store/periods.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';
import { progressOf } from './period-progress.ts';

/**
 * A period of which nothing left because divisions had not said yes, once the next one is planned: what waits leaves with that
 * one, whose yes is asked for from now on. It stays open for its report until the next one is due (delivery.md §1.8: missed is what
 * was not tried before that), or until the next one has carried its records.
 */
export async function isPassedOn(row: PeriodRow, { db, now }: Pick<PeriodContext, 'db' | 'now'>): Promise<boolean> {
  if (row.state !== 'open' || row.sealedAt === null || row.nilAt !== null || row.unconfirmed === 0) return false;
  return now.toISOString() >= row.nextPlannedAt && (await periodBatches(db, row.platform, row.period)).length === 0;
}

/** Periods after this one that are looked at: more than can be planned before the next one is due. */
const NEAR = 60;

/** The later period that carried what waited here: its push was tried in time and left nothing unconfirmed. */
export async function carrierOf(row: PeriodRow, job: DutyJob, { db }: PeriodContext): Promise<PeriodRow | undefined> {
  const later = (await listPeriods(db, { platform: row.platform, limit: NEAR })).filter(
    ({ nominal, sealedAt, unconfirmed }) => nominal > row.nominal && sealedAt !== null && unconfirmed === 0,
  );
  for (const one of later.toReversed()) {
    const { triedAt } = progressOf(one, await periodBatches(db, one.platform, one.period), job.platform);
    if (triedAt !== undefined && triedAt < row.nextDueAt) return one;
  }
  return undefined;
}
