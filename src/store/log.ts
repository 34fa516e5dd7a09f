import { canonicalJson } from '../canonical.ts';
import type { JsonObject } from '../json.ts';
import { insertRows, type Reader, type Tx } from './database.ts';

/** One line of the delivery log; never a body, a token or a person's number. */
export interface LogEntry {
  readonly actor: string;
  /** `batch.sealed`, `batch.intent`, `batch.outcome`, `quarantine.opened`, `quarantine.released`, … */
  readonly action: string;
  readonly platform?: string;
  readonly batchId?: string;
  readonly runId?: number;
  readonly recordId?: number;
  readonly detail: JsonObject;
}

const columns = ['at', 'actor', 'action', 'platform', 'batch_id', 'run_id', 'record_id', 'detail'] as const;

/** Appends in the transaction of the change itself (delivery.md I17). */
export async function appendLog(tx: Tx, now: Date, entries: readonly LogEntry[]): Promise<void> {
  const at = now.toISOString();
  await insertRows(
    tx,
    'log_entries',
    columns,
    entries.map((entry) => [
      at,
      entry.actor,
      entry.action,
      entry.platform ?? null,
      entry.batchId ?? null,
      entry.runId ?? null,
      entry.recordId ?? null,
      canonicalJson(entry.detail),
    ]),
  );
}

export interface LogLine {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly platform: string | null;
  readonly batchId: string | null;
  readonly runId: number | null;
  readonly recordId: number | null;
  readonly detail: JsonObject;
}

/** Newest first. */
export async function listLog(
  db: Reader,
  filter: { readonly batchId?: string; readonly recordId?: number; readonly limit?: number } = {},
): Promise<LogLine[]> {
  const query = db('log_entries')
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 100);
  if (filter.batchId !== undefined) query.where('batch_id', filter.batchId);
  if (filter.recordId !== undefined) query.where('record_id', filter.recordId);
  const rows = await query;
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    actor: row.actor,
    action: row.action,
    platform: row.platform,
    batchId: row.batch_id,
    runId: row.run_id,
    recordId: row.record_id === null ? null : Number(row.record_id),
    detail: JSON.parse(row.detail),
  }));
}
