import type { Cursor, Page, ReadOptions, Source } from '../source.ts';
import type { Reader } from '../store/database.ts';
import { type Known, prepareChanged } from './known-rows.ts';
import type { Judge, Prepared } from './read-row.ts';

/** A page without its rows. */
export interface PageHead extends Omit<Page, 'rows'> {
  readonly rowCount: number;
  /** How many rows a snapshot has from now on, to be remembered together with this page. */
  readonly snapshotRows?: number;
}

/** A page whose rows are mapped and checked: ready to be taken in. */
export interface PreparedPage {
  readonly page: PageHead;
  readonly prepared: Prepared & Known;
}

export interface Reading {
  readonly db: Reader;
  readonly options: ReadOptions;
  readonly judge: () => Judge;
  /** Whether a page before this one, not kept yet, may change what it was compared with. */
  readonly mayChange: (page: PreparedPage) => boolean;
  /** Waits until all pages before are kept. */
  readonly drain: () => Promise<void>;
}

/** The reading side of a pull: everything that needs no lock and writes nothing. */
export async function* preparedPages(
  source: Source,
  from: Cursor | undefined,
  { db, options, judge, mayChange, drain }: Reading,
): AsyncGenerator<PreparedPage> {
  for await (const { rows, ...head } of source.pages(from, options)) {
    const page = { ...head, rowCount: rows.length };
    const early = { page, prepared: await prepareChanged(db, rows, judge()) };
    if (mayChange(early)) {
      await drain();
      yield { page, prepared: await prepareChanged(db, rows, judge()) };
    } else yield early;
  }
}
