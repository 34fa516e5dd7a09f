import { type Reader, select, type Tx } from './database.ts';

/** A division's yes for one period at one platform; type '': all of its types. */
export interface Confirmation {
  readonly platform: string;
  readonly period: string;
  readonly division: string;
  readonly type: string;
  readonly confirmedBy: string;
  readonly reason: string;
  readonly at: string;
}

/** False when the same was confirmed before. */
export async function confirm(tx: Tx, confirmation: Confirmation): Promise<boolean> {
  const { platform, period, division, type, confirmedBy, reason, at } = confirmation;
  const sql = 'SELECT id FROM confirmations WHERE platform = ? AND period = ? AND division = ? AND type = ?';
  if ((await select(tx, sql, [platform, period, division, type])).length > 0) return false;
  await tx('confirmations').insert({ platform, period, division, type, confirmed_by: confirmedBy, reason, at });
  return true;
}

export async function confirmationsOf(db: Reader, platform: string, period: string): Promise<Confirmation[]> {
  const sql = `SELECT platform, period, division, type, confirmed_by AS "confirmedBy", reason, at FROM confirmations
    WHERE platform = ? AND period = ? ORDER BY id`;
  return select<Confirmation>(db, sql, [platform, period]);
}
