import { change, type Db, inTransaction, type Reader, select } from './database.ts';

export interface Measure {
  readonly name: string;
  /** Local date. */
  readonly day: string;
  readonly value: string;
}

/** One value per name and day: the last one counts. */
export async function keepMeasure(db: Db, { name, day, value }: Measure): Promise<void> {
  await inTransaction(db, async (tx) => {
    const sql = 'UPDATE measures SET value = ? WHERE name = ? AND day = ?';
    if ((await change(tx, sql, [value, name, day])) === 1) return;
    await tx('measures').insert({ name, day, value }).onConflict(['name', 'day']).merge(['value']);
  });
}

/** Values of one name from a day on, oldest first. */
export const measuresSince = (db: Reader, name: string, day: string): Promise<Measure[]> =>
  select(db, 'SELECT name, day, value FROM measures WHERE name = ? AND day >= ? ORDER BY day', [name, day]);
