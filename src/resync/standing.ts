import type { Operation } from '../record.ts';
import type { ToldVersion } from '../store/resync-candidates.ts';

/**
 * How the newest version of a record stands at a platform. `new`: never told of it; `changed`: has an older version;
 * `withdrawn`: shows what is withdrawn by now; `failed`: refused it, or answered what contradicts; `unchanged`: has it;
 * `underWay`: on the wire; `held`: its batch waits for a person, so nobody may send it again; `notShown`: not for the
 * public, or ended before it was ever shown.
 */
export type Standing = 'new' | 'changed' | 'withdrawn' | 'failed' | 'unchanged' | 'underWay' | 'held' | 'notShown';

/** Pure. */
export function standingOf(
  newest: { readonly version: number; readonly operation: Operation },
  told: readonly ToldVersion[],
): Standing {
  const open = told.findLast(({ state }) => state === 'open');
  if (open !== undefined) return open.batchState === 'HELD' ? 'held' : 'underWay';
  const meant = told.filter(({ state }) => state !== 'superseded' && state !== 'cancelled');
  if (meant.length === 0) return newest.operation === 'UPSERT' ? 'new' : 'notShown';
  const last = meant.findLast(({ version }) => version === newest.version);
  if (last === undefined) return newest.operation === 'UPSERT' ? 'changed' : 'withdrawn';
  return last.state === 'accepted' ? 'unchanged' : 'failed';
}
