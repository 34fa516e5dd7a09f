import { type Breaker, CLOSED, type Lately } from '../delivery/breaker.ts';
import { change, type Reader, select, type Tx } from './database.ts';

interface Row {
  readonly platform: string;
  readonly state: 'closed' | 'open';
  readonly failures: number;
  readonly wait_s: number;
  readonly open_until: string | null;
  readonly not_before: string | null;
  readonly reason: string | null;
  readonly latest: string | null;
}

const columns = 'platform, state, failures, wait_s, open_until, not_before, reason, latest';

const toBreaker = (row: Row): Breaker => ({
  state: row.state,
  failures: row.failures,
  waitS: row.wait_s,
  until: row.open_until,
  notBefore: row.not_before,
  reason: row.reason,
  latest: row.latest,
});

/** A platform that never failed has no row. */
export async function readBreaker(db: Reader, platform: string): Promise<Breaker> {
  const [row] = await select<Row>(db, `SELECT ${columns} FROM breakers WHERE platform = ?`, [platform]);
  return row === undefined ? CLOSED : toBreaker(row);
}

/** By platform name. */
export async function listBreakers(db: Reader): Promise<ReadonlyMap<string, Breaker>> {
  const rows = await select<Row>(db, `SELECT ${columns} FROM breakers ORDER BY platform`);
  return new Map(rows.map((row) => [row.platform, toBreaker(row)]));
}

export async function writeBreaker(tx: Tx, platform: string, breaker: Breaker, now: Date): Promise<void> {
  const { state, failures, waitS, until, notBefore, reason, latest } = breaker;
  const values = [state, failures, waitS, until, notBefore, reason, latest, now.toISOString()];
  const sql =
    'UPDATE breakers SET state = ?, failures = ?, wait_s = ?, open_until = ?, not_before = ?, reason = ?, latest = ?, changed_at = ? WHERE platform = ?';
  if ((await change(tx, sql, [...values, platform])) > 0) return;
  await tx('breakers')
    .insert({
      platform,
      state,
      failures,
      wait_s: waitS,
      open_until: until,
      not_before: notBefore,
      reason,
      latest,
      changed_at: now.toISOString(),
    })
    .onConflict('platform')
    .ignore();
}

/** Newest attempts that are looked at; a minute never has more that matter. */
const RECENT = 500;

/** Requests to a platform that ended in the last 60 seconds; asked only after a failure. */
export async function requestsLately(db: Reader, platform: string, now: Date): Promise<Lately> {
  const sql = `SELECT a.outcome, COUNT(*) AS n FROM attempts a JOIN batches b ON b.id = a.batch_id
    WHERE a.id > (SELECT COALESCE(MAX(id), 0) FROM attempts) - ${RECENT} AND b.platform = ? AND a.ended_at >= ? GROUP BY a.outcome`;
  const since = new Date(now.getTime() - 60_000).toISOString();
  const rows = await select<{ outcome: string; n: number }>(db, sql, [platform, since]);
  const count = (wanted: (outcome: string) => boolean): number =>
    rows.filter(({ outcome }) => wanted(outcome)).reduce((sum, { n }) => sum + Number(n), 0);
  return { requests: count(() => true), failed: count((outcome) => FAILED.has(outcome)) };
}

const FAILED: ReadonlySet<string> = new Set(['unknown', 'not-sent', 'contract-fault']);
