import type { Coverage } from '../calendar/work-calendar.ts';
import { change, type Db, inTransaction, type Reader, select, type Tx } from './database.ts';

/** One period of a duty, as far as it is not a view over batches (periods/period-report.ts). Instants are UTC text. */
export interface PeriodRow {
  readonly id: number;
  readonly platform: string;
  readonly duty: string;
  readonly period: string;
  /** The day that the law names, and the day on which it is really done. */
  readonly nominal: string;
  readonly day: string;
  readonly plannedAt: string;
  readonly dueAt: string;
  readonly graceUntil: string;
  readonly nextPlannedAt: string;
  readonly nextDueAt: string;
  readonly movedBy: string | null;
  readonly coverage: Coverage;
  /** Made after it was due: the hub was not there, or not yet. */
  readonly backfilled: boolean;
  readonly state: 'open' | 'closed';
  /** Its members are the versions that were pending then. */
  readonly firstSealAt: string | null;
  readonly sealedAt: string | null;
  readonly nilAt: string | null;
  readonly nilKind: 'message' | 'report' | null;
  readonly coveredBy: string | null;
  readonly setAside: number;
  readonly unconfirmed: number;
  readonly unconfirmedBy: ByDivision;
  readonly closedAt: string | null;
}

/** Division → records. */
export interface ByDivision {
  readonly [division: string]: number;
}

export type NewPeriod = Omit<
  PeriodRow,
  | 'id'
  | 'state'
  | 'firstSealAt'
  | 'sealedAt'
  | 'nilAt'
  | 'nilKind'
  | 'coveredBy'
  | 'setAside'
  | 'unconfirmed'
  | 'unconfirmedBy'
  | 'closedAt'
>;

/** Inserts what is missing; returns what was. UNIQUE(platform, period) decides between two instances. */
export async function insertMissing(tx: Tx, wanted: readonly NewPeriod[], now: Date): Promise<NewPeriod[]> {
  const inserted: NewPeriod[] = [];
  for (const platform of new Set(wanted.map((period) => period.platform))) {
    const known = new Set(
      (await select<{ period: string }>(tx, 'SELECT period FROM periods WHERE platform = ?', [platform])).map(
        ({ period }) => period,
      ),
    );
    for (const period of wanted)
      if (period.platform === platform && !known.has(period.period) && (await insertOne(tx, period, now)))
        inserted.push(period);
  }
  return inserted;
}

async function insertOne(tx: Tx, period: NewPeriod, now: Date): Promise<boolean> {
  const row = {
    platform: period.platform,
    duty: period.duty,
    period: period.period,
    nominal: period.nominal,
    day: period.day,
    planned_at: period.plannedAt,
    due_at: period.dueAt,
    grace_until: period.graceUntil,
    next_planned_at: period.nextPlannedAt,
    next_due_at: period.nextDueAt,
    moved_by: period.movedBy,
    coverage: period.coverage,
    backfilled: period.backfilled ? 1 : 0,
    state: 'open',
    created_at: now.toISOString(),
  };
  const [id] = await tx('periods').insert(row).onConflict(['platform', 'period']).ignore();
  return id !== 0 && id !== undefined;
}

export interface PeriodFilter {
  readonly platform?: string;
  readonly duty?: string;
  readonly period?: string;
  readonly state?: 'open' | 'closed';
  readonly limit?: number;
}

/** Newest first. */
export async function listPeriods(db: Reader, filter: PeriodFilter = {}): Promise<PeriodRow[]> {
  const { limit = 1000, ...equal } = filter;
  const query = db('periods').orderBy('nominal', 'desc').orderBy('platform').limit(limit).where(equal);
  return (await query).map(toPeriod);
}

/** Open periods of a platform, oldest first. */
export const openPeriods = async (db: Reader, platform: string): Promise<PeriodRow[]> =>
  (await listPeriods(db, { platform, state: 'open', limit: 100_000 })).toReversed();

export async function findPeriod(db: Reader, platform: string, period: string): Promise<PeriodRow | undefined> {
  return (await listPeriods(db, { platform, period, limit: 1 }))[0];
}

