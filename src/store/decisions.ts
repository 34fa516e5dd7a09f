import { placeholders, type Reader, select } from './database.ts';

/** An accepted member of a batch, with what the platform had accepted of the record before it. */
export interface DeliveredDecision {
  readonly type: string;
  /** Canonical JSON. */
  readonly body: string;
  readonly before: string | null;
}

/** Accepted upserts of one batch. */
export async function deliveredDecisions(db: Reader, batchSeq: number): Promise<DeliveredDecision[]> {
  const sql = `SELECT r.type, v.body, (SELECT p.body FROM versions p WHERE p.record_id = d.record_id AND p.version =
      (SELECT MAX(e.version) FROM deliveries e WHERE e.platform = d.platform AND e.record_id = d.record_id
        AND e.version < d.version AND e.state = 'accepted' AND e.operation = 'UPSERT')) AS "before"
    FROM deliveries d JOIN records r ON r.id = d.record_id
      JOIN versions v ON v.record_id = d.record_id AND v.version = d.version
    WHERE d.batch_seq = ? AND d.state = 'accepted' AND d.operation = 'UPSERT'`;
  return select<DeliveredDecision>(db, sql, [batchSeq]);
}

/** Newest accepted contents of some records at a platform, by record id: a correction of what was told in time is not late. */
export async function toldBefore(
  db: Reader,
  platform: string,
  recordIds: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  if (recordIds.length === 0) return new Map();
  const sql = `SELECT d.record_id AS "id", v.body FROM deliveries d
      JOIN versions v ON v.record_id = d.record_id AND v.version = d.version
    WHERE d.platform = ? AND d.state = 'accepted' AND d.operation = 'UPSERT'
      AND d.record_id IN (${placeholders(recordIds.length)}) ORDER BY d.version`;
  const rows = await select<{ id: number; body: string }>(db, sql, [platform, ...recordIds]);
  return new Map(rows.map(({ id, body }) => [Number(id), body]));
}

/** The decision date of a kept record; undefined where it has none, such as a registration. */
export function decisionDate(body: string): string | undefined {
  const record: { readonly decidedOn?: unknown } = JSON.parse(body);
  return typeof record.decidedOn === 'string' ? record.decidedOn : undefined;
}

/** Members of a period that have no verdict yet, batch by batch. */
export async function* openDecisions(
  db: Reader,
  platform: string,
  period: string,
): AsyncGenerator<{ readonly type: string; readonly body: string }> {
  const batches = await select<{ seq: number }>(
    db,
    "SELECT seq FROM batches WHERE platform = ? AND period = ? AND state NOT IN ('SETTLED', 'SPLIT') ORDER BY seq",
    [platform, period],
  );
  const sql = `SELECT r.type, v.body FROM deliveries d JOIN records r ON r.id = d.record_id
      JOIN versions v ON v.record_id = d.record_id AND v.version = d.version
    WHERE d.batch_seq = ? AND d.state = 'open' AND d.operation = 'UPSERT'`;
  for (const { seq } of batches) yield* await select<{ type: string; body: string }>(db, sql, [seq]);
}

/** Contents of every version of a record, oldest first. */
export async function versionBodies(
  db: Reader,
  recordId: number,
): Promise<{ readonly version: number; readonly body: string }[]> {
  return select(db, 'SELECT version, body FROM versions WHERE record_id = ? ORDER BY version', [recordId]);
}
