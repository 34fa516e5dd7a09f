import { change, type Reader, select, type Tx } from './database.ts';

/** An authenticator of a person; its seed is derived, not kept. */
export interface SecondFactor {
  readonly generation: number;
  /** Null until a first code proved it. */
  readonly confirmedAt: string | null;
  /** The step of the last code used. */
  readonly lastStep: number;
}

export async function readFactor(db: Reader, userId: number): Promise<SecondFactor | undefined> {
  const sql = 'SELECT generation, confirmed_at, last_step FROM second_factors WHERE user_id = ?';
  type Row = { generation: number; confirmed_at: string | null; last_step: number };
  const [row] = await select<Row>(db, sql, [userId]);
  if (row === undefined) return undefined;
  return { generation: Number(row.generation), confirmedAt: row.confirmed_at, lastStep: Number(row.last_step) };
}

/** A new seed, to be confirmed; the one before is over. */
export async function renewFactor(tx: Tx, userId: number, generation: number): Promise<void> {
  const row = { user_id: userId, generation, confirmed_at: null, last_step: 0 };
  await tx('second_factors').insert(row).onConflict('user_id').merge(['generation', 'confirmed_at', 'last_step']);
}

/** Takes a step: true for the one try that gets it. */
export const useStep = async (tx: Tx, userId: number, step: number, at: string): Promise<boolean> =>
  (await change(
    tx,
    'UPDATE second_factors SET last_step = ?, confirmed_at = COALESCE(confirmed_at, ?) WHERE user_id = ? AND last_step < ?',
    [step, at, userId, step],
  )) === 1;

/** The authenticator is lost: none is asked for until the next enrolment. Its generation is never used again. */
export const loseFactor = (tx: Tx, userId: number): Promise<number> =>
  change(
    tx,
    'UPDATE second_factors SET confirmed_at = NULL, generation = generation + 1, last_step = 0 WHERE user_id = ?',
    [userId],
  );
