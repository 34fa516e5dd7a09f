import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type KeeperData, type KeeperSays, settleLog } from '../evidence/keep-log.ts';
import type { Hub } from '../hub-context.ts';

/** How long until a keeper that died is started again, ms. */
const AGAIN_MS = 5000;

/** Sequences the log in a thread of its own, with its own connection: a wait for a lock freezes nothing else (delivery.md T22). */
export function startLogKeeper(hub: Hub, signerKey?: string): { stop(): Promise<void> } {
  let open = true;
  let thread: Worker;
  let again: NodeJS.Timeout | undefined;
  const start = (): void => {
    const workerData: KeeperData = { databaseUrl: hub.settings.databaseUrl, signerKey };
    thread = new Worker(new URL('./log-keeper-worker.ts', import.meta.url), { workerData });
    thread.on('message', ({ event, error }: KeeperSays) => hub.trace.error(event, { error }));
    thread.on('error', (error) => hub.trace.error('log-keeper-died', { error: String(error) }));
    thread.on('exit', () => {
      if (open) again = setTimeout(start, AGAIN_MS);
    });
  };
  start();
  return {
    stop: async () => {
      open = false;
      clearTimeout(again);
      const ended = once(thread, 'exit');
      thread.postMessage('stop');
      if (thread.threadId !== -1) await ended;
      await settleLog(hub.db, hub.signer, hub.now());
    },
  };
}
