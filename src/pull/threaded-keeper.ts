import { openThread, type Thread } from '../thread.ts';
import type { FromThread, KeepWork, PageMoment, ToThread } from './keeper-work.ts';
import { packPage } from './packed-page.ts';
import type { PageHead, PreparedPage } from './prepared-pages.ts';
import type { Taken } from './take-in.ts';

/** The near end of the thread that keeps pages (keeper-thread.ts is the far one). */
export interface ThreadedKeeper {
  /** `failed`: nothing more is kept; without any page given to it, nothing is amiss. */
  state: Thread<ToThread>['state'];
  add(page: PreparedPage, at: PageMoment): Promise<void>;
  mayChange(page: PreparedPage): boolean;
  drain(): Promise<void>;
  close(): Promise<void>;
}

/** How many pages may be under way; memory holds no more. */
const AHEAD = 4;

export function openThreadedKeeper(work: KeepWork, note: (page: PageHead, taken: Taken) => void): ThreadedKeeper {
  const underWay: PreparedPage[] = [];
  const thread = openThread<ToThread, FromThread>(new URL('./keeper-thread.ts', import.meta.url), work, (message) => {
    if (message.kind === 'wanted') return give(underWay[message.place], message.rowNos);
    for (const one of message.taken) {
      const page = underWay.shift();
      if (page !== undefined) note(page.page, one);
    }
  });
  const give = (page: PreparedPage | undefined, rowNos: readonly number[]): void =>
    void page?.prepared.textsOf(rowNos).then((texts) => thread.say({ kind: 'texts', texts }));
  const roomFor = (most: number): Promise<void> => thread.until(() => underWay.length <= most);
  return {
    state: thread.state,
    async add(page, at) {
      await roomFor(AHEAD - 1);
      underWay.push(page);
      thread.say({ kind: 'page', page: packPage(page), at });
    },
    mayChange: (page) => underWay.some((before) => touches(before, page)),
    drain: () => roomFor(0),
    close: () => thread.close({ kind: 'end' }),
  };
}

/** Whether two pages are about the same row or record somewhere: then the later one was compared with what the earlier one changes. */
const touches = ({ prepared: { names } }: PreparedPage, { prepared: later }: PreparedPage): boolean =>
  !names.isDisjointFrom(later.names) || !names.isDisjointFrom(later.sameNames);
