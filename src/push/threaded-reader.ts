import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import { openThread, type Thread } from '../thread.ts';
import { type PackedPage, unpackPage } from './packed-page.ts';
import type { RenderedPage } from './pending-page.ts';
import type { FromReader, ReaderWork, ToReader } from './reader-work.ts';

/** The near end of the thread that reads and renders (reader-thread.ts is the far one). */
export interface ThreadedReader {
  state: Thread<ToReader>['state'];
  /** The rest of a pass, after this record. One pass at a time. Throws what the thread failed of. */
  pages(operation: Operation, afterId: number): AsyncGenerator<RenderedPage>;
  close(): Promise<void>;
}

/** How many pages may lie ready; memory holds no more. */
const AHEAD = 3;

/** `forms`: by name. */
export function openThreadedReader(work: ReaderWork, forms: ReadonlyMap<string, Form>): ThreadedReader {
  let passes = 0;
  let arrived: PackedPage[] = [];
  const thread = openThread<ToReader, FromReader>(
    new URL('./reader-thread.ts', import.meta.url),
    work,
    // What comes of an earlier pass is not wanted any more.
    ({ pass, page }) => void (pass === passes && arrived.push(page)),
  );
  const next = async (): Promise<RenderedPage> => {
    await thread.until(() => arrived.length > 0);
    const [page] = arrived.splice(0, 1);
    if (page === undefined) throw new Error('no page arrived');
    return unpackPage(page, forms);
  };
  return {
    state: thread.state,
    async *pages(operation, afterId) {
      passes += 1;
      arrived = [];
      thread.say({ kind: 'pass', pass: passes, operation, afterId });
      for (let ahead = 0; ahead < AHEAD; ahead += 1) thread.say({ kind: 'more' });
      try {
        for (;;) {
          const page = await next();
          yield page;
          if (page.isLast) return;
          thread.say({ kind: 'more' });
        }
      } finally {
        thread.say({ kind: 'stop' });
      }
    },
    close: () => thread.close({ kind: 'end' }),
  };
}
