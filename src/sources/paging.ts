import type { Json } from '../json.ts';
import type { HttpSourceSpec, Paging } from '../source.ts';
import { valueAt } from './dotted.ts';

/** Where a page is: a page number, a row offset, an opaque cursor or the address of the next page. */
export type Position = string | number;

/** What is known once a page was read. */
export interface PageSeen {
  readonly rowCount: number;
  /** Rows of this run up to and including this page. */
  readonly seen: number;
  /** All rows, where the bureau says it. */
  readonly total: number | undefined;
  readonly head: Json;
  /** The `Link` header. */
  readonly link: string | undefined;
  /** The address that was asked. */
  readonly url: URL;
}

export interface Pager {
  /** Undefined where the first page needs no parameter. */
  readonly start: Position | undefined;
  urlOf(position: Position | undefined): URL;
  /** The page behind this one; undefined at the end. */
  after(position: Position | undefined, page: PageSeen): Position | undefined;
  /** Rows that a full page has; a shorter one is probably the last. */
  readonly limit: number;
}

/** The four pagings of a bureau, and none. `base` carries the query of the job and the changed-since parameter. */
export function pagerOf(spec: HttpSourceSpec, base: URL): Pager {
  const { paging } = spec;
  if (paging === undefined) return { start: undefined, urlOf: () => base, after: () => undefined, limit: 0 };
  if ('page' in paging) return byPage(paging, base);
  if ('offset' in paging) return byOffset(paging, base);
  if ('cursor' in paging) return byCursor(paging, base);
  return byNext(paging.next, base, spec.query ?? {});
}

const withParams = (
  base: URL,
  params: readonly (readonly [name: string | undefined, value: Position | undefined])[],
): URL => {
  const url = new URL(base);
  for (const [name, value] of params)
    if (name !== undefined && value !== undefined) url.searchParams.set(name, String(value));
  return url;
};

/** A bureau may hand out fewer rows than asked for, so only an empty page or a reached total is the end. */
const isEnd = (page: PageSeen): boolean => page.rowCount === 0 || (page.total !== undefined && page.seen >= page.total);

function byPage(paging: Extract<Paging, { page: string }>, base: URL): Pager {
  const urlOf = (at: Position | undefined) =>
    withParams(base, [
      [paging.page, at],
      [paging.size, paging.limit],
    ]);
  const after = (at: Position | undefined, page: PageSeen) => (isEnd(page) ? undefined : Number(at) + 1);
  return { start: paging.first ?? 1, urlOf, after, limit: paging.limit };
}

function byOffset(paging: Extract<Paging, { offset: string }>, base: URL): Pager {
  const urlOf = (at: Position | undefined) =>
    withParams(base, [
      [paging.offset, at],
      [paging.size, paging.limit],
    ]);
  const after = (at: Position | undefined, page: PageSeen) => (isEnd(page) ? undefined : Number(at) + page.rowCount);
  return { start: 0, urlOf, after, limit: paging.limit };
}

function byCursor(paging: Extract<Paging, { cursor: string }>, base: URL): Pager {
  const urlOf = (at: Position | undefined) =>
    withParams(base, [
      [paging.cursor, at],
      [paging.size, paging.limit],
    ]);
  return { start: undefined, urlOf, after: (_, page) => token(valueAt(page.head, paging.next)), limit: 0 };
}

/** null, '', false and absent all mean that there is nothing more. */
const token = (value: Json | undefined): Position | undefined =>
  (typeof value === 'string' && value.trim() !== '') || typeof value === 'number' ? value : undefined;

/** The job's own query (which may hold a token) is taken out of a kept address and put back when it is asked. */
function byNext(next: string, base: URL, query: { readonly [name: string]: string }): Pager {
  const urlOf = (at: Position | undefined) =>
    at === undefined ? base : withParams(new URL(String(at), base), Object.entries(query));
  const after = (_: Position | undefined, page: PageSeen): Position | undefined => {
    const written = next === 'Link' ? nextLink(page.link) : token(valueAt(page.head, next));
    if (written === undefined) return undefined;
    const url = new URL(String(written), page.url);
    for (const name of Object.keys(query)) url.searchParams.delete(name);
    return url.href;
  };
  return { start: undefined, urlOf, after, limit: 0 };
}

/** The target of `rel="next"` in a Link header (RFC 8288). */
export function nextLink(header: string | undefined): string | undefined {
  for (const match of (header ?? '').matchAll(/<([^>]*)>((?:\s*;\s*[\w*-]+(?:\s*=\s*(?:"[^"]*"|[^",;\s]+))?)*)/g)) {
    const rel = /;\s*rel\s*=\s*(?:"([^"]*)"|([^",;\s]+))/i.exec(match[2] ?? '');
    if ((rel?.[1] ?? rel?.[2] ?? '').toLowerCase().split(/\s+/).includes('next')) return match[1];
  }
  return undefined;
}
