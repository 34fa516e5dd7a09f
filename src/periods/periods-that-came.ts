import { listPeriods, type PeriodRow } from '../store/periods.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';
import { duePeriods } from './tick.ts';

/** More periods than a duty can have. */
const ALL = 100_000;

/**
 * Every period of a duty that has come, oldest first: those on record, and those that the plan owes though nobody has opened them
 * yet, because no service has run since; the latter have id 0.
 */
export async function periodsThatCame(job: DutyJob, context: PeriodContext): Promise<PeriodRow[]> {
  const rows = await listPeriods(context.db, { platform: job.platformName, limit: ALL });
  const known = new Set(rows.map(({ period }) => period));
  const unopened = duePeriods({ ...context, jobs: [job] }).filter(({ period }) => !known.has(period));
  return [...rows, ...unopened.map((period): PeriodRow => ({ ...UNOPENED, ...period }))].toSorted(
    (a, b) => Date.parse(a.nominal) - Date.parse(b.nominal),
  );
}

const UNOPENED = {
  id: 0,
  state: 'open',
  firstSealAt: null,
  sealedAt: null,
  nilAt: null,
  nilKind: null,
  coveredBy: null,
  setAside: 0,
  unconfirmed: 0,
  unconfirmedBy: {},
  closedAt: null,
} as const;
