import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import { type PendingPages, type RenderedPage, readPage } from './pending-page.ts';
import type { ReaderWork } from './reader-work.ts';
import { openThreadedReader, type ThreadedReader } from './threaded-reader.ts';

/** Reads and renders what is pending. */
export interface PageReader {
  /** Everything pending of one operation in record order. One pass at a time. */
  pages(operation: Operation): AsyncGenerator<RenderedPage>;
  close(): Promise<void>;
}

/** A pass of so many pages is a long one. */
const LONG = 3;

/**
 * A short pass reads and renders a page when the one before is sealed and on its way. For a long one a thread does so ahead, over a
 * connection of its own, from where the pass stands. `work` absent: no thread, however long the pass is.
 */
export function openPageReader(context: PendingPages, work: ReaderWork | undefined): PageReader {
  let thread: ThreadedReader | undefined;
  return {
    async *pages(operation) {
      let afterId = 0;
      for (let read = 1; ; read += 1) {
        if (thread?.isReady()) return yield* thread.pages(operation, afterId);
        const page = await readPage(operation, afterId, context);
        yield page;
        if (page.isLast) return;
        afterId = page.lastId;
        if (read >= LONG && work !== undefined) thread ??= openThreadedReader(work, formsOf(context));
      }
    },
    close: async () => thread?.close(),
  };
}

const formsOf = ({ fullState, everyVersion, formsOf: ofType }: PendingPages): ReadonlyMap<string, Form> =>
  new Map([...fullState, ...everyVersion].flatMap(ofType).map((form) => [form.name, form]));
