import { canonicalJson } from '../canonical.ts';
import { isJsonObject } from '../json.ts';
import type { Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { knowsRecord, newestWithdrawal, type Told, toldOf } from '../store/withdrawal-told.ts';
import { appendWithdrawal } from '../store/withdrawals.ts';

/** What the correction of a day came to at the platforms. */
export interface Corrected {
  readonly was: string;
  /** False where the withdrawal does not carry the day: nothing at the platforms is wrong. */
  readonly carried: boolean;
  /** Platforms that were sent the withdrawal with the former day. */
  readonly told: readonly Told[];
  /** A withdrawal with the new day goes out in its place, also to those that were told the former one. */
  readonly renewed: boolean;
}

/**
 * The day in a withdrawal for a repair, after it was corrected. Versions are never changed: as long as a platform has still to be told
 * the withdrawal is written anew and overtakes the one that never left. What every platform was told already stays as it was sent.
 */
export async function correctWithdrawal(
  tx: Tx,
  { recordId, was, decidedOn }: { readonly recordId: number; readonly was: string; readonly decidedOn: string },
  { actor, now }: { readonly actor: string; readonly now: Date },
): Promise<Corrected> {
  const newest = await newestWithdrawal(tx, recordId);
  const body = newest === undefined ? undefined : withDay(newest.body, was, decidedOn);
  if (newest === undefined || body === undefined) return { was, carried: false, told: [], renewed: false };
  const told = await toldOf(tx, recordId, newest.version);
  const untold = (await knowsRecord(tx, recordId)).length > told.length;
  const renewed = told.length === 0 || untold;
  if (!renewed) return { was, carried: true, told, renewed };
  await appendWithdrawal(tx, recordId, { version: newest.version, body }, now);
  const detail = { version: newest.version + 1, cause: 'repair', corrects: newest.version };
  await appendLog(tx, now, [{ actor, action: 'record.withdrawn', recordId, detail }]);
  return { was, carried: true, told, renewed };
}

/** The same record with the other day; undefined where it does not carry the former one. */
function withDay(body: string, was: string, decidedOn: string): string | undefined {
  const record: unknown = JSON.parse(body);
  if (!isJsonObject(record) || record['status'] !== 'repaired' || record['statusDate'] !== was) return undefined;
  return canonicalJson({ ...record, statusDate: decidedOn });
}
