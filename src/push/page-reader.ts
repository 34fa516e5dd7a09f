import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import { nothingKnown } from '../store/pending.ts';
import type { Trace } from '../trace.ts';
import { type PendingPages, type RenderedPage, readPage } from './pending-page.ts';
import type { ReaderWork } from './reader-work.ts';
import { openThreadedReader, type ThreadedReader } from './threaded-reader.ts';

/** Reads and renders what is pending. */
export interface PageReader {
  /** Everything pending of one operation in record order. One pass at a time. */
  pages(operation: Operation): AsyncGenerator<RenderedPage>;
  close(): Promise<void>;
}

/** A pass of more pages is a long one: starting a thread takes as long as some ten pages. */
const LONG = 12;

/**
 * A short pass reads and renders a page when the one before is sealed and on its way. For a long one a thread does so ahead, over a
 * connection of its own, from where the pass stands; where the thread fails the pass goes on without it. `work` absent: no thread,
 * however long the pass is.
 */
export function openPageReader(context: PendingPages & { readonly trace: Trace }, work?: ReaderWork): PageReader {
  let allowed = work;
  let thread: ThreadedReader | undefined;
  const leave = async (failed: ThreadedReader, error?: unknown): Promise<void> => {
    context.trace.warn('reader-thread-left', { platform: context.platformName, error: String(error ?? 'not begun') });
    [thread, allowed] = [undefined, undefined];
    await failed.close();
  };
  return {
    async *pages(operation) {
      const known = nothingKnown();
      let afterId = 0;
      for (let read = 1; ; read += 1) {
        if (thread?.state() === 'failed') await leave(thread);
        if (thread?.state() === 'ready') {
          try {
            for await (const page of thread.pages(operation, afterId)) {
              yield page;
              if (page.isLast) return;
              afterId = page.lastId;
            }
          } catch (error) {
            await leave(thread, error);
          }
        }
        const page = await readPage({ operation, afterId, known }, context);
        yield page;
        if (page.isLast) return;
        afterId = page.lastId;
        if (read >= LONG && allowed !== undefined) thread ??= openThreadedReader(allowed, formsOf(context));
      }
    },
    close: async () => thread?.close(),
  };
}

const formsOf = ({ fullState, everyVersion, formsOf: ofType }: PendingPages): ReadonlyMap<string, Form> =>
  new Map([...fullState, ...everyVersion].flatMap(ofType).map((form) => [form.name, form]));
