import { sequenceAll } from '../../src/evidence/sequencer.ts';
import type { JsonObject } from '../../src/json.ts';
import { type Db, inTransaction } from '../../src/store/database.ts';
import { appendLog, type LogEntry } from '../../src/store/log.ts';

export const AT = new Date('2026-11-27T02:00:00Z');

/** A made-up entry. */
export const line = (number: number, detail: JsonObject = {}): LogEntry => ({
  actor: 'scheduler',
  action: 'test.happened',
  detail: { number, ...detail },
});

export const appendLines = (db: Db, count: number, from = 0): Promise<void> =>
  inTransaction(db, (tx) =>
    appendLog(
      tx,
      AT,
      Array.from({ length: count }, (_, at) => line(from + at)),
    ),
  );

/** So many entries, in the tree. */
export async function logOf(db: Db, count: number): Promise<void> {
  await appendLines(db, count);
  await sequenceAll(db);
}
