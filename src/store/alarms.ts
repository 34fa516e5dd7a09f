import type { JsonObject } from '../json.ts';
import { change, type Db, inTransaction, placeholders, type Reader, select, type Tx } from './database.ts';
import { appendLog } from './log.ts';

/** One row per subject for ever; `round` counts how often it began. */
export interface AlarmRow {
  readonly id: number;
  readonly subject: string;
  readonly kind: string;
  readonly state: string;
  readonly level: string;
  readonly round: number;
  /** How often it was seen in this round. */
  readonly times: number;
  readonly message: JsonObject;
  readonly since: string;
  readonly seenAt: string;
  readonly endedAt: string | null;
  readonly closedBy: string | null;
  readonly reason: string | null;
}

const columns = `id, subject, kind, state, level, round, times, message, since, seen_at AS "seenAt", ended_at AS "endedAt",
  closed_by AS "closedBy", reason`;

type Stored = Omit<AlarmRow, 'message'> & { readonly message: string };

const toAlarm = (row: Stored): AlarmRow => ({ ...row, id: Number(row.id), message: JSON.parse(row.message) });

/** Newest first; `all`: also those that are over. */
export async function listAlarms(db: Reader, all: boolean, limit = 200): Promise<AlarmRow[]> {
  const wanted = all ? '' : "WHERE state IN ('open', 'exhausted', 'closed')";
  return (
    await select<Stored>(db, `SELECT ${columns} FROM alarms ${wanted} ORDER BY since DESC, id DESC LIMIT ${limit}`)
  ).map(toAlarm);
}

/** Alarms of these kinds that are not over, and whatever is known of these subjects. */
export async function knownAlarms(
  db: Reader,
  kinds: readonly string[],
  subjects: readonly string[],
): Promise<AlarmRow[]> {
  const live = `(kind IN (${placeholders(kinds.length)}) AND state <> 'recovered')`;
  const named = subjects.length === 0 ? '' : ` OR subject IN (${placeholders(subjects.length)})`;
  return (await select<Stored>(db, `SELECT ${columns} FROM alarms WHERE ${live}${named}`, [...kinds, ...subjects])).map(
    toAlarm,
  );
}

export const findAlarm = async (db: Reader, id: number): Promise<AlarmRow | undefined> =>
  (await select<Stored>(db, `SELECT ${columns} FROM alarms WHERE id = ?`, [id])).map(toAlarm)[0];

export interface AlarmChange {
  readonly known: AlarmRow | undefined;
  readonly subject: string;
  readonly kind: string;
  readonly level: string;
  readonly to: string;
  /** A new round: it begins again. */
  readonly begins: boolean;
  readonly message: JsonObject;
  readonly since: string;
  readonly now: Date;
  readonly by: string;
  readonly reason?: string;
}

/** Moves an alarm on, with its log entry; `undefined` when another process was quicker. */
export async function moveAlarm(
  tx: Tx,
  move: AlarmChange,
): Promise<{ readonly id: number; readonly round: number } | undefined> {
  const { known, now, to } = move;
  const moved = known === undefined ? await insertAlarm(tx, move) : await updateAlarm(tx, known, move);
  if (moved === undefined) return undefined;
  const detail = {
    alarm: moved.id,
    subject: move.subject,
    level: move.level,
    round: moved.round,
    ...(move.reason ? { reason: move.reason } : {}),
  };
  await appendLog(tx, now, [{ actor: move.by, action: `alarm.${to}`, detail }]);
  return moved;
}

async function insertAlarm(tx: Tx, move: AlarmChange): Promise<{ id: number; round: number } | undefined> {
  // SQLite cannot tell an ignored insert from a made one; its transactions follow each other, so looking first is enough there.
  if ((await select(tx, 'SELECT id FROM alarms WHERE subject = ?', [move.subject])).length > 0) return undefined;
  const at = move.now.toISOString();
  const row = {
    ...{ subject: move.subject, kind: move.kind, state: move.to, level: move.level, round: 1, times: 1 },
    ...{ message: JSON.stringify(move.message), since: move.since, seen_at: at },
  };
  const [id] = await tx('alarms').insert(row).onConflict(['subject']).ignore();
  return id === undefined || id === 0 ? undefined : { id: Number(id), round: 1 };
}

async function updateAlarm(
  tx: Tx,
  known: AlarmRow,
  move: AlarmChange,
): Promise<{ id: number; round: number } | undefined> {
  const at = move.now.toISOString();
  const over = move.to === 'recovered' || move.to === 'closed';
  const round = known.round + (move.begins ? 1 : 0);
  const changed = await change(
    tx,
    `UPDATE alarms SET kind = ?, state = ?, level = ?, round = ?, times = ?, message = ?, since = ?, seen_at = ?, ended_at = ?,
       closed_by = ?, reason = ? WHERE id = ? AND state = ? AND round = ?`,
    [
      ...[move.kind, move.to, move.level, round, move.begins ? 1 : known.times, JSON.stringify(move.message)],
      ...[move.begins ? move.since : known.since, at, over ? at : null],
      ...[move.to === 'closed' ? move.by : null, move.reason ?? null, known.id, known.state, known.round],
    ],
  );
  return changed === 1 ? { id: known.id, round } : undefined;
}

/** Still there: counted, nothing is sent. */
export async function countSeen(db: Db, ids: readonly number[], now: Date): Promise<void> {
  if (ids.length === 0) return;
  const sql = `UPDATE alarms SET times = times + 1, seen_at = ? WHERE id IN (${placeholders(ids.length)})`;
  await inTransaction(db, (tx) => change(tx, sql, [now.toISOString(), ...ids]));
}
