import { localDay } from '../calendar/local-time.ts';
import { isLate } from '../duty/deadline.ts';
import { deadlinesOf } from '../duty/deadline-rules.ts';
import { decisionDate, versionBodies } from '../store/decisions.ts';
import { type DutyJob, dutyJobs, type PeriodContext } from './period-context.ts';

/** Until when one decision had to be at a platform by law, and when it was. */
export interface RecordDeadline {
  readonly platform: string;
  readonly decidedOn: string;
  /** Last day that is in time. */
  readonly deadline: string;
  readonly basis: string;
  /** Local day on which the platform accepted it first; null: not yet. */
  readonly deliveredOn: string | null;
  /** 迟报: delivered after the deadline, or the deadline is past and it is not. */
  readonly late: boolean;
}

/** What the ledger tells of one version at one platform. */
export interface LedgerState {
  readonly version: number;
  readonly operation: string;
  readonly platform: string | null;
  readonly state: string | null;
  readonly settledAt: string | null;
}

/** The deadlines of a record's decisions at every platform of its ledger; one per decision, however many versions told of it. */
export async function recordDeadlines(
  record: { readonly id: number; readonly type: string; readonly ledger: readonly LedgerState[] },
  context: PeriodContext,
): Promise<RecordDeadline[]> {
  const decided = new Map<number, string>();
  for (const { version, body } of await versionBodies(context.db, record.id)) {
    const day = decisionDate(body);
    if (day !== undefined) decided.set(version, day);
  }
  return dutyJobs(context.jobs).flatMap((job) => atPlatform(job, record, decided, context));
}

function atPlatform(
  job: DutyJob,
  { type, ledger }: { readonly type: string; readonly ledger: readonly LedgerState[] },
  decided: ReadonlyMap<number, string>,
  { calendar, zone, now }: PeriodContext,
): RecordDeadline[] {
  const rule = deadlinesOf(job, calendar);
  const own = ledger.filter(({ platform, operation }) => platform === job.platformName && operation === 'UPSERT');
  const days = new Set(own.flatMap(({ version }) => decided.get(version) ?? []));
  return [...days].flatMap((decidedOn) => {
    const due = rule(type, decidedOn);
    if (due === undefined) return [];
    const first = own
      .filter(({ version, state }) => state === 'accepted' && decided.get(version) === decidedOn)
      .flatMap(({ settledAt }) => settledAt ?? [])
      .toSorted()[0];
    const deliveredOn = first === undefined ? null : localDay(new Date(first), zone);
    const late = isLate(due.day, deliveredOn ?? localDay(now, zone));
    return [{ platform: job.platformName, decidedOn, deadline: due.day, basis: due.basis, deliveredOn, late }];
  });
}
