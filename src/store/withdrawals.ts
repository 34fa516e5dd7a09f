import { sha256Bytes } from '../canonical.ts';
import { contentDigest } from '../record.ts';
import { change, placeholders, type Reader, select, type Tx } from './database.ts';

/** Why a record is shown no more, whatever its bureau says of it. */
export type Cause = 'repair' | 'publicity-end';

/** Bars a record from being shown; false when it is barred already. */
export async function suppress(
  tx: Tx,
  recordId: number,
  {
    cause,
    since,
    reason,
    now,
  }: { readonly cause: Cause; readonly since: string; readonly reason: string; readonly now: Date },
): Promise<boolean> {
  const known = await select(tx, 'SELECT record_id FROM suppressions WHERE record_id = ?', [recordId]);
  if (known.length > 0) return false;
  await tx('suppressions').insert({ record_id: recordId, cause, since, reason, at: now.toISOString() });
  return true;
}

export const liftSuppression = (tx: Tx, recordId: number): Promise<number> =>
  change(tx, 'DELETE FROM suppressions WHERE record_id = ?', [recordId]);

/** Barred records that are still, or again, the newest state to be shown. */
export async function barredButShown(
  db: Reader,
  limit: number,
): Promise<{ readonly id: number; readonly cause: Cause }[]> {
  const sql = `SELECT r.id, s.cause FROM suppressions s JOIN records r ON r.id = s.record_id
    WHERE r.newest_operation = 'UPSERT' ORDER BY r.id LIMIT ${limit}`;
  const rows = await select<{ id: number; cause: Cause }>(db, sql);
  return rows.map(({ id, cause }) => ({ id: Number(id), cause }));
}

export interface ShownVersion {
  readonly type: string;
  readonly version: number;
  /** Canonical JSON. */
  readonly body: string;
}

/** The newest version of a record that is to be shown; undefined when it is withdrawn already. */
export async function shownVersion(db: Reader, recordId: number): Promise<ShownVersion | undefined> {
  const sql = `SELECT r.type, v.version, v.body FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.id = ? AND r.newest_operation = 'UPSERT'`;
  const [row] = await select<ShownVersion>(db, sql, [recordId]);
  return row;
}

/**
 * Appends a version that withdraws a record. What its bureau last said stays known as it was, so that the next reading of the same
 * row is unchanged and shows nothing again.
 */
export async function appendWithdrawal(
  tx: Tx,
  recordId: number,
  { version, body }: { readonly version: number; readonly body: string },
  now: Date,
): Promise<void> {
  await change(
    tx,
    `INSERT INTO versions (record_id, version, operation, body, digest, raw_digest, revised_at, created_at)
     SELECT record_id, version + 1, 'WITHDRAW', ?, ?, raw_digest, revised_at, ? FROM versions WHERE record_id = ? AND version = ?`,
    [body, Buffer.from(contentDigest('WITHDRAW', body), 'hex'), now.toISOString(), recordId, version],
  );
  const sql =
    "UPDATE records SET newest_version = ?, newest_operation = 'WITHDRAW' WHERE id = ? AND newest_version = ?";
  if ((await change(tx, sql, [version + 1, recordId, version])) !== 1)
    throw new Error(`record ${recordId}: version ${version} is no longer the newest`);
}

export interface Notice {
  readonly platform: string;
  readonly noticeId: string;
  readonly recordId: number | undefined;
  /** Kept word for word in `reason`, because nobody can say what it means. */
  readonly unreadable?: true;
  /** Its day has not come: nothing happens before. */
  readonly waits?: boolean;
  readonly decidedOn: string;
  readonly reason: string;
  readonly now: Date;
}

/**
 * Keeps a notice; false when it came before. One that fitted no record then, or could not be read, and now fits one, is taken after
 * all; what could not be read stays as it came.
 */
