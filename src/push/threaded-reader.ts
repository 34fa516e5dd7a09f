import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { openThread } from '../memory.ts';
import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import { packError, unpackError } from '../thread-error.ts';
import { type PackedPage, unpackPage } from './packed-page.ts';
import type { RenderedPage } from './pending-page.ts';
import type { FromReader, ReaderWork, ToReader } from './reader-work.ts';

/** The near end of the thread that reads and renders (reader-thread.ts is the far one). */
export interface ThreadedReader {
  /** True once it can take a pass over, or has failed. */
  isReady(): boolean;
  /** The rest of a pass, after this record. One at a time. */
  pages(operation: Operation, afterId: number): AsyncGenerator<RenderedPage>;
  close(): Promise<void>;
}

/** How many pages may lie ready; memory holds no more. */
const AHEAD = 3;

export function openThreadedReader(work: ReaderWork, forms: ReadonlyMap<string, Form>): ThreadedReader {
  const worker = openThread(new URL('./reader-thread.ts', import.meta.url), work);
  const say = (message: ToReader): void => worker.postMessage(message);
  const inbox = openInbox(worker, forms);
  let passes = 0;
  return {
    isReady: inbox.isReady,
    async *pages(operation, afterId) {
      passes += 1;
      inbox.listenTo(passes);
      say({ kind: 'pass', pass: passes, operation, afterId });
      for (let ahead = 0; ahead < AHEAD; ahead += 1) say({ kind: 'more' });
      try {
        for (;;) {
          const page = await inbox.next();
          yield page;
          if (page.isLast) return;
          say({ kind: 'more' });
        }
      } finally {
        say({ kind: 'stop' });
      }
    },
    async close() {
      const over = once(worker, 'exit').catch(() => {});
      say({ kind: 'end' });
      if (worker.threadId !== -1) await over;
    },
  };
}

interface Inbox {
  readonly isReady: () => boolean;
  /** What comes of another pass is not wanted any more. */
  readonly listenTo: (pass: number) => void;
  readonly next: () => Promise<RenderedPage>;
}

function openInbox(worker: Worker, forms: ReadonlyMap<string, Form>): Inbox {
  let isReady = false;
  let failure: Error | undefined;
  let wanted = 0;
  let arrived: PackedPage[] = [];
  let wake = (): void => {};
  const fail = (error: Error): void => {
    failure ??= error;
    wake();
  };
  worker.on('message', (message: FromReader) => {
    if (message.kind === 'failed') return fail(unpackError(message.error));
    if (message.kind === 'ready') isReady = true;
    else if (message.kind === 'page' && message.pass === wanted) arrived.push(message.page);
    wake();
  });
  worker.on('error', (error) => fail(unpackError(packError(error))));
  // However it ends: nobody may wait for batches that nobody makes.
  worker.on('exit', (code) => fail(new Error(`the thread that reads and renders ended, code ${code}`)));
  return {
    isReady: () => isReady || failure !== undefined,
    listenTo: (pass) => {
      wanted = pass;
      arrived = [];
    },
    async next() {
      for (;;) {
        const page = arrived.shift();
        if (page !== undefined) return unpackPage(page, forms);
        if (failure !== undefined) throw failure;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
  };
}
