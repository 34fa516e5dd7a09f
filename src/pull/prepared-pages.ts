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

/** What came from another thread: bytes arrive there as plain Uint8Array, here they are Buffers again. */
export function revived({ page, prepared }: PreparedPage): PreparedPage {
  const candidates = prepared.candidates.map((candidate) => {
    const sourceRef = candidate.sourceRef === undefined ? undefined : toBuffer(candidate.sourceRef);
    const subject = sourceRef ?? toBuffer(candidate.subject);
    const identity = { ...candidate.identity, key: toBuffer(candidate.identity.key) };
    return { ...candidate, identity, sourceRef, subject };
  });
  const tickets = prepared.tickets.map((ticket) => ({ ...ticket, subject: toBuffer(ticket.subject) }));
  return { page, prepared: { ...prepared, candidates, tickets, sameRefs: prepared.sameRefs.map(toBuffer) } };
}

const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
