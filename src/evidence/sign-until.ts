import { setTimeout as sleep } from 'node:timers/promises';
import { newestCheckpoint } from '../store/checkpoints.ts';
import type { Db } from '../store/database.ts';
import { closedPeriodSince, readHead } from '../store/log-tree.ts';
import type { Trace } from '../trace.ts';
import { type Signed, signLog } from './signer.ts';
import type { SignerMemory } from './signer-files.ts';

export interface Signing {
  readonly db: Db;
  readonly memory: SignerMemory;
  readonly trace: Trace;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

const LOOK_MS = 2000;
const SIGN_MS = 60_000;
const WHOLE_MS = 86_400_000;

/**
 * The signer's life: signs every minute where there is something new, at once when a period closed; hashes the whole log
 * again at its start and once a day. A refusal is said once in the log, and each minute in the trace.
 */
export async function signUntil(signing: Signing): Promise<void> {
  const { db, trace, signal } = signing;
  let [signed, whole] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  do {
    const clock = performance.now();
    try {
      if (clock - signed < SIGN_MS && !(await isUrgent(db))) continue;
      signed = clock;
      const all = clock - whole > WHOLE_MS;
      const outcome = await signLog(db, signing.memory, signing.now(), { whole: all });
      if (all && outcome.outcome !== 'refused') whole = clock;
      tell(trace, outcome);
    } catch (error) {
      trace.error('signer-failed', { error: String(error) });
    }
  } while (await rest(LOOK_MS, signal));
}

/** A period was closed and is not signed yet. */
async function isUrgent(db: Db): Promise<boolean> {
  const [head, signed] = [await readHead(db), await newestCheckpoint(db)];
  const covered = signed?.logNo === head.logNo ? signed.size : 0;
  return head.size > covered && (await closedPeriodSince(db, head.logNo, covered));
}

function tell(trace: Trace, signed: Signed): void {
  if (signed.outcome === 'refused') trace.error('signer-refused', { ...signed.refusal });
  if (signed.outcome === 'signed') trace.info('signed', { size: signed.checkpoint.size });
}

const rest = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);
