import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { hardenedHttp } from '../hardened-http.ts';
import { durationS } from '../job/duration.ts';
import type { HttpSourceSpec, Page, ReadOptions, SnapshotPlace, Source } from '../source.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import { type CursorValue, dateOf, isCredible, later, setBack } from './cursor-value.ts';
import { valueAt } from './dotted.ts';
import { continues, type HttpCursor, readHttpCursor } from './http-cursor.ts';
import { type Fetched, type FetchOptions, fetchPage, where } from './http-fetch.ts';
import { type HttpPage, readHttpPage } from './http-page.ts';
import type { OpenOptions } from './open.ts';
import { type Pager, type Position, pagerOf } from './paging.ts';
import type { RowRead } from './row-read.ts';

const MAX_PAGES = 1_000_000;

/**
 * Reads a bureau's HTTP service page by page; the next page is already on its way while the caller works on this one.
 * With `cursor` only changes are asked for (since the highest value seen, less `overlap`); without, everything.
 */
export async function openHttp(spec: HttpSourceSpec, options: OpenOptions): Promise<Source> {
  const url = URL.parse(spec.url);
  if (url === null) throw badUrl();
  const allowed = allowedHosts(options.allowedHosts ?? [url.hostname]);
  const http = hardenedHttp({ allowed, timeoutS: spec.timeout ?? 60 });
  return {
    pages: (from, read) => pages(spec, readHttpCursor(from), { http, spec, now: read.now, signal: read.signal, read }),
    close: async () => http.close(),
  };
}

const badUrl = (): HubError =>
  new HubError('SOURCE_URL_WRONG', '来源的 url 不是有效地址 (the url of the source cannot be read)', {
    remedy: 'give-up',
    fix: '改正作业文件中的 source.url (correct source.url in the job file)',
  });

interface Context extends FetchOptions {
  readonly read: ReadOptions;
}

/** One page with what must be known to go on behind it. */
interface Turn {
  readonly position: Position | undefined;
  readonly answer: Fetched;
  readonly page: HttpPage;
  readonly total: number | undefined;
  readonly next: Position | undefined;
  readonly seen: number;
}

async function* pages(spec: HttpSourceSpec, from: HttpCursor, context: Context): AsyncGenerator<Page> {
  const manual = context.read.since !== undefined || context.read.until !== undefined;
  const resumed = !manual && continues(from, context.now()) ? from.run : undefined;
  const since = credible(from.run === undefined ? from.high : from.run.since, context.now());
  const pager = pagerOf(spec, firstUrl(spec, since, context.read));
  const stop = new AbortController();
  const fetching = { ...context, signal: AbortSignal.any([context.signal, stop.signal]) };
  let high = credible(from.high, context.now());
  let turn: Turn | undefined = await firstTurn(pager, resumed, fetching);
  const goesOn = resumed !== undefined && turn.position === resumed.at;
  const started = goesOn ? resumed.started : context.now().toISOString();
  let pageNo = goesOn ? resumed.page : 0;
  try {
    while (turn !== undefined) {
      const now: Turn = turn;
      pageNo += 1;
      const following: Promise<Turn | undefined> = nextTurn(pager, now, fetching);
      following.catch(() => undefined);
      const isLast = now.next === undefined || (isShort(pager, now) && (await following) === undefined);
      high = highest({ spec, rows: now.page.rows, now: context.now() }, high);
      yield {
        externalId: `page-${pageNo}`,
        sha256: sha256(now.answer.body),
        endOfIntake: true,
        rows: numbered(spec, now.page.rows, context.read),
        cursor: cursorAfter({ spec, isLast, since, high, turn: now, page: pageNo, started }),
        ...(spec.cursor === undefined && !manual
          ? { snapshot: { ...placeOf(now, isLast), resumed: goesOn && pageNo === resumed.page + 1 } }
          : {}),
      };
      context.signal.throwIfAborted();
      if (pageNo > MAX_PAGES) throw looping(now.answer.url);
      turn = isLast ? undefined : await following;
      if (turn === undefined) refuseIncomplete(now);
    }
  } finally {
    stop.abort();
  }
}

const placeOf = ({ page, seen, total }: Turn, isLast: boolean): SnapshotPlace => ({
  before: seen - page.rows.length,
  ...(total === undefined ? {} : { expected: total }),
  last: isLast && (total === undefined || seen >= total),
});

