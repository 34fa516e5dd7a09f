import { HubError } from '../errors.ts';
import type { Answer, OutgoingBatch, Platform, QueryAnswer } from '../platform.ts';
import type { FerryPlatformSpec } from '../platform-spec.ts';
import {
  addPackage,
  type CarriedPackage,
  markWritten,
  nextPlace,
  packageOf,
  placeOf,
  prepareNumbering,
} from '../store/carried-packages.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { type FerryContent, sm3 } from '../wire/ferry-package.ts';
import { withAnchored } from './anchored.ts';
import { type ByHand, byHand } from './by-hand.ts';
import { ferryDigest, ferryName, writeFerry } from './ferry-files.ts';
import { codeOf } from './local-file.ts';
import type { OpenOptions } from './open.ts';

/** Packages for a medium that is carried over an air gap: docs/platform-ferry.md. Handed over when a return receipt says so. */
export async function openFerryPlatform(spec: FerryPlatformSpec, options: OpenOptions): Promise<Platform> {
  const { name: lane, db, now, hubId } = options;
  if (db === undefined || hubId === undefined) throw incomplete(lane);
  await prepareNumbering(db);
  const pier: Pier = { spec, lane, db, now, hubId, hand: byHand(db, lane, { now, terms: {} }) };
  return {
    carried: true,
    send: async (batch, signal) => {
      signal.throwIfAborted();
      return load(pier, batch, await packageOf(db, lane, batch.batchId));
    },
    query: async (batch) => look(pier, batch, await packageOf(db, lane, batch.batchId)),
    strayReceipts: () => pier.hand.stray(),
    close: async () => {},
  };
}

const incomplete = (lane: string): HubError =>
  new HubError('PLATFORM_WRONG', `平台 ${lane} 经摆渡传递，须有数据库 (the ferry of ${lane} needs a database)`, {
    remedy: 'give-up',
    fix: '这是程序缺陷，请报告 (a bug: please report it)',
  });

interface Pier {
  readonly spec: FerryPlatformSpec;
  readonly lane: string;
  readonly db: Db;
  readonly now: () => Date;
  readonly hubId: string;
  readonly hand: ByHand;
}

/** What is written as package `number`. */
export const outgoingFerry = (
  { spec, hubId }: Pick<Pier, 'spec' | 'hubId'>,
  batch: Pick<OutgoingBatch, 'batchId' | 'body' | 'contentType'> & {
    readonly records: number;
    /** As the package was numbered with it: the same header for ever. */
    readonly checkpoint: string | null;
  },
  { number, previous }: { readonly number: number; readonly previous: string | null },
): FerryContent => ({
  head: {
    ...{ channel: spec.channel, direction: 'out', hub: hubId, number, previous },
    ...{ packageId: batch.batchId, contentType: batch.contentType, records: batch.records },
    ...(batch.checkpoint === null ? {} : { checkpoint: batch.checkpoint }),
  },
  content: batch.body,
});

/** The number is given once and for all before anything is written; after that the same batch is always the same package. */
async function load(pier: Pier, batch: OutgoingBatch, known: CarriedPackage | undefined): Promise<Answer> {
  if (known !== undefined && known.contentDigest !== sm3(batch.body)) return conflict(known.name);
  if (known?.writtenAt) return laid(pier, batch, known.anchor);
  const given = await numbered(pier, batch);
  try {
    if ((await writeFerry(pier.spec.outbox, given, pier.spec)) === 'other') return conflict(ferryName(given));
  } catch (error) {
    return notWritten(pier.spec.outbox, codeOf(error));
  }
  await markWritten(pier.db, pier.lane, ferryName(given), pier.now());
  return laid(pier, batch, given.head.checkpoint);
}

async function numbered(pier: Pier, batch: OutgoingBatch): Promise<FerryContent> {
  const { db, lane, now, spec } = pier;
  const records = batch.idemKeys.length;
  return inTransaction(db, async (tx) => {
    const known = await packageOf(tx, lane, batch.batchId);
    const place = known === undefined ? await nextPlace(tx, lane) : await placeOf(tx, known);
    const checkpoint = known === undefined ? (spec.anchor === true ? (batch.anchor ?? null) : null) : known.anchor;
    const given = outgoingFerry(pier, { ...batch, records, checkpoint }, place);
    if (known === undefined) {
      const slot = checkpoint === null ? {} : { anchor: checkpoint };
      const digests = { headerDigest: ferryDigest(given, spec.key), contentDigest: sm3(batch.body) };
      const one = { lane, number: place.number, batchId: batch.batchId, name: ferryName(given), ...digests, ...slot };
      await addPackage(tx, one, now());
    }
    return given;
  });
}

async function look(pier: Pier, batch: OutgoingBatch, known: CarriedPackage | undefined): Promise<QueryAnswer> {
  if (known !== undefined && known.contentDigest !== sm3(batch.body)) return conflict(known.name);
  if (known?.writtenAt) return laid(pier, batch, known.anchor);
  return { outcome: 'absent', evidence: {} };
}

async function laid(pier: Pier, batch: OutgoingBatch, anchor: string | null | undefined) {
  const answer = await pier.hand.answer(batch);
  return answer === undefined ? waiting(pier) : withAnchored(answer, anchor);
}

const waiting = ({ spec }: Pier): Extract<Answer, { outcome: 'unknown' }> => ({
  outcome: 'unknown',
  reason: `摆渡包已放在 ${spec.outbox}，待摆渡与回执 (the package lies ready for the ferry; its receipt comes back with it)`,
  evidence: {},
});

const conflict = (name: string): Extract<Answer, { outcome: 'conflict' }> => ({
  outcome: 'conflict',
  reason: `${name} 已存在且内容不同，未覆盖 (a package of this name has other content; it was not overwritten)`,
  evidence: {},
});

const notWritten = (folder: string, code: string): Extract<Answer, { outcome: 'not-sent' }> => ({
  outcome: 'not-sent',
  reason: `写不进 ${folder}（${code}）：请检查目录、权限与磁盘空间 (cannot write there: check folder, rights and disk space)`,
  page: code !== 'ENOSPC' && code !== 'EDQUOT',
  evidence: {},
});
