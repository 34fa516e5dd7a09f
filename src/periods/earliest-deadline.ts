import { localDay } from '../calendar/local-time.ts';
import { deadlinesOf } from '../duty/deadline-rules.ts';
import { decisionDate, openDecisions } from '../store/decisions.ts';
import type { PeriodRow } from '../store/periods.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';

/** The earliest legal deadline, not yet past, among the members of a period that have no answer yet; undefined: none has one. */
export async function earliestDeadline(
  row: PeriodRow,
  job: DutyJob,
  { db, calendar, zone, now }: PeriodContext,
): Promise<string | undefined> {
  const deadline = deadlinesOf(job, calendar);
  const today = localDay(now, zone);
  let earliest: string | undefined;
  for await (const { type, body } of openDecisions(db, row.platform, row.period)) {
    const decidedOn = decisionDate(body);
    const due = decidedOn === undefined ? undefined : deadline(type, decidedOn)?.day;
    if (due !== undefined && due >= today && (earliest === undefined || due < earliest)) earliest = due;
  }
  return earliest;
}
