import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import type { Db } from '../store/database.ts';
import { dropLease, type Lease } from '../store/leases.ts';
import type { Trace } from '../trace.ts';
import { renewLogLease, sequence, sequenceAll, takeLogLease } from './sequencer.ts';
import { signLog } from './signer.ts';
import type { SignerMemory } from './signer-files.ts';

/** Places what waits and, where a signer lives in this process, signs it. */
export async function settleLog(db: Db, signer: SignerMemory | undefined, now: Date): Promise<void> {
  await sequenceAll(db);
  if (signer === undefined) return;
  await signLog(db, signer, now);
  // What the signer says of itself is in the log too.
  await sequenceAll(db);
}

export interface Keeping {
  readonly db: Db;
  readonly trace: Trace;
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Only where the signer is no process of its own (demo). */
  readonly signer?: SignerMemory | undefined;
}

/** What a thread that keeps the log is told. */
export interface KeeperData {
  readonly databaseUrl: string;
  /** Key file of a signer in this process; absent: the signer is a process of its own. */
  readonly signerKey: string | undefined;
}

/** What it says; the trace is written by the process that started it. */
export interface KeeperSays {
  readonly event: string;
  readonly error: string;
}

const EVERY_MS = 200;
const LONGEST_MS = 10_000;
const RENEW_MS = 15_000;
const SIGN_MS = 60_000;

/** Sequences every 200 ms until the signal: one process has the lease, the others wait for it to be free. */
export async function keepLog(keeping: Keeping): Promise<void> {
  let lease: Lease | undefined;
  let [renewed, signed] = [0, 0];
  let pause = EVERY_MS;
  while (await rest(pause, keeping.signal)) {
    try {
      lease ??= await takeLogLease(keeping.db);
      if (lease === undefined) continue;
      const clock = performance.now();
      if (clock - renewed > RENEW_MS) {
        renewed = clock;
        if (!(await renewLogLease(keeping.db, lease))) lease = undefined;
      }
      if (lease !== undefined) await sequence(keeping.db, lease.epoch);
      if (keeping.signer !== undefined && clock - signed > SIGN_MS) {
        signed = clock;
        await signLog(keeping.db, keeping.signer, keeping.now());
      }
      pause = EVERY_MS;
    } catch (error) {
      // A database that is away comes back in minutes, not at once: the trace need not say so five times a second.
      pause = Math.min(2 * pause, LONGEST_MS);
      if (error instanceof HubError && error.code === 'LOG_OVERTAKEN') lease = undefined;
      else keeping.trace.error('log-not-sequenced', { error: String(error) });
    }
  }
  if (lease !== undefined) await dropLease(keeping.db, lease).catch(() => {});
}

const rest = (ms: number, signal: AbortSignal): Promise<boolean> => sleep(ms, true, { signal }).catch(() => false);