/** The first seal fixes the members; a later run of the same period keeps to it once something was sealed. Returns that moment. */
export async function fixMembers(db: Db, { id, platform, period }: PeriodRow, now: Date): Promise<string> {
  return inTransaction(db, async (tx) => {
    const sealed = 'SELECT 1 FROM batches WHERE platform = ? AND period = ?';
    await change(
      tx,
      `UPDATE periods SET first_seal_at = ? WHERE id = ? AND (first_seal_at IS NULL OR (nil_at IS NULL AND NOT EXISTS (${sealed})))`,
      [now.toISOString(), id, platform, period],
    );
    const [row] = await select<{ at: string }>(tx, 'SELECT first_seal_at AS "at" FROM periods WHERE id = ?', [id]);
    return row?.at ?? now.toISOString();
  });
}

/** When the members of the newest period before this one were fixed; '' where there is none. */
export async function sealedBefore(db: Reader, { platform, nominal }: PeriodRow): Promise<string> {
  const sql = 'SELECT MAX(first_seal_at) AS "at" FROM periods WHERE platform = ? AND nominal < ?';
  const [row] = await select<{ at: string | null }>(db, sql, [platform, nominal]);
  return row?.at ?? '';
}

/** Open outbound tickets of a platform about versions that were kept after `since` and up to `until`. */
export async function countNewTickets(
  db: Reader,
  platform: string,
  { since, until }: { readonly since: string; readonly until: string },
): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM quarantine q JOIN versions v ON v.record_id = q.record_id AND v.version = q.version
    WHERE q.state = 'open' AND q.stage = 'outbound' AND q.platform = ? AND v.created_at > ? AND v.created_at <= ?`;
  const [row] = await select<{ n: number }>(db, sql, [platform, since, until]);
  return Number(row?.n ?? 0);
}

/** A run found nothing more to seal; what it had to set aside stands beside the outcome. */
export const markSealed = (
  tx: Tx,
  id: number,
  counts: {
    readonly setAside: number;
    readonly unconfirmed: number;
    readonly unconfirmedBy: ByDivision;
    readonly now: Date;
  },
): Promise<number> =>
  change(
    tx,
    'UPDATE periods SET sealed_at = COALESCE(sealed_at, ?), set_aside = ?, unconfirmed = ?, unconfirmed_by = ? WHERE id = ?',
    [counts.now.toISOString(), counts.setAside, counts.unconfirmed, JSON.stringify(counts.unconfirmedBy), id],
  );

/** Nothing new. False when it was said already. */
export const markNil = async (
  tx: Tx,
  id: number,
  nil: { readonly kind: 'message' | 'report'; readonly digest: Buffer; readonly now: Date },
): Promise<boolean> =>
  (await change(tx, 'UPDATE periods SET nil_at = ?, nil_kind = ?, nil_digest = ? WHERE id = ? AND nil_at IS NULL', [
    nil.now.toISOString(),
    nil.kind,
    nil.digest,
    id,
  ])) === 1;

/** False when somebody else has closed it. */
export const markClosed = async (
  tx: Tx,
  id: number,
  end: { readonly now: Date; readonly coveredBy?: string },
): Promise<boolean> =>
  (await change(
    tx,
    "UPDATE periods SET state = 'closed', closed_at = ?, covered_by = ? WHERE id = ? AND state = 'open'",
    [end.now.toISOString(), end.coveredBy ?? null, id],
  )) === 1;

// biome-ignore lint/suspicious/noExplicitAny: knex rows are untyped
const toPeriod = (row: any): PeriodRow => ({
  id: Number(row.id),
  platform: row.platform,
  duty: row.duty,
  period: row.period,
  nominal: row.nominal,
  day: row.day,
  plannedAt: row.planned_at,
  dueAt: row.due_at,
  graceUntil: row.grace_until,
  nextPlannedAt: row.next_planned_at,
  nextDueAt: row.next_due_at,
  movedBy: row.moved_by,
  coverage: row.coverage,
  backfilled: Number(row.backfilled) === 1,
  state: row.state,
  firstSealAt: row.first_seal_at,
  sealedAt: row.sealed_at,
  nilAt: row.nil_at,
  nilKind: row.nil_kind,
  coveredBy: row.covered_by,
  setAside: Number(row.set_aside),
  unconfirmed: Number(row.unconfirmed),
  unconfirmedBy: JSON.parse(row.unconfirmed_by ?? '{}'),
  closedAt: row.closed_at,
});
