import { change, type Reader, select, type Tx } from './database.ts';

/** Remembers one value by name; in a transaction it also keeps two schedulers apart (MySQL: the row is locked). */
export async function setMark(tx: Tx, name: string, value: string, now: Date): Promise<void> {
  const at = now.toISOString();
  const changed = await change(tx, 'UPDATE duty_marks SET value = ?, at = ? WHERE name = ?', [value, at, name]);
  if (changed > 0 || (await readMark(tx, name)) !== undefined) return;
  await tx('duty_marks').insert({ name, value, at }).onConflict('name').ignore();
}

export async function readMark(db: Reader, name: string): Promise<string | undefined> {
  const [row] = await select<{ value: string }>(db, 'SELECT value FROM duty_marks WHERE name = ?', [name]);
  return row?.value;
}
