import { randomUUID } from 'node:crypto';
import type { Matter } from '../accounts/requests.ts';
import type { Hub } from '../hub-context.ts';
import { inTransaction } from '../store/database.ts';
import { isDead, thisProcess } from '../store/leases.ts';
import { appendLog } from '../store/log.ts';
import { addMembers, addReissues } from '../store/reissues.ts';
import {
  dropOrders,
  endResync,
  openResync,
  type ResyncRow,
  resyncUnderWay,
  startResync,
  takeOver,
} from '../store/resyncs.ts';
import { useApproval } from './approval.ts';
import type { Preview } from './preview.ts';

export interface Order {
  readonly platform: string;
  /** Digest of the selection. */
  readonly selection: string;
  readonly matter: Matter;
  readonly preview: Preview;
  /** False below the threshold. */
  readonly needsApproval: boolean;
  readonly by: string;
  readonly reason: string;
}

/** `approval-gone`: it was used up, void or too old by the time that it was to be used; nothing is ordered. */
export type Ordered = { readonly row: ResyncRow; readonly mine: boolean } | 'approval-gone';

const ROWS = 1000;

/** Two commands of one process are two holders. */
const thisCommand = (): string => `${thisProcess()}/${randomUUID()}`;

/**
 * Writes down what is to be sent, a thousand rows a transaction; nothing of it counts before the last one, which uses up the
 * approval. Only one resync of a platform is under way: its row comes back where somebody was quicker.
 */
export async function order(hub: Hub, wanted: Order): Promise<Ordered> {
  const { db, now } = hub;
  const { platform, selection, by, reason, matter, preview } = wanted;
  const start = { platform, selection, detail: matter.detail, actor: by, reason };
  const opened = await inTransaction(db, (tx) =>
    openResync(tx, { ...start, holder: thisCommand(), startedAt: now().toISOString() }),
  );
  if (!opened.mine) return opened;
  const { id } = opened.row;
  for (let from = 0; from < preview.recordIds.length; from += ROWS) {
    await inTransaction(db, async (tx) => {
      await addMembers(tx, id, preview.recordIds.slice(from, from + ROWS));
      await addReissues(tx, platform, id, preview.reissues.slice(from, from + ROWS));
    });
  }
  if (await begin(hub, id, wanted)) return { row: { ...opened.row, state: 'running' }, mine: true };
  await giveUp(hub, id);
  return 'approval-gone';
}

const begin = ({ db, now }: Hub, id: number, wanted: Order): Promise<boolean> =>
  inTransaction(db, async (tx) => {
    const { platform, matter, preview, needsApproval, by, reason } = wanted;
    const used = needsApproval ? await useApproval(tx, matter, by, now()) : undefined;
    if (needsApproval && used === undefined) return false;
    await startResync(tx, id, used?.id ?? null);
    // The selection may name people: the log has its digest, the row of the resync its words.
    const what = { selection: wanted.selection, records: preview.recordIds.length, content: preview.digest };
    const detail = { resync: id, reason, request: used?.id ?? null, ...what, reissues: preview.reissues.length };
    await appendLog(tx, now(), [{ actor: by, action: 'resync.started', platform, detail }]);
    return true;
  });

/** Ends what never began to count. */
async function giveUp({ db, now }: Hub, id: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    await dropOrders(tx, id);
    await endResync(tx, id, { state: 'died', report: null, at: now().toISOString() });
  });
}

/**
 * The resync that is under way at a platform, if any. One whose process died is taken over where it is the same command, so
 * that it goes on where it was; else it is closed: what it ordered goes with the next push all the same.
 */
export async function underWay(
  hub: Hub,
  platform: string,
  selection: string,
): Promise<{ readonly row: ResyncRow; readonly mine: boolean } | undefined> {
  const { db, now } = hub;
  const row = await resyncUnderWay(db, platform);
  if (row === undefined || !isDead(row.holder)) return row && { row, mine: false };
  if (row.state === 'preparing') {
    await giveUp(hub, row.id);
    return undefined;
  }
  if (row.selection === selection)
    return { row, mine: await inTransaction(db, (tx) => takeOver(tx, row, thisCommand())) };
  await inTransaction(db, (tx) => endResync(tx, row.id, { state: 'died', report: null, at: now().toISOString() }));
  return undefined;
}
