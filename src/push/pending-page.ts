import { isError } from '../fault.ts';
import type { Operation } from '../record.ts';
import type { Form } from '../schema/outbound.ts';
import type { Reader } from '../store/database.ts';
import { type KnownAhead, nothingKnown, type PendingRow, readPending } from '../store/pending.ts';
import type { Ticket } from '../store/quarantine.ts';
import { type Member, type Render, render } from './render.ts';

/** What a page of pending versions came to. */
export interface RenderedPage {
  /** By form, in record order. */
  readonly members: ReadonlyMap<Form, readonly Member[]>;
  readonly tickets: readonly Ticket[];
  readonly notForPlatform: number;
  readonly unconfirmed: number;
  /** Fault code → records. */
  readonly faults: ReadonlyMap<string, number>;
  /** Id of the last record that was read. */
  readonly lastId: number;
  /** Nothing was left to read. */
  readonly isLast: boolean;
}

export interface PendingPages extends Render {
  readonly db: Reader;
  /** Types that this platform takes: full state, and those of which no version may be skipped. */
  readonly fullState: readonly string[];
  readonly everyVersion: readonly string[];
  /** Only the records of this resync. */
  readonly resync?: number | undefined;
  /** Members of a period are the versions that were there when it was first sealed: UTC text. Absent: all. */
  readonly createdUntil?: string | undefined;
}

const PAGE = 250;

/** Pending versions of one operation in record order, rendered, page by page; writes nothing. The last page is empty. */
export async function* pendingPages(
  operation: Operation,
  context: PendingPages,
  afterId = 0,
): AsyncGenerator<RenderedPage> {
  const known = nothingKnown();
  for (let last = afterId; ; ) {
    const page = await readPage({ operation, afterId: last, known }, context);
    yield page;
    if (page.isLast) return;
    last = page.lastId;
  }
}

/** Where a pass stands. */
export interface Place {
  readonly operation: Operation;
  readonly afterId: number;
  readonly known: KnownAhead;
}

export async function readPage({ operation, afterId, known }: Place, context: PendingPages): Promise<RenderedPage> {
  const { db, platformName: platform, fullState: types, everyVersion, resync, createdUntil } = context;
  const query = { platform, types, everyVersion, operation, resync, afterId, limit: PAGE, createdUntil, known };
  const rows = await readPending(db, query);
  return { ...sort(rows, context), lastId: Number(rows.at(-1)?.id ?? afterId), isLast: rows.length === 0 };
}

function sort(rows: readonly PendingRow[], context: Render): Omit<RenderedPage, 'lastId' | 'isLast'> {
  const members = new Map<Form, Member[]>();
  const tickets: Ticket[] = [];
  const faults = new Map<string, number>();
  let notForPlatform = 0;
  let unconfirmed = 0;
  for (const row of rows) {
    const rendered = render(row, context);
    if (rendered.fate === 'not-for-platform') notForPlatform += 1;
    else if (rendered.fate === 'unconfirmed') unconfirmed += 1;
    else if (rendered.fate === 'ticket') {
      tickets.push(rendered.ticket);
      for (const { code } of rendered.ticket.faults.filter(isError)) faults.set(code, (faults.get(code) ?? 0) + 1);
    } else {
      const found = members.get(rendered.form);
      if (found === undefined) members.set(rendered.form, [rendered.member]);
      else found.push(rendered.member);
    }
  }
  return { members, tickets, notForPlatform, unconfirmed, faults };
}