export async function keepNotice(tx: Tx, notice: Notice): Promise<boolean> {
  const { platform, noticeId, recordId, decidedOn, reason, now } = notice;
  const identity = sha256Bytes(JSON.stringify([platform, noticeId]));
  const [known] = await select<{ state: string }>(tx, 'SELECT state FROM notices WHERE identity = ?', [identity]);
  const taken = notice.waits === true ? 'waiting' : 'applied';
  if ((known?.state === 'unmatched' || known?.state === 'unreadable') && recordId !== undefined) {
    const said = known.state === 'unreadable' && taken === 'applied' ? {} : { reason };
    await tx('notices')
      .where({ identity })
      .update({ state: taken, record_id: recordId, decided_on: decidedOn, ...said });
    return true;
  }
  if (known !== undefined) return false;
  await tx('notices').insert({
    identity,
    platform,
    notice_id: noticeId.slice(0, 255),
    state: notice.unreadable ? 'unreadable' : recordId === undefined ? 'unmatched' : taken,
    record_id: recordId ?? null,
    decided_on: decidedOn,
    reason,
    received_at: now.toISOString(),
  });
  return true;
}

/** The record that a notice is about; undefined where the notice is new or fits no record. */
export async function recordOfNotice(db: Reader, platform: string, noticeId: string): Promise<number | undefined> {
  const sql = 'SELECT record_id AS id FROM notices WHERE identity = ? AND record_id IS NOT NULL';
  const identity = sha256Bytes(JSON.stringify([platform, noticeId]));
  const [row] = await select<{ id: number }>(db, sql, [identity]);
  return row === undefined ? undefined : Number(row.id);
}

/** Gives a notice of this record, and what bars the record for it, another day; undefined where there is nothing to correct. */
export async function correctDecided(
  tx: Tx,
  platform: string,
  {
    noticeId,
    recordKey,
    decidedOn,
  }: { readonly noticeId: string; readonly recordKey: string; readonly decidedOn: string },
): Promise<{ readonly recordId: number; readonly was: string; readonly waited: boolean } | undefined> {
  const identity = sha256Bytes(JSON.stringify([platform, noticeId]));
  const sql = `SELECT n.record_id AS id, n.decided_on AS was, n.state FROM notices n JOIN records r ON r.id = n.record_id
    WHERE n.identity = ? AND n.state IN ('applied', 'waiting') AND r.record_key = ? AND n.decided_on <> ?`;
  const [row] = await select<{ id: number; was: string; state: string }>(tx, sql, [
    identity,
    Buffer.from(recordKey, 'hex'),
    decidedOn,
  ]);
  if (row === undefined) return undefined;
  const { id, was, state } = row;
  await tx('notices').where({ identity }).update({ decided_on: decidedOn });
  await tx('suppressions').where({ record_id: id, cause: 'repair', since: was }).update({ since: decidedOn });
  return { recordId: Number(id), was, waited: state === 'waiting' };
}

/** A notice whose day has not come, or has come and was not acted on yet. */
export interface WaitingNotice {
  readonly id: number;
  readonly platform: string;
  readonly noticeId: string;
  readonly recordId: number;
  readonly decidedOn: string;
  readonly reason: string;
}

/** Notices that wait, the earliest day first; `until`: only those whose day is not later than this local one. */
export async function waitingNotices(db: Reader, limit: number, until?: string): Promise<WaitingNotice[]> {
  const due = until === undefined ? '' : ' AND decided_on <= ?';
  const sql = `SELECT id, platform, notice_id AS "noticeId", record_id AS "recordId", decided_on AS "decidedOn", reason
    FROM notices WHERE state = 'waiting'${due} ORDER BY decided_on, id LIMIT ${limit}`;
  const rows = await select<WaitingNotice>(db, sql, until === undefined ? [] : [until]);
  return rows.map((row) => ({ ...row, id: Number(row.id), recordId: Number(row.recordId) }));
}

