import { readCursor } from '../store/cursors.ts';
import { type Db, inTransaction } from '../store/database.ts';
import type { RequestRow } from '../store/requests.ts';
import { type Matter, secondPerson, waitingFor } from './requests.ts';

/** Who asks, and why. */
export interface Asks {
  readonly by: string;
  readonly reason: string;
  readonly now: Date;
}

/**
 * A source that really has fewer records: a second person confirms it, for the state that the last whole snapshot left
 * (delivery.md §1.1). Uses the approval up, or asks and throws APPROVAL_OPEN.
 */
export async function confirmShrink(db: Db, job: string, asks: Asks): Promise<RequestRow> {
  const rows = (await readCursor(db, job))?.snapshotRows ?? null;
  return confirmed(db, { kind: 'source.shrink', detail: { job, rowsBefore: rows } }, asks);
}

/** A file that a person brought by hand, records or a receipt: a second person confirms these bytes for this job. Throws APPROVAL_OPEN. */
export const confirmImport = (
  db: Db,
  file: { readonly job: string; readonly sha256: string; readonly rows: number; readonly batch?: string },
  asks: Asks,
): Promise<RequestRow> => confirmed(db, { kind: 'source.import', detail: { ...file } }, asks);

async function confirmed(db: Db, matter: Matter, asks: Asks): Promise<RequestRow> {
  const step = await inTransaction(db, (tx) => secondPerson(tx, { ...matter, ...asks }));
  if ('waiting' in step) throw waitingFor(step.waiting);
  return step.approved;
}
