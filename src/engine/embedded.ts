import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Engine, Work } from './scheduler.ts';

/** What a worker thread says when its run has ended, however it ended; the run is closed in the database by then. */
export interface WorkerDone {
  readonly done: true;
}

/** Sent to a worker that should come to an end: finish what is on the wire, start nothing new. */
export interface WorkerStop {
  readonly stop: true;
}

export interface EmbeddedOptions {
  /** The module that a worker thread runs; it finds `Work & data` in `workerData` and posts `WorkerDone`. */
  readonly worker: URL;
  /** Plain values for every worker, such as settings. */
  readonly data: { readonly [name: string]: unknown };
  /** Runs at the same time; the others wait in order. */
  readonly concurrency?: number;
}

export interface EmbeddedEngine extends Engine {
  /** Asks all runs to end, waits up to `withinMs`, then ends the rest hard: the next start goes on from the database. */
  drain(withinMs: number): Promise<{ readonly cutOff: number }>;
}

/**
 * Each run in a worker thread of this process with a database connection of its own, so that a wait for a lock
 * never freezes what else the process does (delivery.md T22).
 */
export function createEmbeddedEngine({ worker, data, concurrency = 2 }: EmbeddedOptions): EmbeddedEngine {
  const threads = new Set<Worker>();
  const waiting: (() => void)[] = [];
  let free = concurrency;
  let open = true;

  const enter = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };

  return {
    async run(work: Work) {
      await enter();
      try {
        if (!open) throw new Error('服务正在停止，未开始 (the service is stopping; not begun)');
        await runThread(worker, { ...data, ...work }, threads);
      } finally {
        leave();
      }
    },
    async drain(withinMs) {
      open = false;
      const ends = [...threads].map((thread) => once(thread, 'exit'));
      for (const thread of threads) thread.postMessage({ stop: true } satisfies WorkerStop);
      await within(withinMs, Promise.allSettled(ends));
      const cutOff = threads.size;
      await Promise.all([...threads].map((thread) => thread.terminate()));
      return { cutOff };
    },
  };
}

async function runThread(module: URL, workerData: object, threads: Set<Worker>): Promise<void> {
  const thread = new Worker(module, { workerData });
  threads.add(thread);
  let done = false;
  let failure: unknown;
  thread.on('message', (message: WorkerDone) => {
    done = message.done;
  });
  thread.on('error', (error) => {
    failure = error;
  });
  const [code] = await once(thread, 'exit').finally(() => threads.delete(thread));
  if (failure !== undefined) throw failure;
  if (!done) throw new Error(`工作线程中途结束，代码 ${code} (the worker thread ended early, code ${code})`);
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]);
  clearTimeout(timer);
}
