import type { JsonObject } from '../json.ts';
import { change, type Db, inTransaction, type Reader, select, type Tx } from './database.ts';

/** Something that goes out once: `name` says what it is, so that two processes or a restart cannot send it twice. */
export interface NewMessage {
  readonly name: string;
  readonly channel: 'mail' | 'webhook';
  readonly alarmId?: number | undefined;
  readonly message: JsonObject;
}

/** True where the message is new. */
export async function enqueue(tx: Tx, { name, channel, alarmId, message }: NewMessage, now: Date): Promise<boolean> {
  if ((await select(tx, 'SELECT id FROM alarm_messages WHERE name = ?', [name])).length > 0) return false;
  const at = now.toISOString();
  const row = {
    name,
    channel,
    alarm_id: alarmId ?? null,
    state: 'waiting',
    message: JSON.stringify(message),
    attempts: 0,
  };
  const [id] = await tx('alarm_messages')
    .insert({ ...row, next_at: at, made_at: at })
    .onConflict(['name'])
    .ignore();
  return id !== undefined && id !== 0;
}

export interface WaitingMessage {
  readonly id: number;
  readonly name: string;
  readonly channel: 'mail' | 'webhook';
  readonly message: JsonObject;
  readonly attempts: number;
  readonly nextAt: string;
  readonly madeAt: string;
}

/** Oldest first, those whose time has come. */
export async function dueMessages(db: Reader, now: Date, limit: number): Promise<WaitingMessage[]> {
  const rows = await select<Omit<WaitingMessage, 'message'> & { message: string }>(
    db,
    `SELECT id, name, channel, message, attempts, next_at AS "nextAt", made_at AS "madeAt" FROM alarm_messages
     WHERE state = 'waiting' AND next_at <= ? ORDER BY next_at, id LIMIT ${limit}`,
    [now.toISOString()],
  );
  return rows.map((row) => ({ ...row, id: Number(row.id), message: JSON.parse(row.message) }));
}

/** Takes one for sending: exactly one process gets it, and another may try when `until` has passed. */
export async function claimMessage(
  db: Db,
  { id, nextAt }: WaitingMessage,
  holder: string,
  until: Date,
): Promise<boolean> {
  const sql = `UPDATE alarm_messages SET claimed_by = ?, next_at = ?, attempts = attempts + 1
    WHERE id = ? AND state = 'waiting' AND next_at = ?`;
  return (await inTransaction(db, (tx) => change(tx, sql, [holder, until.toISOString(), id, nextAt]))) === 1;
}

export type MessageEnd =
  | { readonly state: 'sent'; readonly at: Date }
  | { readonly state: 'waiting'; readonly error: string; readonly nextAt: Date }
  | { readonly state: 'dropped'; readonly error: string };

export async function endAttempt(db: Db, id: number, end: MessageEnd): Promise<void> {
  const error = 'error' in end ? end.error.slice(0, 500) : null;
  const [sentAt, nextAt] = [
    end.state === 'sent' ? end.at.toISOString() : null,
    end.state === 'waiting' ? end.nextAt.toISOString() : null,
  ];
  const sql =
    'UPDATE alarm_messages SET state = ?, error = ?, sent_at = ?, next_at = COALESCE(?, next_at) WHERE id = ?';
  await inTransaction(db, (tx) => change(tx, sql, [end.state, error, sentAt, nextAt, id]));
}

/** Messages that have been tried in vain, and since when the oldest waits. */
export async function stuckMessages(
  db: Reader,
): Promise<readonly { readonly channel: string; readonly n: number; readonly oldest: string }[]> {
  const sql = `SELECT channel, COUNT(*) AS n, MIN(made_at) AS oldest FROM alarm_messages
    WHERE state = 'waiting' AND attempts >= 3 AND error IS NOT NULL GROUP BY channel`;
  const rows = await select<{ channel: string; n: number; oldest: string }>(db, sql);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

/** What an operator sees of the newest messages; the texts themselves stay where they are. */
export async function messagesOf(
  db: Reader,
  alarmId: number,
): Promise<{ channel: string; name: string; state: string; error: string | null; sentAt: string | null }[]> {
  return select(
    db,
    'SELECT channel, name, state, error, sent_at AS "sentAt" FROM alarm_messages WHERE alarm_id = ? ORDER BY id',
    [alarmId],
  );
}

/** Sent ones are of no use after a quarter; what was dropped is kept as long. */
export const forgetMessages = (db: Db, before: Date): Promise<number> =>
  inTransaction(db, (tx) =>
    change(tx, "DELETE FROM alarm_messages WHERE state <> 'waiting' AND made_at < ?", [before.toISOString()]),
  );
