import { canonicalJson } from '../canonical.ts';
import type { JsonObject } from '../json.ts';
import { change, type Reader, type Tx } from './database.ts';

/** preparing → running → done | failed; a dead process leaves `died`. Reissues count from `running` on. */
export type ResyncState = 'preparing' | 'running' | 'done' | 'failed' | 'died';

export interface ResyncRow {
  readonly id: number;
  readonly platform: string;
  /** Lower-case hex. */
  readonly selection: string;
  readonly detail: JsonObject;
  readonly state: ResyncState;
  readonly actor: string;
  readonly reason: string;
  readonly requestId: number | null;
  readonly holder: string;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly report: JsonObject | null;
}

/** Begins one unless the platform has one under way; either way the one under way. */
export async function openResync(
  tx: Tx,
  start: Pick<ResyncRow, 'platform' | 'selection' | 'detail' | 'actor' | 'reason' | 'holder' | 'startedAt'>,
): Promise<{ readonly row: ResyncRow; readonly mine: boolean }> {
  const before = await resyncUnderWay(tx, start.platform);
  if (before !== undefined) return { row: before, mine: false };
  await tx('resyncs')
    .insert({
      platform: start.platform,
      selection: Buffer.from(start.selection, 'hex'),
      open_at: start.platform,
      detail: canonicalJson(start.detail),
      state: 'preparing',
      actor: start.actor,
      reason: start.reason,
      holder: start.holder,
      started_at: start.startedAt,
    })
    .onConflict('open_at')
    .ignore();
  const row = await resyncUnderWay(tx, start.platform);
  if (row === undefined) throw new Error(`resync of ${start.platform} was not kept`);
  return { row, mine: row.holder === start.holder };
}

export async function resyncUnderWay(db: Reader, platform: string): Promise<ResyncRow | undefined> {
  const row = await db('resyncs').where({ open_at: platform }).first();
  return row === undefined ? undefined : toResync(row);
}

/** The newest one of a selection that ended well. */
export async function lastDone(db: Reader, selection: string): Promise<ResyncRow | undefined> {
  const row = await db('resyncs')
    .where({ selection: Buffer.from(selection, 'hex'), state: 'done' })
    .orderBy('id', 'desc')
    .first();
  return row === undefined ? undefined : toResync(row);
}

/** Everything is ordered: from here on what it re-issues is pending. */
export const startResync = (tx: Tx, id: number, requestId: number | null): Promise<number> =>
  change(tx, "UPDATE resyncs SET state = 'running', request_id = ? WHERE id = ? AND state = 'preparing'", [
    requestId,
    id,
  ]);

/** True for the one process that takes over from a dead one. */
export const takeOver = async (tx: Tx, { id, holder }: ResyncRow, by: string): Promise<boolean> =>
  (await change(tx, 'UPDATE resyncs SET holder = ? WHERE id = ? AND holder = ?', [by, id, holder])) === 1;

export async function endResync(
  tx: Tx,
  id: number,
  end: { readonly state: 'done' | 'failed' | 'died'; readonly report: JsonObject | null; readonly at: string },
): Promise<void> {
  const report = end.report === null ? null : canonicalJson(end.report);
  const sql = 'UPDATE resyncs SET state = ?, report = ?, ended_at = ?, open_at = NULL WHERE id = ?';
  await change(tx, sql, [end.state, report, end.at, id]);
}

/** What was ordered so far and never counted. */
export async function dropOrders(tx: Tx, id: number): Promise<void> {
  await change(tx, 'DELETE FROM reissues WHERE resync_id = ?', [id]);
  await change(tx, 'DELETE FROM resync_members WHERE resync_id = ?', [id]);
}

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toResync = (row: any): ResyncRow => ({
  id: Number(row.id),
  platform: row.platform,
  selection: row.selection.toString('hex'),
  detail: JSON.parse(row.detail),
  state: row.state,
  actor: row.actor,
  reason: row.reason,
  requestId: row.request_id,
  holder: row.holder,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  report: row.report === null ? null : JSON.parse(row.report),
});
