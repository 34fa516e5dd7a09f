import { localDay } from '../calendar/local-time.ts';
import { isLate } from '../duty/deadline.ts';
import { deadlinesOf } from '../duty/deadline-rules.ts';
import { decisionDate, deliveredDecisions } from '../store/decisions.ts';
import type { PeriodBatch } from '../store/period-facts.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';

/** 迟报: decisions of these batches that the platform accepted after their deadline. A correction of an earlier version counts once. */
export async function lateMembers(
  batches: readonly PeriodBatch[],
  job: DutyJob | undefined,
  { db, calendar, zone }: PeriodContext,
): Promise<number> {
  if (job === undefined) return 0;
  const deadline = deadlinesOf(job, calendar);
  let late = 0;
  for (const { seq, settledAt } of batches) {
    if (settledAt === null) continue;
    const day = localDay(new Date(settledAt), zone);
    for (const { type, body, before } of await deliveredDecisions(db, seq)) {
      const decidedOn = decisionDate(body);
      if (decidedOn === undefined || (before !== null && decisionDate(before) === decidedOn)) continue;
      const due = deadline(type, decidedOn);
      if (due !== undefined && isLate(due.day, day)) late += 1;
    }
  }
  return late;
}
