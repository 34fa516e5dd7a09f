import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Trace } from '../trace.ts';

const RESTART_MS = 30_000;
const STOP_MS = 10_000;

/** Keeps the watching thread alive until the signal; one that dies is started again, and business never waits for it. */
export async function keepWatch(trace: Trace, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const worker = new Worker(new URL('./alarm-worker.ts', import.meta.url));
    worker.on('error', (error) => trace.error('watch-died', { error: String(error) }));
    const over = once(worker, 'exit').catch(() => {});
    const stop = (): void => worker.postMessage({ stop: true });
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    await (signal.aborted ? undefined : Promise.race([over, aborted(signal)]));
    if (signal.aborted) {
      await Promise.race([over, sleep(STOP_MS, undefined, { ref: false })]);
      await worker.terminate();
      return;
    }
    signal.removeEventListener('abort', stop);
    await sleep(RESTART_MS, undefined, { signal }).catch(() => {});
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
