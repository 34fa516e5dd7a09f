import type { Operation } from '../record.ts';
import type { LedgerDelivery } from '../store/ledger-pages.ts';

/** What the platform lists of one record. */
export interface Listed {
  readonly version: number;
  readonly operation: Operation;
  /** Lower-case hex; absent where the platform keeps no digest. */
  readonly payloadHash?: string | undefined;
}

/** How a record's ledger and the platform's list agree. */
export type Finding =
  | { readonly state: 'agrees' }
  /** A batch with it is on its way, or was settled after the list was asked for: the next comparison tells. */
  | { readonly state: 'moving' }
  | { readonly state: 'missing' | 'extra' | 'stale'; readonly cause: Cause };

/**
 * Why: `absent` not listed · `hidden` listed as withdrawn, should be shown · `unknown` never accepted there by our ledger ·
 * `rejected` the platform refused it and holds it · `still-shown` withdrawn, yet shown · `older`, `newer` another version ·
 * `content` the same version with other data.
 */
type Cause = 'absent' | 'hidden' | 'unknown' | 'rejected' | 'still-shown' | 'older' | 'newer' | 'content';

/**
 * Compares what the ledger says the platform accepted last with what it lists. `since`: when the list was asked for; what was
 * settled after it cannot be judged by it.
 */
export function judgeRecord(told: readonly LedgerDelivery[], listed: Listed | undefined, since: string): Finding {
  if (told.some(({ state, settledAt }) => state === 'open' || (settledAt ?? '') >= since)) return { state: 'moving' };
  const due = newestAccepted(told);
  const shown = listed?.operation === 'UPSERT' ? listed : undefined;
  if (due?.operation === 'UPSERT') return judgeShown(due, listed, shown);
  if (shown === undefined) return { state: 'agrees' };
  if (due !== undefined) return { state: 'stale', cause: 'still-shown' };
  return { state: 'extra', cause: told.some(({ state }) => state === 'rejected') ? 'rejected' : 'unknown' };
}

export const newestAccepted = (told: readonly LedgerDelivery[]): LedgerDelivery | undefined =>
  told.findLast(({ state }) => state === 'accepted');

function judgeShown(due: LedgerDelivery, listed: Listed | undefined, shown: Listed | undefined): Finding {
  if (shown === undefined) return { state: 'missing', cause: listed === undefined ? 'absent' : 'hidden' };
  if (shown.version < due.version) return { state: 'stale', cause: 'older' };
  if (shown.version > due.version) return { state: 'stale', cause: 'newer' };
  const same = shown.payloadHash === undefined || shown.payloadHash === due.payloadHash;
  return same ? { state: 'agrees' } : { state: 'stale', cause: 'content' };
}
