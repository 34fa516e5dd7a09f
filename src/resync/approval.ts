import { askApproval, type Matter, takeApproved } from '../accounts/requests.ts';
import type { Hub } from '../hub-context.ts';
import { inTransaction, type Tx } from '../store/database.ts';
import type { RequestRow } from '../store/requests.ts';
import type { Preview } from './preview.ts';
import { type Selection, selectionJson } from './selection.ts';

/** Why this resync needs a second person; empty where it needs none. */
export function causes(selection: Selection, { recordIds, otherContent }: Preview, most: number): readonly string[] {
  return [
    ...(recordIds.length > most ? [`超过 ${most} 条 (more than ${most} records)`] : []),
    ...(selection.again ? ['平台已有的再报 (what the platform has already is sent again)'] : []),
    ...(otherContent > 0 ? [`${otherContent} 条同一版本内容不同 (the same version with other content)`] : []),
  ];
}

/** What the approver says yes to: this selection, coming to exactly these records and contents. */
export const matterOf = (selection: Selection, preview: Preview): Matter => ({
  kind: 'resync',
  detail: {
    selection: selectionJson(selection),
    records: preview.recordIds.length,
    counts: { ...preview.counts },
    content: preview.digest,
  },
});

/** The request as it stands, asked for now if nobody has. */
export const requestFor = (
  { db, now }: Hub,
  matter: Matter,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<RequestRow> => inTransaction(db, (tx) => askApproval(tx, { ...matter, by, reason, now: now() }));

export const useApproval = (tx: Tx, matter: Matter, by: string, now: Date): Promise<RequestRow | undefined> =>
  takeApproved(tx, { ...matter, by, now });
