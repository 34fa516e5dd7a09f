import type { Knex } from 'knex';
import { canonicalJson, sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { durationS } from '../job/duration.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Cursor, Page, RawRow, ReadOptions, Source, SqlSourceSpec } from '../source.ts';
import { isReadable, type RowFaultCode, rowFault, textFaults } from '../wire/row-fault.ts';
import { type CursorValue, isCredible, isWord, setBack } from './cursor-value.ts';
import type { OpenOptions } from './open.ts';
import { openBureau, type SqlBureau } from './sql-open.ts';
import { describeTable, type SqlTable } from './sql-table.ts';

const DEFAULT_OVERLAP = '10m';

/**
 * Reads a bureau's table in keyset order (updatedAt, id), never by OFFSET. A row committed late with an older time
 * would be passed by for ever (delivery.md T13), so each run begins `overlap` before the last time seen; what was
 * read before comes out as unchanged. Rows whose time is NULL are read anew by every run, after the others.
 */
export async function openSql(spec: SqlSourceSpec, options: OpenOptions): Promise<Source> {
  const bureau = openBureau(spec.url, options);
  let table: SqlTable;
  try {
    table = await describeTable(bureau, spec);
  } catch (error) {
    await bureau.db.destroy();
    throw asHubError(error, options.name);
  }
  return {
    pages: (from, read) => pages({ bureau, table, spec, name: options.name }, from, read),
    close: () => bureau.db.destroy(),
  };
}

interface Reading {
  readonly bureau: SqlBureau;
  readonly table: SqlTable;
  readonly spec: SqlSourceSpec;
  readonly name: string;
}

/** A driver's error text may hold the user name and the statement: only its code goes on. */
function asHubError(error: unknown, name: string): Error {
  if (error instanceof HubError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (/^ER_(ACCESS|DBACCESS|TABLEACCESS|COLUMNACCESS)/.test(code)) {
    const fix = '检查账号密码与 SELECT 权限 (check the account, its password and its SELECT right)';
    return new HubError('SOURCE_REFUSED', `${name}: 数据库拒绝访问 (access denied: ${code})`, {
      remedy: 'give-up',
      fix,
    });
  }
  const fix =
    '检查数据库是否运行、网络是否连通;稍后自动重试 (check that the database runs and can be reached; retried later)';
  return new HubError('SOURCE_UNREACHABLE', `${name}: 数据库读取失败 (database: ${code || 'error'})`, {
    remedy: 'retry',
    fix,
  });
}

/** Where a page begins: behind (updatedAt, id), at a time, or behind an id alone. */
type Place =
  | { readonly phase: 'changes'; readonly updatedAt?: CursorValue; readonly id?: CursorValue }
  | { readonly phase: 'nulls' | 'all'; readonly id?: CursorValue };

async function* pages(reading: Reading, from: Cursor | undefined, options: ReadOptions): AsyncGenerator<Page> {
  const { spec, table, bureau } = reading;
  const limit = spec.limit ?? 1000;
  const expected = spec.updatedAt === undefined ? await countRows(reading) : undefined;
  let before = snapshotSeen(from) ?? 0;
  let mark = markOf(from, options.now());
  let place: Place | undefined = firstPlace(spec, mark, options, from);
  for (let pageNo = 1; place !== undefined; pageNo += 1) {
    options.signal.throwIfAborted();
    const query = pageQuery(bureau.db, { spec, table, place, options }).limit(limit + 1);
    const found = await run(query, reading.name);
    options.signal.throwIfAborted();
    const rows = found.slice(0, limit).map((row, index) => toRow(row, index + 1));
    const last = found[Math.min(limit, found.length) - 1];
    if (place.phase === 'changes') mark = markIn(spec, found.slice(0, limit), { before: mark, now: options.now() });
    const next: Place | undefined = nextPlace(spec, place, found.length > limit ? last : undefined);
    if (place.phase === 'nulls' && rows.length === 0) return;
    yield {
      externalId: `${table.name}-${pageNo}`,
      sha256: sha256(rows.map((row) => row.raw).join('\n')),
      endOfIntake: true,
      rows,
      cursor: cursorOf(mark, next, before + rows.length),
      ...(expected === undefined
        ? {}
        : { snapshot: { before, resumed: pageNo === 1 && before > 0, expected, last: next === undefined } }),
    };
    before += rows.length;
    place = next;
  }
}

async function run(query: PromiseLike<unknown>, name: string): Promise<SqlRow[]> {
  try {
    return (await query) as SqlRow[];
  } catch (error) {
    throw asHubError(error, name);
  }
}

interface SqlRow {
  readonly [column: string]: unknown;
}

/** Last time and id seen. */
interface Mark {
  readonly updatedAt?: CursorValue;
  readonly id?: CursorValue;
}

const isValue = (value: unknown): value is CursorValue => typeof value === 'string' || typeof value === 'number';

function markOf(from: Cursor | undefined, now: Date): Mark {
  const [updatedAt, id] = [from?.['updatedAt'], from?.['id']];
  if (isValue(updatedAt) && !isCredible(updatedAt, now)) return {};
  return { ...(isValue(updatedAt) ? { updatedAt } : {}), ...(isValue(id) ? { id } : {}) };
}

const markAt = (spec: SqlSourceSpec, row: SqlRow): Mark => {
  const [updatedAt, id] = [plain(row[spec.updatedAt ?? '']), plain(row[spec.id])];
  return { ...(isValue(updatedAt) ? { updatedAt } : {}), ...(isValue(id) ? { id } : {}) };
};

/** The last row of a page that a mark may stand at: a word or a day in the far future is read, and marks nothing. */
function markIn(
  spec: SqlSourceSpec,
  rows: readonly SqlRow[],
  { before, now }: { readonly before: Mark; readonly now: Date },
): Mark {
  const timed = rows.findLast((row) => {
    const value = plain(row[spec.updatedAt ?? '']);
    return isValue(value) && !isWord(value) && isCredible(value, now);
  });
  if (timed !== undefined) return markAt(spec, timed);
  const last = rows.at(-1);
  const isSound = before.updatedAt !== undefined && !isWord(before.updatedAt);
  if (last === undefined || isSound) return before;
  const mark = markAt(spec, last);
  return mark.updatedAt !== undefined && isCredible(mark.updatedAt, now) ? mark : before;
}

function firstPlace(spec: SqlSourceSpec, mark: Mark, options: ReadOptions, from: Cursor | undefined): Place {
  if (spec.updatedAt === undefined)
    return { phase: 'all', ...(mark.id === undefined || snapshotSeen(from) === undefined ? {} : { id: mark.id }) };
  if (options.since !== undefined || options.until !== undefined) return { phase: 'changes' };
  const nulls = from?.['nulls'];
  if (isValue(nulls)) return { phase: 'nulls', id: nulls };
  if (mark.updatedAt === undefined) return { phase: 'changes' };
  const overlap = durationS(spec.overlap ?? DEFAULT_OVERLAP) ?? 600;
  const earlier = overlap === 0 ? undefined : setBack(mark.updatedAt, overlap);
  return earlier === undefined ? { phase: 'changes', ...mark } : { phase: 'changes', updatedAt: earlier };
}

function nextPlace(spec: SqlSourceSpec, place: Place, last: SqlRow | undefined): Place | undefined {
  if (last === undefined) return place.phase === 'changes' ? { phase: 'nulls' } : undefined;
  if (place.phase === 'changes') return { phase: 'changes', ...markAt(spec, last) };
  const id = plain(last[spec.id]);
  return isValue(id) ? { phase: place.phase, id } : undefined;
}

/** Rows of the snapshot that an interrupted run had read; a place that does not say so is no place in a snapshot. */
function snapshotSeen(from: Cursor | undefined): number | undefined {
  const seen = from?.['seen'];
  return isValue(from?.['id']) && typeof seen === 'number' ? seen : undefined;
}

function cursorOf(mark: Mark, next: Place | undefined, seen: number): Cursor {
  if (next?.phase === 'all') return next.id === undefined ? {} : { id: next.id, seen };
  if (next?.phase === 'nulls' && next.id !== undefined) return { ...mark, nulls: next.id };
  return { ...mark };
}

interface PageAsk {
  readonly spec: SqlSourceSpec;
  readonly table: SqlTable;
  readonly place: Place;
  readonly options: ReadOptions;
}

function pageQuery(db: Knex, { spec, table, place, options }: PageAsk): Knex.QueryBuilder {
  const query: Knex.QueryBuilder = db(table.name).select(table.columns);
  const id = place.id === undefined ? undefined : bindId(place.id, table);
  if (place.phase !== 'changes' || spec.updatedAt === undefined) {
    if (place.phase === 'nulls' && spec.updatedAt !== undefined) query.whereNull(spec.updatedAt);
    if (id !== undefined) query.where(spec.id, '>', id);
    return query.orderBy(spec.id);
  }
  const { updatedAt } = spec;
  query.whereNotNull(updatedAt).orderBy([updatedAt, spec.id]);
  bindDates(query, updatedAt, options);
  if (place.updatedAt === undefined) return query;
  const at = place.updatedAt;
  query.where(updatedAt, '>=', at);
  if (id !== undefined) query.where((either) => void either.where(updatedAt, '>', at).orWhere(spec.id, '>', id));
  return query;
}

/** Texts of dates compare with any column that holds dates; `until` includes its whole day. */
function bindDates(query: Knex.QueryBuilder, updatedAt: string, { since, until }: ReadOptions): void {
  if (since !== undefined) query.where(updatedAt, '>=', since);
  const behind = until === undefined ? undefined : setBack(until, -86_400);
  if (behind !== undefined) query.where(updatedAt, '<', behind);
}

/**
 * A long id kept as text is bound as a number again: compared as text or double it would skip rows.
 * (Both drivers take a bigint; knex's types do not know.)
 */
const bindId = (id: CursorValue, table: SqlTable): CursorValue =>
  table.idIsInteger && typeof id === 'string' && /^-?\d+$/.test(id) ? (BigInt(id) as unknown as number) : id;

async function countRows({ bureau, table, name }: Reading): Promise<number> {
  const [row] = await run(bureau.db(table.name).count({ n: '*' }), name);
  return Number(row?.['n'] ?? 0);
}

/** JSON value of a column; undefined for what JSON cannot carry. */
function plain(value: unknown): Json | undefined {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : String(value);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  return undefined;
}

function toRow(row: SqlRow, rowNo: number): RawRow {
  const fields: { [name: string]: Json } = {};
  const codes = new Set<RowFaultCode>();
  for (const [name, value] of Object.entries(row)) {
    const json = plain(value);
    if (json === undefined) codes.add('FIELD_BINARY');
    else fields[name] = json;
  }
  const faults = [...[...codes].map((code) => rowFault(code)), ...textFaults(fields)];
  return { rowNo, raw: rawOf(fields), fields: isReadable(faults) ? fields : undefined, faults };
}

function rawOf(fields: JsonObject): string {
  try {
    return canonicalJson(fields);
  } catch {
    return JSON.stringify(fields);
  }
}