/** True for the one caller that acts on it. */
export const endWaiting = async (tx: Tx, id: number): Promise<boolean> =>
  (await change(tx, "UPDATE notices SET state = 'applied' WHERE id = ? AND state = 'waiting'", [id])) === 1;

/** By what a notice says of its record; several ids when it is not clear which is meant. */
export async function recordsNamed(
  db: Reader,
  named: {
    readonly recordKey?: string | undefined;
    readonly idemKey?: string | undefined;
    readonly number?: string | undefined;
    readonly creditCode?: string | undefined;
    readonly name?: string | undefined;
  },
): Promise<readonly number[]> {
  const { recordKey, idemKey, number, creditCode, name } = named;
  const ids = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => Number(id));
  if (recordKey !== undefined && /^[0-9a-f]{64}$/i.test(recordKey))
    return ids(await select(db, 'SELECT id FROM records WHERE record_key = ?', [Buffer.from(recordKey, 'hex')]));
  if (idemKey !== undefined)
    return ids(await select(db, 'SELECT DISTINCT record_id AS id FROM deliveries WHERE idem_key = ?', [idemKey]));
  if (number === undefined || (creditCode === undefined && name === undefined)) return [];
  const party = creditCode === undefined ? 'name = ?' : 'credit_code = ?';
  return ids(await select(db, `SELECT id FROM records WHERE number = ? AND ${party}`, [number, creditCode ?? name]));
}

/** Penalties whose end of publicity is not known for their newest version, from a record id on. */
export async function withoutPublicityEnd(
  db: Reader,
  { types, limit }: { readonly types: readonly string[]; readonly limit: number },
): Promise<{ readonly id: number; readonly version: number; readonly body: string }[]> {
  if (types.length === 0) return [];
  const sql = `SELECT r.id, v.version, v.body FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.type IN (${placeholders(types.length)}) AND r.newest_operation = 'UPSERT'
      AND NOT EXISTS (SELECT 1 FROM publicity_ends p WHERE p.record_id = r.id AND p.version = r.newest_version)
    ORDER BY r.id LIMIT ${limit}`;
  const rows = await select<{ id: number; version: number; body: string }>(db, sql, types);
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

export interface PublicityEnd {
  readonly recordId: number;
  readonly version: number;
  readonly rule: string;
  readonly severity: string;
  readonly endsOn: string | null;
}

export async function keepPublicityEnd(tx: Tx, end: PublicityEnd): Promise<void> {
  await change(tx, 'DELETE FROM publicity_ends WHERE record_id = ?', [end.recordId]);
  await tx('publicity_ends').insert({
    record_id: end.recordId,
    version: end.version,
    rule: end.rule,
    severity: end.severity,
    ends_on: end.endsOn,
  });
}

/** Records whose publicity is over but that are still to be shown. */
export async function publicityOver(
  db: Reader,
  today: string,
  limit: number,
): Promise<{ readonly id: number; readonly endsOn: string; readonly rule: string }[]> {
  const sql = `SELECT r.id, p.ends_on AS "endsOn", p.rule FROM publicity_ends p JOIN records r ON r.id = p.record_id
    WHERE p.ends_on < ? AND r.newest_operation = 'UPSERT'
      AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.record_id = r.id) ORDER BY r.id LIMIT ${limit}`;
  const rows = await select<{ id: number; endsOn: string; rule: string }>(db, sql, [today]);
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}

/** Records barred for the end of publicity whose bureau states a later end, or none, in the meantime. */
export async function publicityProlonged(db: Reader, today: string): Promise<readonly number[]> {
  const sql = `SELECT r.id FROM suppressions s JOIN records r ON r.id = s.record_id
    JOIN publicity_ends p ON p.record_id = r.id AND p.version = r.newest_version
    WHERE s.cause = 'publicity-end' AND r.newest_operation = 'UPSERT' AND (p.ends_on IS NULL OR p.ends_on >= ?)`;
  return (await select<{ id: number }>(db, sql, [today])).map(({ id }) => Number(id));
}
