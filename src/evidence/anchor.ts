import type { Answer, Platform, QueryAnswer } from '../platform.ts';
import { type Anchor, type CheckpointRow, findCheckpoint, keepAnchor, newestCheckpoint } from '../store/checkpoints.ts';
import { type Db, inTransaction, type Reader, type Tx } from '../store/database.ts';

/** The checkpoint as one line of ASCII, for a header or a column: base64 of the whole signed note. */
const anchorText = ({ note }: CheckpointRow): string => Buffer.from(note).toString('base64');

/** Keeps where a checkpoint was left. */
export function noteAnchor(
  db: Db,
  checkpoint: CheckpointRow,
  anchor: Pick<Anchor, 'kind' | 'place'> & { readonly now: Date },
): Promise<void> {
  const { kind, place, now } = anchor;
  const { logNo, size, root } = checkpoint;
  return inTransaction(db, (tx) => keepAnchor(tx, { at: now.toISOString(), kind, place, logNo, size, root }));
}

/**
 * A platform that gets the newest checkpoint with every batch, in the slot that its job names: outside body, digest and batch
 * id (delivery.md T23). Once it has the batch with a checkpoint, that checkpoint is an anchor: the one that went with the batch,
 * which may be older than the newest.
 */
export function anchored(
  platform: Platform,
  { db, name, now }: { readonly db: Db; readonly name: string; readonly now: () => Date },
): Platform {
  const noted = async <A extends Answer | QueryAnswer>(answer: A): Promise<A> => {
    const text = 'anchored' in answer ? answer.anchored : undefined;
    const checkpoint = text === undefined ? undefined : await findCheckpoint(db, noteIn(text));
    if (checkpoint !== undefined) await noteAnchor(db, checkpoint, { kind: 'platform', place: name, now: now() });
    return answer;
  };
  return {
    ...platform,
    send: async (batch, signal) => {
      const checkpoint = await newestCheckpoint(db);
      const slot = checkpoint === undefined ? {} : { anchor: anchorText(checkpoint) };
      return noted(await platform.send({ ...batch, ...slot }, signal));
    },
    query: async (batch, signal) => noted(await platform.query(batch, signal)),
  };
}

const noteIn = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

export interface ReportedHead {
  readonly origin: string;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  readonly signedAt: string;
}

/** The head that the report of a period prints; null before the first signature. */
export async function reportedHead(db: Reader): Promise<ReportedHead | null> {
  const checkpoint = await newestCheckpoint(db);
  if (checkpoint === undefined) return null;
  const { origin, size, root, signedAt } = checkpoint;
  return { origin, size, root: root.toString('base64'), signedAt };
}

/** The closing report of a period has told a head: kept as an anchor that is not outside yet. */
export async function noteReport(tx: Tx, place: string, now: Date): Promise<void> {
  const checkpoint = await newestCheckpoint(tx);
  if (checkpoint === undefined) return;
  const { logNo, size, root } = checkpoint;
  await keepAnchor(tx, { at: now.toISOString(), kind: 'report', place, logNo, size, root });
}
