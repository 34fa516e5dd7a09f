import { insertRows, placeholders, select, type Tx } from './database.ts';

/** A version that a platform is to be given once more. */
export interface Reissue {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
}

/** One that was ordered before and has not left yet stands as it is. */
export async function addReissues(
  tx: Tx,
  platform: string,
  resync: number,
  reissues: readonly Reissue[],
): Promise<void> {
  if (reissues.length === 0) return;
  const ids = reissues.map(({ recordId }) => recordId);
  const sql = `SELECT record_id, version, rendition FROM reissues WHERE platform = ? AND record_id IN (${placeholders(ids.length)})`;
  const rows = await select<{ record_id: number; version: number; rendition: number }>(tx, sql, [platform, ...ids]);
  const known = new Set(rows.map((row) => `${row.record_id}/${row.version}/${row.rendition}`));
  await insertRows(
    tx,
    'reissues',
    ['platform', 'record_id', 'version', 'rendition', 'resync_id'],
    reissues
      .filter(({ recordId, version, rendition }) => !known.has(`${recordId}/${version}/${rendition}`))
      .map(({ recordId, version, rendition }) => [platform, recordId, version, rendition, resync]),
  );
}

export const addMembers = (tx: Tx, resync: number, recordIds: readonly number[]): Promise<void> =>
  insertRows(
    tx,
    'resync_members',
    ['resync_id', 'record_id'],
    recordIds.map((id) => [resync, id]),
  );
