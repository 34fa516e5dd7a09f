import { change, isSqlite, type Reader, select, type Tx } from './database.ts';

/** A platform to which nothing is sent until a person resumes it. */
export interface Pause {
  readonly platform: string;
  /** `person`: asked for; `poison`: too many refusals in one batch or run, so the period waits. */
  readonly kind: 'person' | 'poison';
  readonly period: string | null;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
}

/** A record that is not sent until a person releases it; `platform` null: to none. */
export interface Hold {
  readonly recordId: number;
  readonly platform: string | null;
  readonly actor: string;
  readonly reason: string;
  readonly at: string;
}

/** A person's word, as it is kept. */
export interface Word {
  readonly actor: string;
  readonly reason: string;
  readonly now: Date;
}

const decision = ({ actor, reason, now }: Word) => ({ actor, reason, at: now.toISOString() });

const ending = ({ actor, reason, now }: Word): readonly string[] => [now.toISOString(), actor, reason];

/** Pauses in force, oldest first. */
export async function listPauses(db: Reader, platform?: string): Promise<Pause[]> {
  const query = db('pauses').select('platform', 'kind', 'period', 'actor', 'reason', 'at').whereNull('ended_at');
  if (platform !== undefined) query.where({ platform });
  return query.orderBy('id');
}

type NewPause = Word & { readonly kind: Pause['kind']; readonly period: string | null };

/** Beside whatever pauses are in force: a restored backup has its own reason. */
export async function pausePlatform(tx: Tx, platform: string, word: NewPause): Promise<void> {
  const { kind, period } = word;
  await tx('pauses').insert({ platform, kind, period, ...decision(word) });
}

/** False, and nothing is written, where a pause of this kind is in force there: two hands at once make one row. */
export async function pauseOnce(tx: Tx, platform: string, word: NewPause): Promise<boolean> {
  const { kind, period } = word;
  const sql = 'SELECT id FROM pauses WHERE platform = ? AND kind = ? AND ended_at IS NULL';
  if ((await select(tx, sql, [platform, kind])).length > 0) return false;
  const [id] = await tx('pauses').insert({ platform, kind, period, ...decision(word) });
  // SQLite has one writer. MariaDB: who finds another's row behind its own takes its own back; both at once is a deadlock, and one is repeated.
  if (isSqlite(tx) || (await select(tx, `${sql} FOR UPDATE`, [platform, kind])).length === 1) return true;
  await tx('pauses').where({ id }).delete();
  return false;
}

/** Was a platform stopped for poison since then, whether or not it goes on again? */
export async function pausedSince(db: Reader, platform: string, since: string): Promise<boolean> {
  const sql = "SELECT id FROM pauses WHERE platform = ? AND kind = 'poison' AND at >= ?";
  return (await select(db, sql, [platform, since])).length > 0;
}

/** How many pauses it ended. */
export const resumePlatform = (tx: Tx, platform: string, word: Word): Promise<number> =>
  change(tx, 'UPDATE pauses SET ended_at = ?, ended_by = ?, end_reason = ? WHERE platform = ? AND ended_at IS NULL', [
    ...ending(word),
    platform,
  ]);

/** Holds in force, oldest first. */
export async function listHolds(db: Reader): Promise<Hold[]> {
  const sql = 'SELECT record_id, platform, actor, reason, at FROM holds WHERE ended_at IS NULL ORDER BY id';
  const rows = await select<Omit<Hold, 'recordId'> & { record_id: number }>(db, sql);
  return rows.map(({ record_id, ...row }) => ({ ...row, recordId: Number(record_id) }));
}

export async function holdRecord(tx: Tx, recordId: number, word: Word & { readonly platform: string | null }) {
  await tx('holds').insert({ record_id: recordId, platform: word.platform, ...decision(word) });
}

/** How many holds it ended. */
export const releaseRecord = (tx: Tx, recordId: number, word: Word): Promise<number> =>
  change(tx, 'UPDATE holds SET ended_at = ?, ended_by = ?, end_reason = ? WHERE record_id = ? AND ended_at IS NULL', [
    ...ending(word),
    recordId,
  ]);

/** False when somebody stopped it before. */
export async function stopRun(tx: Tx, runId: number, word: Word): Promise<boolean> {
  const known = await select(tx, 'SELECT run_id FROM run_stops WHERE run_id = ?', [runId]);
  if (known.length > 0) return false;
  await tx('run_stops').insert({ run_id: runId, ...decision(word) });
  return true;
}

export async function runStop(db: Reader, runId: number): Promise<string | undefined> {
  const [row] = await select<{ reason: string }>(db, 'SELECT reason FROM run_stops WHERE run_id = ?', [runId]);
  return row?.reason;
}

/** What stands in the way of one platform now; one look per batch. */
export interface Stops {
  readonly paused: { readonly kind: Pause['kind']; readonly reason: string } | undefined;
  /** Reason of the run's stop. */
  readonly stopped: string | undefined;
  /** Records that must not be sent here: held by a person, or shown no more. */
  readonly held: ReadonlySet<number>;
}

export async function readStops(db: Reader, platform: string, runId: number): Promise<Stops> {
  const rows = await select<{
    what: 'pause' | 'stop' | 'hold';
    kind: Pause['kind'] | null;
    reason: string;
    record: number;
  }>(
    db,
    `SELECT 'pause' AS what, kind, reason, 0 AS record FROM pauses WHERE platform = ? AND ended_at IS NULL
     UNION ALL SELECT 'stop', NULL, reason, 0 FROM run_stops WHERE run_id = ?
     UNION ALL SELECT 'hold', NULL, '', record_id FROM holds WHERE ended_at IS NULL AND (platform IS NULL OR platform = ?)`,
    [platform, runId, platform],
  );
  const pause = rows.find(({ what }) => what === 'pause');
  return {
    paused: pause === undefined ? undefined : { kind: pause.kind ?? 'person', reason: pause.reason },
    stopped: rows.find(({ what }) => what === 'stop')?.reason,
    held: new Set(rows.filter(({ what }) => what === 'hold').map(({ record }) => Number(record))),
  };
}

export async function heldRecords(db: Reader, platform: string): Promise<ReadonlySet<number>> {
  const sql = 'SELECT DISTINCT record_id FROM holds WHERE ended_at IS NULL AND (platform IS NULL OR platform = ?)';
  const rows = await select<{ record_id: number }>(db, sql, [platform]);
  return new Set(rows.map(({ record_id }) => Number(record_id)));
}
