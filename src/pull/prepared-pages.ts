import type { Cursor, Page, ReadOptions, Source } from '../source.ts';
import type { Reader } from '../store/database.ts';
import { type Known, prepareChanged } from './known-rows.ts';
import type { Judge, Prepared } from './read-row.ts';

/** A page without its rows. */
export interface PageHead extends Omit<Page, 'rows'> {
  readonly rowCount: number;
}

/** A page whose rows are mapped and checked: ready to be taken in. */
export interface PreparedPage {
  readonly page: PageHead;
  readonly prepared: Prepared & Known;
}

/** The reading side of a pull: everything that needs no lock and writes nothing. */
export async function* preparedPages(
  source: Source,
  from: Cursor | undefined,
  context: { readonly db: Reader; readonly options: ReadOptions; readonly judge: () => Judge },
): AsyncGenerator<PreparedPage> {
  for await (const { rows, ...head } of source.pages(from, context.options)) {
    const prepared = await prepareChanged(context.db, rows, context.judge());
    yield { page: { ...head, rowCount: rows.length }, prepared };
  }
}
