import { sequenceAll } from '../evidence/sequencer.ts';
import type { JsonObject } from '../json.ts';
import type { Environment } from '../settings.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { actor } from './actor.ts';
import { complain } from './print.ts';

/**
 * Reading the log or the ledger is itself logged; whatever waits has its place afterwards. Trouble with the log never hides
 * the log: it is said, and the reading goes on.
 */
export async function noteRead(
  db: Db,
  env: Environment,
  read: { readonly action?: 'log.read' | 'log.verified' | 'log.exported'; readonly detail: JsonObject },
): Promise<void> {
  const { action = 'log.read', detail } = read;
  try {
    await inTransaction(db, (tx) => appendLog(tx, new Date(), [{ actor: actor(env), action, detail }]));
    await sequenceAll(db);
  } catch (error) {
    complain(`这次查阅未能记入日志 (this reading could not be logged): ${String(error)}`);
  }
}
