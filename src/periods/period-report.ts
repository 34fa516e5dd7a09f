import type { Coverage } from '../calendar/work-calendar.ts';
import { type Outcome, outcomeOf } from '../duty/outcome.ts';
import { type ReportedHead, reportedHead } from '../evidence/anchor.ts';
import type { Reader } from '../store/database.ts';
import { type MemberCount, memberCounts, type PeriodBatch, periodBatches } from '../store/period-facts.ts';
import { findPeriod, type PeriodRow } from '../store/periods.ts';
import { type Cause, causesNow, causesOf, unconfirmedCauses } from './causes.ts';
import { lateMembers } from './late-members.ts';
import { dutyJobs, type PeriodContext } from './period-context.ts';
import { type Progress, progressOf } from './period-progress.ts';

/** How a period stands or ended. A view: recomputed from rows whenever it is asked for (delivery.md §1.10 S10). */
export interface PeriodReport {
  readonly platform: string;
  readonly duty: string;
  readonly period: string;
  readonly nominal: string;
  readonly day: string;
  readonly movedBy: string | null;
  readonly calendar: Coverage;
  readonly plannedAt: string;
  readonly dueAt: string;
  readonly graceUntil: string;
  readonly backfilled: boolean;
  readonly state: 'open' | 'closed';
  readonly outcome: Outcome;
  /** 零报送: nothing was new; stated by a message that the platform receipted, or by a statement in the log. */
  readonly nil: 'message' | 'report' | null;
  /** The period whose push served this one as well. */
  readonly coveredBy: string | null;
  readonly triedAt: string | null;
  readonly doneAt: string | null;
  readonly closedAt: string | null;
  readonly counts: PeriodCounts;
  readonly receipts: readonly string[];
  /** 报送日志 as it was last signed: whoever keeps this report can hold the log to it. */
  readonly logHead: ReportedHead | null;
  /**
   * Why it is not on time, what is in the way now first; of one that is not due yet, only what is in the way; of one on time, what
   * did not leave for want of a yes.
   */
  readonly causes: readonly Cause[];
}

export interface PeriodCounts {
  readonly batches: number;
  readonly members: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly conflict: number;
  readonly open: number;
  readonly withdrawn: number;
  /** Batches that wait for a person. */
  readonly held: number;
  /** Pending records that could not leave: quarantine, and divisions that have not confirmed. */
  readonly setAside: number;
  readonly unconfirmed: number;
  /** 迟报: accepted after their legal deadline. */
  readonly late: number;
}

export async function reportPeriod(row: PeriodRow, context: PeriodContext): Promise<PeriodReport> {
  const { db, now } = context;
  const job = dutyJobs(context.jobs).find(({ name }) => name === row.duty);
  const source = await coveringRow(row, db);
  const batches = await periodBatches(db, source.platform, source.period);
  const progress = progressOf(source, batches, job?.platform);
  const facts = {
    ...row,
    triedAt: progress.triedAt,
    doneAt: progress.doneAt,
    closed: row.state === 'closed',
  };
  const outcome = outcomeOf(facts, now);
  const members = row.coveredBy === null ? await memberCounts(db, row.platform, row.period) : [];
  const late = row.coveredBy === null ? await lateMembers(batches, job, context) : 0;
  const find = outcome === 'open' ? causesNow : causesOf;
  const causes = outcome === 'on-time' ? unconfirmedCauses(row) : await find(row, source, progress, context);
  return {
    ...headOf(row),
    outcome,
    nil: source.nilKind,
    triedAt: progress.triedAt ?? null,
    doneAt: progress.doneAt ?? null,
    counts: countsOf(row, row.coveredBy === null ? batches : [], members, { progress, late }),
    receipts: [...new Set(batches.flatMap(({ receiptId }) => receiptId ?? []))],
    logHead: await reportedHead(db),
    causes,
  };
}

async function coveringRow(row: PeriodRow, db: Reader): Promise<PeriodRow> {
  if (row.coveredBy === null) return row;
  return (await findPeriod(db, row.platform, row.coveredBy)) ?? row;
}

const headOf = (row: PeriodRow) => ({
  platform: row.platform,
  duty: row.duty,
  period: row.period,
  nominal: row.nominal,
  day: row.day,
  movedBy: row.movedBy,
  calendar: row.coverage,
  plannedAt: row.plannedAt,
  dueAt: row.dueAt,
  graceUntil: row.graceUntil,
  backfilled: row.backfilled,
  state: row.state,
  coveredBy: row.coveredBy,
  closedAt: row.closedAt,
});

function countsOf(
  row: PeriodRow,
  batches: readonly PeriodBatch[],
  members: readonly MemberCount[],
  { progress, late }: { readonly progress: Progress; readonly late: number },
): PeriodCounts {
  const sum = (of: (count: MemberCount) => boolean): number =>
    members.filter(of).reduce((total, { count }) => total + count, 0);
  const state = (name: string): number => sum((count) => count.state === name);
  return {
    batches: batches.filter((batch) => batch.state !== 'SPLIT').length,
    members: sum(() => true),
    accepted: state('accepted'),
    rejected: state('rejected'),
    conflict: state('conflict'),
    open: state('open'),
    withdrawn: sum(({ operation }) => operation === 'WITHDRAW'),
    held: row.coveredBy === null ? progress.held : 0,
    setAside: row.setAside,
    unconfirmed: row.unconfirmed,
    late,
  };
}
