import type { ThreadWord } from '../thread.ts';
import type { Keep } from './keep-pages.ts';
import type { PackedPage } from './packed-page.ts';
import type { RowText } from './read-row.ts';
import type { Taken } from './take-in.ts';

export interface PageMoment {
  readonly now: Date;
  readonly ticketsOpen: boolean;
}

export type KeepWork = Keep & { readonly databaseUrl: string };

export type ToThread =
  | { readonly kind: 'page'; readonly page: PackedPage; readonly at: PageMoment }
  | { readonly kind: 'texts'; readonly texts: readonly RowText[] }
  | { readonly kind: 'end' };

export type FromThread =
  | ThreadWord
  /** The oldest pages that were not kept yet, in one transaction. */
  | { readonly kind: 'kept'; readonly taken: readonly Taken[] }
  /** Of a page under way; 0 is the oldest. */
  | { readonly kind: 'wanted'; readonly place: number; readonly rowNos: readonly number[] };
