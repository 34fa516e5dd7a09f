import { once } from 'node:events';
import { openThread } from '../memory.ts';
import { packError, unpackError } from '../thread-error.ts';
import type { FromThread, KeepWork, PageMoment, ToThread } from './keeper-work.ts';
import { packPage } from './packed-page.ts';
import type { PageHead, PreparedPage } from './prepared-pages.ts';
import type { Taken } from './take-in.ts';

/** The near end of the thread that keeps pages (keeper-thread.ts is the far one). */
export interface ThreadedKeeper {
  /** True once it has opened the database. */
  isReady(): boolean;
  add(page: PreparedPage, at: PageMoment): Promise<void>;
  mayChange(page: PreparedPage): boolean;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** How many pages may be under way; memory holds no more. */
const AHEAD = 4;

export function openThreadedKeeper(work: KeepWork, note: (page: PageHead, taken: Taken) => void): ThreadedKeeper {
  const worker = openThread(new URL('./keeper-thread.ts', import.meta.url), work);
  const underWay: PreparedPage[] = [];
  let ready = false;
  let failure: Error | undefined;
  let wake = (): void => {};
  const say = (message: ToThread): void => worker.postMessage(message);
  const hear: Hear = {
    ready: () => {
      ready = true;
    },
    kept: ({ taken }) => {
      for (const one of taken) {
        const page = underWay.shift();
        if (page !== undefined) note(page.page, one);
      }
    },
    wanted: ({ place, rowNos }) => {
      void underWay[place]?.prepared.textsOf(rowNos).then((texts) => say({ kind: 'texts', texts }));
    },
    failed: ({ error }) => {
      failure ??= unpackError(error);
    },
  };
  worker.on('message', (message: FromThread) => {
    hearOne(hear, message);
    wake();
  });
  const fail = (error: Error): void => {
    failure ??= error;
    wake();
  };
  worker.on('error', (error) => fail(unpackError(packError(error))));
  // However it ends: nobody may wait for pages that nobody keeps.
  worker.on('exit', (code) => fail(new Error(`the thread that keeps pages ended, code ${code}`)));
  const roomFor = async (most: number): Promise<void> => {
    while (failure === undefined && underWay.length > most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await promise;
    }
    if (failure !== undefined) throw failure;
  };
  return {
    isReady: () => ready || failure !== undefined,
    async add(page, at) {
      await roomFor(AHEAD - 1);
      underWay.push(page);
      say({ kind: 'page', page: packPage(page), at });
    },
    mayChange: (page) => underWay.some((before) => touches(before, page)),
    drain: () => roomFor(0),
    async close() {
      const over = once(worker, 'exit').catch(() => {});
      say({ kind: 'end' });
      if (worker.threadId !== -1) await over;
    },
  };
}

type Hear = { readonly [K in FromThread['kind']]: (message: Extract<FromThread, { readonly kind: K }>) => void };

function hearOne(hear: Hear, message: FromThread): void {
  if (message.kind === 'kept') hear.kept(message);
  else if (message.kind === 'wanted') hear.wanted(message);
  else if (message.kind === 'failed') hear.failed(message);
  else hear.ready(message);
}

/** Whether two pages are about the same row or record somewhere: then the later one was compared with what the earlier one changes. */
const touches = ({ prepared: { names } }: PreparedPage, { prepared: later }: PreparedPage): boolean =>
  !names.isDisjointFrom(later.names) || !names.isDisjointFrom(later.sameNames);
