import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import { type LeaseWork, NS_PER_MS } from './lease-work.ts';
import { renewLease } from './leases.ts';

/** The thread of lease-keeper.ts: renews until it is told to stop, and says so when another holder has the lease. */
const { databaseUrl, lease, ttlMs, everyMs, until } = workerData as LeaseWork;
const clock = new BigInt64Array(until);
const stop = new AbortController();
if (parentPort !== null)
  once(parentPort, 'message').then(
    () => stop.abort(),
    () => stop.abort(),
  );

const db = await openDatabase(databaseUrl);
try {
  while (await renewed()) await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => {});
} finally {
  await db.destroy();
  parentPort?.close();
}

/** False when there is nothing more to renew. */
async function renewed(): Promise<boolean> {
  if (stop.signal.aborted) return false;
  const askedAt = process.hrtime.bigint();
  // A database that cannot be reached now may be back before the lease runs out.
  const kept = await renewLease(db, lease, ttlMs).catch(() => undefined);
  if (kept === true) Atomics.store(clock, 0, askedAt + BigInt(ttlMs) * NS_PER_MS);
  if (kept !== false) return true;
  Atomics.store(clock, 0, 0n);
  parentPort?.postMessage('lost');
  return false;
}