/** The cursor parameter goes out in the form in which the bureau wrote the value. */
function firstUrl(spec: HttpSourceSpec, since: CursorValue | undefined, read: ReadOptions): URL {
  const url = new URL(spec.url);
  for (const [name, value] of Object.entries(spec.query ?? {})) url.searchParams.set(name, value);
  if (spec.cursor === undefined) return url;
  const value = read.since ?? (since === undefined ? undefined : lessOverlap(since, spec.cursor.overlap));
  if (value !== undefined) url.searchParams.set(spec.cursor.param ?? 'since', String(value));
  return url;
}

/** A value that is no time (a sequence number) is sent as it is, unless the job asks for an overlap in so many words. */
function lessOverlap(value: CursorValue, overlap: string | undefined): CursorValue {
  const earlier = setBack(value, durationS(overlap ?? '10m') ?? 600);
  if (earlier !== undefined || overlap === undefined || durationS(overlap) === 0) return earlier ?? value;
  throw new HubError(
    'SOURCE_CURSOR_UNREADABLE',
    '游标字段的值不是时间,无法回退 overlap (the cursor value is no time: no overlap)',
    {
      remedy: 'give-up',
      fix: '在作业中去掉 cursor.overlap 或换用时间字段 (drop cursor.overlap, or use a field that holds a time)',
    },
  );
}

/**
 * A page place kept from a killed run may have expired at the bureau, lie behind what the bureau has now, or rows came and went
 * meanwhile, so that the pages of a snapshot stand elsewhere: then the run starts again from its own start.
 */
async function firstTurn(pager: Pager, run: HttpCursor['run'], context: FetchOptions): Promise<Turn> {
  const fromStart = () => readTurn(pager, { position: pager.start, seen: 0 }, context);
  if (run === undefined) return fromStart();
  try {
    const turn = await readTurn(pager, { position: run.at, seen: run.seen }, context);
    return isInPlace(run, turn, context.spec) ? turn : fromStart();
  } catch (error) {
    const expired = error instanceof HubError && /CONTRACT_BROKEN|NOT_FOUND/.test(error.code);
    if (!expired) throw error;
    return fromStart();
  }
}

/** Of a snapshot the total must be the one that the run knew; one that it did not take down cannot be held against anything. */
const isInPlace = (run: NonNullable<HttpCursor['run']>, turn: Turn, spec: HttpSourceSpec): boolean =>
  turn.page.rows.length > 0 && (spec.cursor !== undefined || run.total === turn.total);

async function readTurn(
  pager: Pager,
  at: { readonly position: Position | undefined; readonly seen: number },
  context: FetchOptions,
): Promise<Turn> {
  const answer = await fetchPage(sameOrigin(pager.urlOf(at.position), context.spec), context);
  const page = readHttpPage(answer, context.spec);
  const total = totalOf(page, context.spec);
  const seen = at.seen + page.rows.length;
  const link = answer.headers['link'];
  const next = pager.after(at.position, {
    rowCount: page.rows.length,
    seen,
    total,
    head: page.head,
    link,
    url: answer.url,
  });
  if (next !== undefined && next === at.position) throw looping(answer.url);
  return { position: at.position, answer, page, total, next, seen };
}

function totalOf(page: HttpPage, spec: HttpSourceSpec): number | undefined {
  const value = spec.total === undefined ? undefined : valueAt(page.head, spec.total);
  const total = typeof value === 'number' || (typeof value === 'string' && value !== '') ? Number(value) : undefined;
  return Number.isSafeInteger(total) ? total : undefined;
}

/** Undefined when the bureau has nothing behind `turn`: an empty page, or the same page once more. */
async function nextTurn(pager: Pager, turn: Turn, context: FetchOptions): Promise<Turn | undefined> {
  if (turn.next === undefined) return undefined;
  const next = await readTurn(pager, { position: turn.next, seen: turn.seen }, context).catch((error: unknown) => {
    const beyondEnd = isShort(pager, turn) && error instanceof HubError && error.code === 'SOURCE_NOT_FOUND';
    if (beyondEnd) return undefined;
    throw error;
  });
  if (next === undefined || (next.page.rows.length === 0 && isShort(pager, turn))) return undefined;
  if (!isSamePage(turn, next)) return next;
  if (isShort(pager, turn)) return undefined;
  throw looping(next.answer.url);
}

