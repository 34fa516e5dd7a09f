import type { Operation } from '../record.ts';
import { placeholders, type Reader, select } from './database.ts';

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
}

const pendingColumns = `r.id, r.record_key AS "key", r.type, r.job, r.number, r.name, v.version, v.operation, v.body, v.revised_at AS "revisedAt"`;

/**
 * Pending is a query, not a state: the newest version (or, for types without skipping, the next one) against what the
 * platform was given. A record with an open delivery waits; a withdrawal is pending only where the record was once sent.
 */
export async function readPending(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  const rows = [...(await readNewest(db, query)), ...(await readNext(db, query))];
  rows.sort((a, b) => a.id - b.id);
  return rows.slice(0, query.limit);
}

const openElsewhere = `NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.platform = ? AND o.record_id = r.id AND o.state = 'open')`;
const sentBefore = `EXISTS (SELECT 1 FROM deliveries s WHERE s.platform = ? AND s.record_id = r.id)`;
/** A record that replaces another one goes out only after the withdrawal of the old one was answered. */
const predecessorGone = `(r.predecessor_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM deliveries p WHERE p.platform = ? AND p.record_id = r.predecessor_id AND p.operation = 'UPSERT' AND p.state IN ('accepted', 'open')
      AND NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.platform = p.platform AND w.record_id = p.record_id
        AND w.operation = 'WITHDRAW' AND w.version > p.version AND w.state IN ('accepted', 'rejected'))))`;

async function readNewest(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  if (query.types.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns} FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.id > ? AND r.type IN (${placeholders(query.types.length)}) AND r.newest_operation = ?
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id
        AND (d.version = r.newest_version OR d.state = 'open'))
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [query.afterId, ...query.types, operation, platform, platform]);
}

async function readNext(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  if (query.everyVersion.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns} FROM records r JOIN versions v ON v.record_id = r.id AND v.version =
      1 + COALESCE((SELECT MAX(d.version) FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id), 0)
    WHERE r.id > ? AND r.type IN (${placeholders(query.everyVersion.length)}) AND v.operation = ? AND ${openElsewhere}
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [platform, query.afterId, ...query.everyVersion, operation, platform, platform]);
}

/** Records whose newest state is not to be shown and that the platform was never told of. */
export async function countWithheld(db: Reader, platform: string, types: readonly string[]): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM records r WHERE r.newest_operation = 'WITHDRAW' AND r.type IN (${placeholders(types.length)})
     AND NOT ${sentBefore}`;
  const [row] = types.length === 0 ? [] : await select<{ n: number }>(db, sql, [...types, platform]);
  return Number(row?.n ?? 0);
}
