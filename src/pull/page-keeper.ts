import { type Db, isSqlite } from '../store/database.ts';
import { type Keep, keepPages } from './keep-pages.ts';
import type { PageHead, PreparedPage } from './prepared-pages.ts';
import type { Taken } from './take-in.ts';
import { openThreadedKeeper, type ThreadedKeeper } from './threaded-keeper.ts';

/** Keeps the pages of a run in the order in which they are given. */
export interface PageKeeper {
  /** Comes back when there is room for another page, which may be before this one is kept. Throws what went wrong with any. */
  add(page: PreparedPage, now: Date): Promise<void>;
  /** Whether a page that is not kept yet may change what this one was compared with. */
  mayChange(page: PreparedPage): boolean;
  /** Waits until every page is kept. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

export interface Keeping extends Keep {
  readonly db: Db;
  /** Address of the same database; absent: no thread of its own, however long the run is. */
  readonly databaseUrl: string | undefined;
  /** Hears of each page that is kept, in order. */
  readonly note: (page: PageHead, taken: Taken) => void;
}

/** A run of so many pages is a long one. */
const LONG = 3;

/**
 * A short run keeps each page before it reads the next one. A long one on SQLite keeps its pages in a thread of their own, over a
 * connection of their own: the rows of the next pages are read, mapped and checked meanwhile. MariaDB works in a process of its own
 * as it is, and a thread only gets in its way (measured: 8 % slower).
 */
export function openPageKeeper({ db, databaseUrl, note, ...context }: Keeping): PageKeeper {
  let { ticketsOpen } = context;
  let kept = 0;
  let thread: ThreadedKeeper | undefined;
  const noted = (page: PageHead, taken: Taken): void => {
    kept += 1;
    ticketsOpen ||= taken.counts.quarantined > 0;
    note(page, taken);
  };
  let url = isSqlite(db) && !context.dryRun ? databaseUrl : undefined;
  /** Pages were given to the thread: from then on it keeps them all, or the run fails. */
  let given = false;
  /** A thread that could not begin is done without. */
  const leave = async (failed: ThreadedKeeper): Promise<void> => {
    url = undefined;
    thread = undefined;
    await failed.close();
  };
  return {
    async add(page, now) {
      if (thread?.state() === 'failed' && !given) await leave(thread);
      if (thread?.state() === 'ready' || given) {
        given = true;
        return thread?.add(page, { now, ticketsOpen });
      }
      for (const taken of await keepPages(db, [{ ...page, now }], { ...context, ticketsOpen })) noted(page.page, taken);
      if (url !== undefined && kept >= LONG) thread ??= openThreadedKeeper({ databaseUrl: url, ...context }, noted);
    },
    mayChange: (page) => thread?.mayChange(page) ?? false,
    drain: async () => (given ? thread?.drain() : undefined),
    close: async () => thread?.close(),
  };
}
