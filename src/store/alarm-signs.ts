import { type Reader, select } from './database.ts';

/** What checks look at. Every query here runs each minute: none may walk through all records. */

export interface EndedRun {
  readonly id: number;
  readonly state: string;
  readonly dueAt: string | null;
  readonly endedAt: string;
  readonly report: string | null;
}

/** The newest runs of a job that came to an end, newest first. */
export const endedRuns = (db: Reader, job: string, limit: number): Promise<EndedRun[]> =>
  select(
    db,
    `SELECT id, state, due_at AS "dueAt", ended_at AS "endedAt", report FROM runs
     WHERE job = ? AND state NOT IN ('running', 'skipped') AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ${limit}`,
    [job],
  );

export interface PlatformCount {
  readonly platform: string;
  readonly n: number;
  readonly oldest: string;
}

const counted = async (db: Reader, sql: string): Promise<PlatformCount[]> =>
  (await select<PlatformCount>(db, sql)).map((row) => ({ ...row, n: Number(row.n) }));

/** Batches that only a person can move on. */
export const heldBatches = (db: Reader): Promise<PlatformCount[]> =>
  counted(
    db,
    "SELECT platform, COUNT(*) AS n, MIN(sealed_at) AS oldest FROM batches WHERE state = 'HELD' GROUP BY platform",
  );

/** Batches on their way: whatever is neither final nor held. */
export const unsettledBatches = (db: Reader): Promise<PlatformCount[]> =>
  counted(
    db,
    `SELECT platform, COUNT(*) AS n, MIN(sealed_at) AS oldest FROM batches
     WHERE state IN ('SEALED', 'SENDING', 'RETRY_WAIT', 'RECEIVED', 'UNKNOWN') GROUP BY platform`,
  );

/** How long the scheduler has not stirred, ms; `undefined`: it never has. */
export async function schedulerSilence(db: Reader, now: Date): Promise<number | undefined> {
  const [row] = await select<{ last: string | null }>(db, 'SELECT MAX(last_at) AS last FROM heartbeats');
  return row?.last ? now.getTime() - Date.parse(row.last) : undefined;
}

export interface OwedPeriod {
  readonly platform: string;
  readonly period: string;
  readonly dueAt: string;
  /** Made after it was due: the hub was not there on its day. */
  readonly backfilled: boolean;
  readonly createdAt: string;
}

/** Periods that are past their due time and not done, oldest first. */
export async function overduePeriods(db: Reader, now: Date): Promise<OwedPeriod[]> {
  const sql = `SELECT platform, period, due_at AS "dueAt", created_at AS "createdAt", backfilled FROM periods
    WHERE state = 'open' AND due_at <= ? ORDER BY due_at, platform`;
  const rows = await select<Omit<OwedPeriod, 'backfilled'> & { backfilled: number }>(db, sql, [now.toISOString()]);
  return rows.map((row) => ({ ...row, backfilled: Number(row.backfilled) === 1 }));
}

/** Platforms whose next period is past its due time and was not even begun: nobody made it. */
export const unmadePeriods = (
  db: Reader,
  now: Date,
): Promise<{ readonly platform: string; readonly dueAt: string }[]> =>
  select(
    db,
    'SELECT platform, MAX(next_due_at) AS "dueAt" FROM periods GROUP BY platform HAVING MAX(next_due_at) <= ?',
    [now.toISOString()],
  );

/** Platforms to which nothing is sent for the moment because requests fail. */
export const openBreakers = (
  db: Reader,
): Promise<
  {
    readonly platform: string;
    readonly reason: string | null;
    readonly latest: string | null;
    readonly since: string;
  }[]
> =>
  select(
    db,
    "SELECT platform, reason, latest, changed_at AS since FROM breakers WHERE state = 'open' ORDER BY platform",
  );

/** Platforms whose period waits because they refused too many records at once. */
export const poisonPauses = (
  db: Reader,
): Promise<{ readonly platform: string; readonly period: string | null; readonly since: string }[]> =>
  select(
    db,
    "SELECT platform, period, at AS since FROM pauses WHERE kind = 'poison' AND ended_at IS NULL ORDER BY platform, id",
  );

/** Receipts of late that belong to nothing we sent. */
export async function recentOrphans(db: Reader, since: Date): Promise<PlatformCount[]> {
  const sql = `SELECT platform, COUNT(*) AS n, MIN(received_at) AS oldest FROM orphan_receipts
    WHERE received_at >= ? GROUP BY platform ORDER BY platform`;
  const rows = await select<PlatformCount>(db, sql, [since.toISOString()]);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

/** Open tickets of records about which a platform contradicted itself. */
export const contradictedTickets = (db: Reader): Promise<PlatformCount[]> =>
  counted(
    db,
    `SELECT platform, COUNT(*) AS n, MIN(opened_at) AS oldest FROM quarantine
     WHERE state = 'open' AND stage = 'platform' AND faults LIKE '%"PLATFORM_CONFLICT"%' GROUP BY platform`,
  );

/** Notices of late that fit no record or cannot be read: nothing was withdrawn for them. */
export async function recentStrayNotices(db: Reader, since: Date): Promise<PlatformCount[]> {
  const sql = `SELECT platform, COUNT(*) AS n, MIN(received_at) AS oldest FROM notices
    WHERE state NOT IN ('applied', 'waiting') AND received_at >= ? GROUP BY platform ORDER BY platform`;
  const rows = await select<PlatformCount>(db, sql, [since.toISOString()]);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

/** Secrets that platforms issued and that end; instants as text. */
export const endingSecrets = (
  db: Reader,
): Promise<{ readonly name: string; readonly endsAt: string; readonly issuedAt: string }[]> =>
  select(
    db,
    'SELECT name, ends_at AS "endsAt", updated_at AS "issuedAt" FROM vault WHERE ends_at IS NOT NULL ORDER BY name',
  );

/** Changes that no account stands for, of late; a change of the set-up while approvals are off is one of them. */
export const breakGlassUses = (db: Reader, since: Date): Promise<{ readonly actor: string; readonly at: string }[]> =>
  select(
    db,
    `SELECT actor, at FROM log_entries WHERE at >= ? AND action IN ('command.break-glass', 'configuration.unguarded')
     ORDER BY at LIMIT 1000`,
    [since.toISOString()],
  );