const isShort = (pager: Pager, turn: Turn): boolean => turn.total === undefined && turn.page.rows.length < pager.limit;

function isSamePage(left: Turn, right: Turn): boolean {
  const [a, b] = [left.page.rows, right.page.rows];
  return a.length > 0 && a.length === b.length && sameRaw(a[0], b[0]) && sameRaw(a.at(-1), b.at(-1));
}

const sameRaw = (left: RowRead | undefined, right: RowRead | undefined): boolean =>
  left !== undefined && right !== undefined && Buffer.from(left.raw).equals(Buffer.from(right.raw));

/** Only ever the bureau's own origin: a foreign next address would carry our token elsewhere. */
function sameOrigin(url: URL, spec: HttpSourceSpec): URL {
  if (url.origin === new URL(spec.url).origin) return url;
  throw new HubError('SOURCE_NEXT_FOREIGN', `下一页地址指向别的主机 ${url.origin} (the next page is on another host)`, {
    remedy: 'give-up',
    fix: '请业务系统改正分页地址,或把 url 改为该主机 (have the bureau mend its paging, or set `url` to that host)',
  });
}

const looping = (url: URL): HubError =>
  new HubError('SOURCE_LOOPING', `${where(url)}: 连续两页内容相同 (the same page came twice)`, {
    remedy: 'give-up',
    fix: '核对 paging 的参数名,对方似乎不认识它 (check the parameter names in `paging`: the far end ignores them)',
  });

function refuseIncomplete(turn: Turn): void {
  if (turn.total === undefined || turn.seen >= turn.total) return;
  throw new HubError(
    'SOURCE_INCOMPLETE',
    `对方说共 ${turn.total} 行,只给出 ${turn.seen} 行 (${turn.seen} of ${turn.total} rows came)`,
    {
      remedy: 'retry',
      fix: '稍后自动重读;反复出现请业务系统检查分页 (read again later; if it repeats the bureau must check its paging)',
    },
  );
}

const fieldValue = (row: RowRead, field: string): CursorValue | undefined => {
  const value = row.fields === undefined ? undefined : valueAt(row.fields, field);
  return typeof value === 'number' || (typeof value === 'string' && value !== '') ? value : undefined;
};

function highest(
  { spec, rows, now }: { readonly spec: HttpSourceSpec; readonly rows: readonly RowRead[]; readonly now: Date },
  before: CursorValue | undefined,
): CursorValue | undefined {
  if (spec.cursor === undefined) return undefined;
  let high = before;
  for (const row of rows) {
    const value = fieldValue(row, spec.cursor.field);
    if (value === undefined || value === high) continue;
    const up = later(high, value);
    if (up === high || isCredible(up, now)) high = up;
  }
  return high;
}

const credible = (value: CursorValue | undefined, now: Date): CursorValue | undefined =>
  value !== undefined && isCredible(value, now) ? value : undefined;

/** In a manual re-read the dates also bind rows of a bureau that ignores the parameter. */
function numbered(spec: HttpSourceSpec, rows: readonly RowRead[], { since, until }: ReadOptions) {
  const all = rows.map((row, index) => ({ ...row, rowNo: index + 1 }));
  const field = spec.cursor?.field;
  if (field === undefined || (since === undefined && until === undefined)) return all;
  return all.filter((row) => {
    const date = dateOf(fieldValue(row, field) ?? '');
    return date === undefined || ((since === undefined || date >= since) && (until === undefined || date <= until));
  });
}

interface After {
  readonly spec: HttpSourceSpec;
  readonly isLast: boolean;
  readonly since: CursorValue | undefined;
  readonly high: CursorValue | undefined;
  readonly turn: Turn;
  readonly page: number;
  readonly started: string;
}

/** Between pages the place in this run, at its end only the high-water mark. */
function cursorAfter({ spec, isLast, since, high, turn, page, started }: After) {
  const mark = high === undefined ? {} : { high };
  if (isLast || turn.next === undefined) return mark;
  const total = spec.cursor !== undefined || turn.total === undefined ? {} : { total: turn.total };
  const run = { at: turn.next, page, seen: turn.seen, started, ...total, ...(since === undefined ? {} : { since }) };
  return { ...mark, run };
}
