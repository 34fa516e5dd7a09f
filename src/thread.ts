import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { type ErrorAcross, packError, unpackError } from './thread-error.ts';

/** What every thread says, besides its own words. */
export type ThreadWord =
  /** It has opened what it needs. */
  | { readonly kind: 'ready' }
  /** It does nothing more. */
  | { readonly kind: 'failed'; readonly error: ErrorAcross };

/** The near end of a thread. */
export interface Thread<To> {
  state(): 'opening' | 'ready' | 'failed';
  say(message: To): void;
  /** Waits until this is true; asked again after each message. Throws what the thread failed of, true or not. */
  until(isTrue: () => boolean): Promise<void>;
  /** Tells it to end and waits for it; one that is not ready yet is ended at once. Throws nothing. */
  close(end: To): Promise<void>;
}

/**
 * Starts a thread that works through much. V8 begins a young generation at 1 MB, and under `keepMemorySmall` it would stay there and
 * copy for ever (measured: a third more time for a push, an eighth for a pull); this one begins with what it needs, and has no more.
 * However it ends, whoever waits for it hears of it.
 */
export function openThread<To, From extends { readonly kind: string }>(
  file: URL,
  workerData: unknown,
  hear: (message: Exclude<From, ThreadWord>) => void,
): Thread<To> {
  const worker = startWorker(file, workerData);
  let state: ReturnType<Thread<To>['state']> = 'opening';
  let failure: Error | undefined;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const each of waiting) each();
    waiting.clear();
  };
  const fail = (error: Error): void => {
    failure ??= error;
    state = 'failed';
    wake();
  };
  worker.on('message', (message: ThreadWord | Exclude<From, ThreadWord>) => {
    if (isFailure(message)) return fail(unpackError(message.error));
    if (message.kind === 'ready') state = 'ready';
    else hear(message as Exclude<From, ThreadWord>);
    wake();
  });
  worker.on('messageerror', fail);
  worker.on('error', (error) => fail(unpackError(packError(error))));
  worker.on('exit', (code) => fail(new Error(`the thread ${file.pathname.split('/').at(-1)} ended, code ${code}`)));
  return {
    state: () => state,
    say: (message) => worker.postMessage(message),
    async until(isTrue) {
      while (failure === undefined && !isTrue()) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
      }
      if (failure !== undefined) throw failure;
    },
    async close(end) {
      if (worker.threadId === -1) return;
      const over = once(worker, 'exit').catch(() => {});
      if (state === 'opening') void worker.terminate();
      else worker.postMessage(end);
      await over;
    },
  };
}

const isFailure = (message: { readonly kind: string }): message is Extract<ThreadWord, { kind: 'failed' }> =>
  message.kind === 'failed';

const SEMI_SPACE_MB = 8;

/** The flag is the whole process's: it is taken back as soon as this thread has read it. */
function startWorker(file: URL, workerData: unknown): Worker {
  setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MB}`);
  const worker = new Worker(file, { workerData, resourceLimits: { maxYoungGenerationSizeMb: 3 * SEMI_SPACE_MB } });
  worker.once('online', () => setFlagsFromString('--min-semi-space-size=0'));
  return worker;
}
