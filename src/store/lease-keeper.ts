import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type LeaseWork, NS_PER_MS } from './lease-work.ts';

export interface KeptLease {
  /** ms of monotonic time for which it certainly holds; counts on while the process is stopped. */
  readonly leftMs: () => number;
  /** Aborted when another holder has it. */
  readonly lost: AbortSignal;
  readonly stop: () => Promise<void>;
}

export interface KeepLease extends Omit<LeaseWork, 'until'> {
  /** `process.hrtime.bigint()` from before it was taken. */
  readonly takenAt: bigint;
}

/** Most runs are over by then and never need the thread. */
const FIRST_MS = 5000;

/**
 * Renews a lease from a thread of its own with a connection of its own: whatever blocks the run's thread, the lease does not run
 * out under it (delivery.md §1.9). How long it holds is measured from before each renewal was asked for.
 */
export function keepLease({ takenAt, ...work }: KeepLease): KeptLease {
  const until = new SharedArrayBuffer(8);
  const clock = new BigInt64Array(until);
  Atomics.store(clock, 0, takenAt + BigInt(work.ttlMs) * NS_PER_MS);
  const lost = new AbortController();
  let thread: Worker | undefined;
  let over: Promise<unknown> = Promise.resolve();
  const begin = (): void => {
    thread = new Worker(new URL('./lease-thread.ts', import.meta.url), {
      workerData: { ...work, until } satisfies LeaseWork,
      // One statement each quarter of a minute needs little.
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 },
    });
    // It may end by itself, long before it is told to.
    over = once(thread, 'exit').catch(() => {});
    thread.on('message', () => lost.abort(new Error(`lease ${work.lease.name} lost`)));
    // Without it the lease runs out, and every send asks how long it still holds.
    thread.on('error', () => {});
  };
  const timer = setTimeout(begin, Math.min(FIRST_MS, work.everyMs));
  return {
    leftMs: () => Number((Atomics.load(clock, 0) - process.hrtime.bigint()) / NS_PER_MS),
    lost: lost.signal,
    stop: async () => {
      clearTimeout(timer);
      if (thread === undefined) return;
      thread.postMessage('stop');
      const hard = setTimeout(() => void thread?.terminate(), 2000);
      await over;
      clearTimeout(hard);
    },
  };
}
