import type { Operation } from '../record.ts';
import { placeholders, type Reader, select } from './database.ts';
import { heldRecords } from './stops.ts';

/** A version that a platform does not have yet. */
export interface PendingRow {
  readonly id: number;
  readonly key: Buffer;
  readonly type: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly version: number;
  readonly operation: Operation;
  /** Canonical JSON of the record, without its revision time. */
  readonly body: string;
  readonly revisedAt: string | null;
  /** 1 unless a person had this version sent once more. */
  readonly rendition: number;
}

export interface PendingQuery {
  readonly platform: string;
  /** Record types whose newest state counts (full state). */
  readonly types: readonly string[];
  /** Record types of which no version may be skipped: the next undelivered one. */
  readonly everyVersion: readonly string[];
  readonly operation: Operation;
  readonly afterId: number;
  readonly limit: number;
  /** Only the records of this resync. */
  readonly resync?: number | undefined;
  /** Upserts: only versions that were kept by then; UTC text. */
  readonly createdUntil?: string | undefined;
  /** Kept from page to page of one pass: spares looking again where nothing was. Written by `readPending`. */
  readonly known?: KnownAhead;
}

/** Per list of pending rows, the least id that its next row can have, as far as the pass has seen. */
export type KnownAhead = { [list in 'newest' | 'next' | 'reissues']: number };

export const nothingKnown = (): KnownAhead => ({ newest: 0, next: 0, reissues: 0 });

const pendingColumns = `r.id, r.record_key AS "key", r.type, r.job, r.number, r.name, v.version, v.operation, v.body, v.revised_at AS "revisedAt"`;

/**
 * Pending is a query, not a state: the newest version (or, for types without skipping, the next one) against what the
 * platform was given. A record with an open delivery waits; a withdrawal is pending only where the record was once sent.
 */
export async function readPending(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  const also = `${membersOnly(query.resync)}${await readBarred(db, query)}`;
  // A withdrawal overtakes what was never sent: unsent versions below it are cancelled when it is sealed.
  const newest = query.operation === 'WITHDRAW' ? { ...query, types: [...query.types, ...query.everyVersion] } : query;
  const due = `${also}${keptInTime(query)}`;
  const { known = nothingKnown() } = query;
  const lists: { readonly [list in keyof KnownAhead]: () => Promise<PendingRow[]> } = {
    newest: () => readNewest(db, newest, due),
    next: () => readNext(db, query, due),
    reissues: () => readReissues(db, query, also),
  };
  return merged(lists, known, query.limit);
}

type ListName = keyof KnownAhead;
const LISTS: readonly ListName[] = ['newest', 'next', 'reissues'];

/** The first rows of all lists in record order. A list whose next row lies behind them is not asked: it may take long to find none. */
async function merged(
  lists: { readonly [list in ListName]: () => Promise<PendingRow[]> },
  known: KnownAhead,
  limit: number,
): Promise<PendingRow[]> {
  let rows: PendingRow[] = [];
  const asked = new Map<ListName, readonly PendingRow[]>();
  for (const name of LISTS.toSorted((a, b) => known[a] - known[b])) {
    if (known[name] > lastOf(rows, limit)) continue;
    const found = await lists[name]();
    asked.set(name, found);
    rows = [...rows, ...found].sort((a, b) => a.id - b.id).slice(0, limit);
  }
  const last = lastOf(rows, limit);
  for (const [name, found] of asked) {
    const left = found.find(({ id }) => Number(id) > last);
    known[name] = left === undefined ? (found.length < limit ? END : last) : Number(left.id);
  }
  return rows;
}

const END = Number.POSITIVE_INFINITY;

/** Id of the last row of a full page; a page with room left has none. */
const lastOf = (rows: readonly PendingRow[], limit: number): number =>
  rows.length < limit ? Number.MAX_SAFE_INTEGER : Number(rows.at(-1)?.id);

/** Records that must not be sent now, as SQL; empty while there are none, so that the usual push pays nothing for it. */
async function readBarred(db: Reader, { platform, operation }: PendingQuery): Promise<string> {
  const held = [...(await heldRecords(db, platform))].map(Number).join(',');
  const shown = operation === 'UPSERT' && (await select(db, 'SELECT record_id FROM suppressions LIMIT 1')).length > 0;
  const notShown = shown ? ' AND NOT EXISTS (SELECT 1 FROM suppressions u WHERE u.record_id = r.id)' : '';
  return `${held === '' ? '' : ` AND r.id NOT IN (${held})`}${notShown}`;
}

/** A withdrawal need not wait for what a person holds: that is sent no more, or only if it is still the newest. */
const blocks = (alias: string, operation: Operation): string =>
  operation === 'UPSERT'
    ? `${alias}.state = 'open'`
    : `(${alias}.state = 'open' AND NOT EXISTS (SELECT 1 FROM batches h WHERE h.seq = ${alias}.batch_seq AND h.state = 'HELD'))`;
