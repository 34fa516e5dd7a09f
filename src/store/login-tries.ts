import { change, placeholders, type Reader, select, type Tx } from './database.ts';

/** True while one of these subjects (an account here or elsewhere, an address) is locked. */
export async function isLocked(db: Reader, subjects: readonly Buffer[], at: string): Promise<boolean> {
  const sql = `SELECT locked_until FROM login_tries WHERE locked_until > ? AND subject IN (${placeholders(subjects.length)})`;
  return (await select(db, sql, [at, ...subjects])).length > 0;
}

/** Counts one more wrong try; how many there are in a row. */
export async function countWrong(tx: Tx, subject: Buffer, at: string): Promise<number> {
  const row = { subject, wrong: 0, tried_at: at, locked_until: null };
  await tx('login_tries').insert(row).onConflict('subject').ignore();
  await change(tx, 'UPDATE login_tries SET wrong = wrong + 1, tried_at = ? WHERE subject = ?', [at, subject]);
  const [found] = await select<{ wrong: number }>(tx, 'SELECT wrong FROM login_tries WHERE subject = ?', [subject]);
  return Number(found?.wrong ?? 1);
}

/** Locks, and counts from nothing when the lock is over. */
export const lockUntil = (tx: Tx, subject: Buffer, until: string): Promise<number> =>
  change(tx, 'UPDATE login_tries SET locked_until = ?, wrong = 0 WHERE subject = ?', [until, subject]);

export const forgetTries = (tx: Tx, subjects: readonly Buffer[]): Promise<number> =>
  change(tx, `DELETE FROM login_tries WHERE subject IN (${placeholders(subjects.length)})`, subjects);
