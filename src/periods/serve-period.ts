import { canonicalJson, sha256Bytes } from '../canonical.ts';
import type { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import type { PushCounts } from '../run-report.ts';
import { type Confirmation, confirmationsOf } from '../store/confirmations.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { attemptEnds, periodBatches } from '../store/period-facts.ts';
import {
  countNewTickets,
  fixMembers,
  markNil,
  markSealed,
  openPeriods,
  type PeriodRow,
  sealedBefore,
} from '../store/periods.ts';
import { choosePeriod, oldestToServe } from './choose-period.ts';
import { closePeriods } from './close-periods.ts';
import { type DutyJob, isDutyJob, periodContext } from './period-context.ts';
import { openDuePeriods } from './tick.ts';
import { unconfirmedRecords } from './unconfirmed-records.ts';
import { nilWithheld, type UnsettledPull, unsettledPulls } from './unsettled-pulls.ts';

/** The period that a push run works for. */
interface Serving {
  readonly row: PeriodRow;
  /** Its members are the versions that were kept by then; UTC text. */
  readonly createdUntil: string;
  /** Members of the period before were fixed then; '' for the first one. */
  readonly since: string;
  /** Sources that were not read to their end when the members were fixed. */
  readonly unsettled: readonly UnsettledPull[];
  /** What divisions had said of it when the push began; a yes that comes later lets nothing of this push leave. */
  readonly said: readonly Confirmation[];
}

/** How a push run is to go for its period, and what to do when it has gone. */
export interface Served {
  readonly terms: {
    readonly period: string | null;
    readonly createdUntil: string | undefined;
    /** What divisions have said of it; undefined where no type of the job needs their yes. */
    readonly confirmations: readonly Confirmation[] | undefined;
    /** The period for which an empty package is to be sent, asked when nothing more is left to seal. */
    readonly nil: (counts: PushCounts) => Promise<string | undefined>;
  };
  /**
   * Takes down what the period came to, states a nil return, and closes what has come to its end. Returns why the period stays open
   * though nothing is pending: a source was not read.
   */
  readonly end: (pushed: { readonly counts: PushCounts; readonly sealedAll: boolean }) => Promise<HubError | undefined>;
}

/** A rehearsal, a follow-up and a resync serve no period. */
export async function servePeriod(
  hub: Hub,
  job: PushJob,
  options: {
    readonly period?: string | null;
    readonly dryRun?: boolean;
    readonly followUpOnly?: boolean;
    readonly urgentOnly?: boolean;
    readonly resync?: number;
  },
): Promise<Served> {
  const { dryRun, followUpOnly, urgentOnly, resync } = options;
  const none = dryRun || followUpOnly || urgentOnly || resync !== undefined;
  const begun = none ? undefined : await beginPeriod(hub, job, options.period);
  const confirmations = await confirmationsFor(hub, job, begun);
  const serving = begun && { ...begun, said: confirmations ?? [] };
  return {
    terms: {
      period: serving?.row.period ?? null,
      createdUntil: serving?.createdUntil,
      confirmations,
      nil: nilMessage(hub, job, serving),
    },
    end: async (pushed) => {
      return dryRun ? undefined : endPeriod(hub, job, serving, pushed);
    },
  };
}

/**
 * Which period a push run serves, with its members fixed at the first seal. `period` undefined: a run by hand, which
 * serves the oldest open period that can still take records, if there is one; null: an extra push, which serves none.
 */
async function beginPeriod(
  hub: Hub,
  job: PushJob,
  period: string | null | undefined,
): Promise<Omit<Serving, 'said'> | undefined> {
  if (!isDutyJob(job) || period === null) return undefined;
  if (period === undefined) await openDuePeriods({ ...periodContext(hub), db: hub.db, trace: hub.trace });
  const now = hub.now();
  const row = await (period === undefined ? oldestToServe(job, periodContext(hub)) : namedOpen(hub, job, period));
  // Not on record although it is due: the clock went back.
  if (row === undefined || row.id === 0) return undefined;
  // Asked first: what a pull brings after this moment is no member.
  const unsettled = await unsettledPulls(job, periodContext(hub));
  const createdUntil = await fixMembers(hub.db, row, now);
  return { row, createdUntil, since: await sealedBefore(hub.db, row), unsettled };
}

async function namedOpen({ db, now }: Hub, { platformName }: DutyJob, period: string): Promise<PeriodRow | undefined> {
  const at = now().toISOString();
  return (await openPeriods(db, platformName)).find((one) => one.period === period && one.plannedAt <= at);
}

async function confirmationsFor(
  hub: Hub,
  job: PushJob,
  serving: Pick<Serving, 'row'> | undefined,
): Promise<readonly Confirmation[] | undefined> {
  if (!isDutyJob(job) || job.confirm === undefined) return undefined;
  const period = serving?.row.period ?? (await choosePeriod(job, periodContext(hub))).period;
  return confirmationsOf(hub.db, job.platformName, period);
}

/** Whether nothing at all was new for a period, and every source was read: then it is a nil return (零报送). */
async function nothingNew(db: Db, job: DutyJob, serving: Serving, counts: PushCounts): Promise<boolean> {
  if (serving.unsettled.length > 0 || !(await nothingLeft(db, job, serving, counts))) return false;
  return (await setAside(db, job, serving)) === 0;
}

async function nothingLeft(db: Db, job: DutyJob, { row }: Serving, counts: PushCounts): Promise<boolean> {
  if (counts.sealed > 0 || counts.unconfirmed > 0) return false;
  return (await periodBatches(db, job.platformName, row.period)).length === 0;
}

const setAside = (db: Db, { platformName }: DutyJob, { since, createdUntil }: Serving): Promise<number> =>
  countNewTickets(db, platformName, { since, until: createdUntil });

const nilMessage =
  (hub: Hub, job: PushJob, serving: Serving | undefined) =>
  async (counts: PushCounts): Promise<string | undefined> => {
    if (serving === undefined || !isDutyJob(job) || job.platform.nil !== 'message') return undefined;
    return (await nothingNew(hub.db, job, serving, counts)) ? serving.row.period : undefined;
  };

/**
 * After a push: what the period came to, its nil statement if it is one, and its end if it has come. Where nothing left it and a
 * source was not read, nothing is taken down: the period waits for that source.
 */
async function endPeriod(
  hub: Hub,
  job: PushJob,
  serving: Serving | undefined,
  { counts, sealedAll }: { readonly counts: PushCounts; readonly sealedAll: boolean },
): Promise<HubError | undefined> {
  if (!isDutyJob(job)) return undefined;
  let withheld: HubError | undefined;
  if (serving !== undefined && sealedAll) {
    const { unsettled } = serving;
    if (unsettled.length > 0 && (await nothingLeft(hub.db, job, serving, counts)))
      withheld = nilWithheld(job, unsettled);
    else await noteSealed(hub, job, serving, counts);
  }
  await closePeriods(job, { ...periodContext(hub), db: hub.db });
  return withheld;
}

async function noteSealed(hub: Hub, job: DutyJob, serving: Serving, counts: PushCounts): Promise<void> {
  const { db } = hub;
  const now = hub.now();
  const aside = await setAside(db, job, serving);
  const nil = await nilKind(hub, job, serving, counts);
  const unconfirmedBy = counts.unconfirmed === 0 ? {} : await unconfirmedRecords(hub, job, serving);
  await inTransaction(db, async (tx) => {
    await markSealed(tx, serving.row.id, { setAside: aside, unconfirmed: counts.unconfirmed, unconfirmedBy, now });
    if (nil === undefined) return;
    const digest = nilDigest(job, serving);
    if (!(await markNil(tx, serving.row.id, { kind: nil, digest, now }))) return;
    const detail = { period: serving.row.period, kind: nil, pending: 0, digest: digest.toString('hex') };
    await appendLog(tx, now, [{ actor: 'scheduler', action: 'period.nil', platform: job.platformName, detail }]);
  });
}

/** A platform that refuses an empty package gets a statement in the log instead. */
async function nilKind(
  { db }: Hub,
  job: DutyJob,
  serving: Serving,
  counts: PushCounts,
): Promise<'message' | 'report' | undefined> {
  const { platformName, platform } = job;
  const batches = await periodBatches(db, platformName, serving.row.period);
  const message = batches.length === 1 && batches[0]?.members === 0;
  if (message) {
    const ends = await attemptEnds(db, platformName, serving.row.period);
    return ends.some(({ outcome }) => outcome === 'refused') ? 'report' : 'message';
  }
  if (platform.nil === 'message') return undefined;
  return (await nothingNew(db, job, serving, counts)) ? 'report' : undefined;
}

/** What was asked and what came of it, as a fingerprint: the query can be repeated from the library at any time. */
const nilDigest = (job: DutyJob, { row, createdUntil, since }: Serving): Buffer =>
  sha256Bytes(
    canonicalJson({
      platform: job.platformName,
      period: row.period,
      types: Object.keys(job.types),
      since,
      until: createdUntil,
      pending: 0,
    }),
  );