const notOpenElsewhere = (operation: Operation): string =>
  `NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.platform = ? AND o.record_id = r.id AND ${blocks('o', operation)})`;
/** Sent, or in a batch that will be: a version that was cancelled before any intent does not count. */
const sentBefore = `EXISTS (SELECT 1 FROM deliveries s WHERE s.platform = ? AND s.record_id = r.id AND s.state NOT IN ('superseded', 'cancelled'))`;
/** A record that replaces another one goes out only after the withdrawal of the old one was answered. */
const predecessorGone = `(r.predecessor_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM deliveries p WHERE p.platform = ? AND p.record_id = r.predecessor_id AND p.operation = 'UPSERT' AND p.state IN ('accepted', 'open')
      AND NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.platform = p.platform AND w.record_id = p.record_id
        AND w.operation = 'WITHDRAW' AND w.version > p.version AND w.state IN ('accepted', 'rejected'))))`;

/** As SQL; instants are our own text. */
const keptInTime = ({ operation, createdUntil }: PendingQuery): string =>
  operation === 'UPSERT' && createdUntil !== undefined && /^[\dTZ:.-]+$/.test(createdUntil)
    ? ` AND v.created_at <= '${createdUntil}'`
    : '';

async function readNewest(db: Reader, query: PendingQuery, also: string): Promise<PendingRow[]> {
  if (query.types.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns}, 1 AS rendition FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.id > ? AND r.type IN (${placeholders(query.types.length)}) AND r.newest_operation = ?
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id
        AND (d.version = r.newest_version OR ${blocks('d', operation)}))${also}
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [query.afterId, ...query.types, operation, platform, platform]);
}

async function readNext(db: Reader, query: PendingQuery, also: string): Promise<PendingRow[]> {
  if (query.everyVersion.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns}, 1 AS rendition FROM records r JOIN versions v ON v.record_id = r.id AND v.version =
      1 + COALESCE((SELECT MAX(d.version) FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id), 0)
    WHERE r.id > ? AND r.type IN (${placeholders(query.everyVersion.length)}) AND v.operation = ?
      AND r.newest_operation <> 'WITHDRAW' AND ${notOpenElsewhere(operation)}${also}
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [platform, query.afterId, ...query.everyVersion, operation, platform, platform]);
}

/** For a WHERE: only the records of a resync; nothing where none is meant. */
const membersOnly = (resync: number | undefined): string =>
  resync === undefined
    ? ''
    : ` AND r.id IN (SELECT m.record_id FROM resync_members m WHERE m.resync_id = ${Math.trunc(resync)})`;

/**
 * Reissues that still have no delivery. Like everything pending they are asked for, not remembered as done: an older version
 * never goes out after a newer one, and a record on the wire waits.
 */
async function readReissues(db: Reader, query: PendingQuery, also: string): Promise<PendingRow[]> {
  const types = [...query.types, ...query.everyVersion];
  const sql = `SELECT ${pendingColumns}, q.rendition FROM reissues q JOIN resyncs s ON s.id = q.resync_id AND s.state <> 'preparing'
      JOIN records r ON r.id = q.record_id
      JOIN versions v ON v.record_id = q.record_id AND v.version = q.version
    WHERE q.platform = ? AND r.id > ? AND r.type IN (${placeholders(types.length)}) AND v.operation = ?
      AND r.newest_version = q.version${also}
      AND NOT EXISTS (SELECT 1 FROM reissues l WHERE l.platform = q.platform AND l.record_id = q.record_id
        AND l.version = q.version AND l.rendition > q.rendition)
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.platform = q.platform AND d.record_id = q.record_id
        AND (d.state = 'open' OR d.version > q.version OR (d.version = q.version AND d.rendition >= q.rendition)))
    ORDER BY r.id LIMIT ${query.limit}`;
  if (types.length === 0) return [];
  return select(db, sql, [query.platform, query.afterId, ...types, query.operation]);
}

/** Records whose newest state is not to be shown and that the platform was never told of. */
export async function countWithheld(db: Reader, platform: string, types: readonly string[]): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM records r WHERE r.newest_operation = 'WITHDRAW' AND r.type IN (${placeholders(types.length)})
     AND NOT ${sentBefore}`;
  const [row] = types.length === 0 ? [] : await select<{ n: number }>(db, sql, [...types, platform]);
  return Number(row?.n ?? 0);
}

/** Platforms among these that still show what is withdrawn by now: they are told at once, not on Friday. */
export async function awaitsWithdrawal(
  db: Reader,
  query: Pick<PendingQuery, 'platform' | 'types' | 'everyVersion'>,
): Promise<boolean> {
  const rows = await readPending(db, { ...query, operation: 'WITHDRAW', afterId: 0, limit: 1 });
  return rows.length > 0;
}
