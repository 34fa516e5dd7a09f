import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { addArrival, arrivalAt, lastArrival } from '../store/ferry-arrivals.ts';
import { appendLog } from '../store/log.ts';
import { packBody } from '../store/outbox.ts';
import { type FerryTrust, type OpenedFerry, openFerry } from '../wire/ferry-package.ts';

/** A file of the medium. */
export interface FerryFile {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface FerryVerdict {
  readonly file: string;
  readonly number: number | null;
  readonly outcome: 'accepted' | 'repeated' | 'refused';
  readonly batchId: string | null;
  readonly code?: string;
  readonly zh?: string;
  readonly en?: string;
}

export interface Dock {
  readonly db: Db;
  readonly now: () => Date;
  readonly lane: string;
  readonly trust: FerryTrust;
  readonly actor: string;
  readonly reason: string;
  /** What else belongs into the transaction in which a package is accepted. */
  readonly alsoKeep: (tx: Tx, opened: OpenedFerry, file: FerryFile) => Promise<void>;
  /** Whether the content itself must be kept until it was handed on. */
  readonly keepContent: boolean;
}

/**
 * Takes packages off a medium in the order of their numbers, each exactly once. One that is damaged, foreign or out of order is
 * refused with a name for it; after a gap nothing is taken until the gap is filled, so that the order of the far side is ours.
 */
export async function acceptFerry(files: readonly FerryFile[], dock: Dock): Promise<readonly FerryVerdict[]> {
  const refused: FerryVerdict[] = [];
  const sound: { readonly file: FerryFile; readonly opened: OpenedFerry }[] = [];
  for (const file of files) {
    const opened = openFerry(file.bytes, dock.trust);
    if ('code' in opened) refused.push({ ...opened, file: file.name, number: null, batchId: null, outcome: 'refused' });
    else sound.push({ file, opened });
  }
  sound.sort((left, right) => left.opened.header.number - right.opened.header.number);
  const verdicts: FerryVerdict[] = [];
  for (const { file, opened } of sound) verdicts.push(await takeOne(file, opened, dock));
  return [...refused, ...verdicts];
}

async function takeOne(file: FerryFile, opened: OpenedFerry, dock: Dock): Promise<FerryVerdict> {
  const { header } = opened;
  const about = { file: file.name, number: header.number, batchId: header.packageId };
  const content = dock.keepContent ? await packBody(opened.content) : null;
  return inTransaction(dock.db, async (tx) => {
    const obstacle = await obstacleTo(tx, opened, dock.lane);
    if (obstacle === 'repeated') return { ...about, outcome: 'repeated' };
    if (obstacle !== undefined) return { ...about, ...obstacle, outcome: 'refused' };
    const { packageId: batchId, records, contentType, number, contentDigest } = header;
    const what = {
      lane: dock.lane,
      number,
      headerDigest: opened.headerDigest,
      contentDigest,
      batchId,
      records,
      contentType,
      anchor: header.checkpoint ?? null,
    };
    const state = dock.keepContent ? 'ACCEPTED' : 'ANSWERED';
    await addArrival(tx, { ...what, content, state, actor: dock.actor }, dock.now());
    await dock.alsoKeep(tx, opened, file);
    await noteArrival(tx, opened, dock);
    return { ...about, outcome: 'accepted' };
  });
}

interface Obstacle {
  readonly code: 'FERRY_GAP' | 'FERRY_CONTRADICTED' | 'FERRY_FORKED';
  readonly zh: string;
  readonly en: string;
}

async function obstacleTo(
  tx: Tx,
  { header, headerDigest }: OpenedFerry,
  lane: string,
): Promise<Obstacle | 'repeated' | undefined> {
  const { number, previous } = header;
  const last = await lastArrival(tx, lane);
  const next = (last?.number ?? 0) + 1;
  if (number < next) {
    const known = await arrivalAt(tx, lane, number);
    return known?.headerDigest === headerDigest ? 'repeated' : contradicted(number);
  }
  if (number > next) return gap(next, number);
  return previous === (last?.headerDigest ?? null) ? undefined : forked(number);
}

function gap(from: number, number: number): Obstacle {
  const missing = from === number - 1 ? String(from) : `${from}–${number - 1}`;
  return {
    code: 'FERRY_GAP',
    zh: `缺第 ${missing} 号包，第 ${number} 号及以后暂不收；请对方 hub ferry pack --number ${from} 补来`,
    en: `package ${missing} is missing, ${number} waits for it; have the other side write it again: hub ferry pack --number ${from}`,
  };
}

const contradicted = (number: number): Obstacle => ({
  code: 'FERRY_CONTRADICTED',
  zh: `第 ${number} 号包曾带来别的内容，未收；请查明哪一个是真的`,
  en: `package ${number} came before with other content; not taken, find out which of them is right`,
});

const forked = (number: number): Obstacle => ({
  code: 'FERRY_FORKED',
  zh: `第 ${number} 号包不是接着上一个包做的，对方可能恢复过旧库；请先核对再收`,
  en: `package ${number} does not follow the one before it: the other side may have gone back to an old database; clear that first`,
});

const noteArrival = (tx: Tx, { header, headerDigest }: OpenedFerry, { now, actor, reason }: Dock): Promise<void> => {
  const { channel, direction, number, packageId, records } = header;
  const detail = { channel, direction, number, records, headerDigest, reason };
  const about = packageId === null ? {} : { batchId: packageId };
  return appendLog(tx, now(), [{ actor, action: 'ferry.accepted', ...about, detail }]);
};
