import { change, type Reader, select, type Tx } from './database.ts';

/** One stretch in which a process was up. */
export interface Beat {
  readonly from: string;
  readonly to: string;
}

/** A process that was silent for longer than this was not there. */
const SILENCE_MS = 180_000;

/** Extends the stretch of this process, or begins a new one after a silence. */
export async function beat(tx: Tx, holder: string, now: Date): Promise<void> {
  const at = now.toISOString();
  const since = new Date(now.getTime() - SILENCE_MS).toISOString();
  const sql = `UPDATE heartbeats SET last_at = ? WHERE holder = ? AND last_at BETWEEN ? AND ?`;
  if ((await change(tx, sql, [at, holder, since, at])) > 0) return;
  await tx('heartbeats').insert({ holder, from_at: at, last_at: at });
}

/** Stretches that touch a span, in order of their beginning. */
export async function beatsBetween(db: Reader, from: string, to: string): Promise<Beat[]> {
  const sql = `SELECT from_at AS "from", last_at AS "to" FROM heartbeats WHERE last_at >= ? AND from_at <= ? ORDER BY from_at`;
  return select<Beat>(db, sql, [from, to]);
}
