import { HubError } from '../errors.ts';
import type { FerryPlatformSpec } from '../platform-spec.ts';
import { outgoingFerry } from '../platforms/ferry.ts';
import { ferryDigest, ferryName, writeFerry } from '../platforms/ferry-files.ts';
import {
  addPackage,
  type CarriedPackage,
  markWritten,
  nextPlace,
  packagesFrom,
  packedContent,
  placeOf,
  prepareNumbering,
  waitingPackages,
} from '../store/carried-packages.ts';
import { takeReceipts, untakenReceipts } from '../store/carried-receipts.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { findBatches, packBody, readBody, unpackBody } from '../store/outbox.ts';
import { type FerryContent, sm3 } from '../wire/ferry-package.ts';
import type { Channel } from './channel-file.ts';
import { returningLane } from './ferry-lanes.ts';

export interface Packed {
  readonly number: number;
  readonly name: string;
  readonly batchId: string | null;
  readonly outcome: 'written' | 'there';
}

export interface PackBy {
  readonly db: Db;
  readonly now: () => Date;
  readonly actor: string;
  readonly reason: string;
  /** Only this package and the ones after it. */
  readonly number?: number | undefined;
  /** Folder of the medium; absent: the outbox. */
  readonly to?: string | undefined;
}

/** The near end: writes packages again, word for word, that lie ready and are not acknowledged, or those from a number on. */
export async function packBatches(
  platform: { readonly name: string; readonly spec: FerryPlatformSpec; readonly hubId: string },
  by: PackBy,
): Promise<readonly Packed[]> {
  const { db } = by;
  const { name: lane, spec, hubId } = platform;
  const open = (await waitingPackages(db, lane)).filter(({ state }) => state !== 'RECEIVED');
  const wanted = by.number === undefined ? open : await packagesFrom(db, lane, by.number);
  if (by.number !== undefined && wanted.length === 0) throw noSuchNumber(by.number);
  const packed: Packed[] = [];
  for (const one of wanted) {
    const given = await outgoingOf(db, { spec, hubId }, one);
    packed.push(await write(given, one, { folder: by.to ?? spec.outbox, keys: spec }));
    await markWritten(db, lane, one.name, by.now());
  }
  await note(packed, spec.channel, by);
  return packed;
}

async function outgoingOf(
  db: Db,
  how: { readonly spec: FerryPlatformSpec; readonly hubId: string },
  one: CarriedPackage,
): Promise<FerryContent> {
  const [batch] = await findBatches(db, one.batchId ?? '');
  if (batch === undefined) throw new Error(`package ${one.name} has no batch`);
  const { id: batchId, contentType, members: records } = batch;
  return outgoingFerry(
    how,
    { batchId, contentType, records, body: await readBody(db, batch.seq), checkpoint: one.anchor },
    await placeOf(db, one),
  );
}

/** The far end: packs every return receipt that has not left yet, or writes old packages again. */
export async function packReturns(channel: Channel, by: PackBy): Promise<readonly Packed[]> {
  const { db } = by;
  await prepareNumbering(db);
  const lane = returningLane(channel.channel);
  const fresh = by.number === undefined ? await numberReturns(channel, by) : undefined;
  const from = by.number ?? fresh ?? undefined;
  const wanted = from === undefined ? [] : await packagesFrom(db, lane, from);
  if (by.number !== undefined && wanted.length === 0) throw noSuchNumber(by.number);
  const packed: Packed[] = [];
  for (const one of [...(await unwritten(db, lane, from)), ...wanted]) {
    const content = await unpackBody((await packedContent(db, lane, one.number ?? 0)) ?? Buffer.alloc(0));
    const given = returnsOf(channel, content, await placeOf(db, one));
    packed.push(await write(given, one, { folder: by.to ?? channel.returns, keys: channel }));
    await markWritten(db, lane, one.name, by.now());
  }
  await note(packed, channel.channel, by);
  return packed;
}

/** Numbered by a process that died before it had written them. */
const unwritten = async (db: Db, lane: string, before: number | undefined): Promise<CarriedPackage[]> =>
  (await packagesFrom(db, lane, 1)).filter(
    ({ writtenAt, number }) => writtenAt === null && (before === undefined || Number(number) < before),
  );

/** Gives the receipts that wait one number, and notes that they left, in one transaction. */
async function numberReturns(channel: Channel, { db, now }: PackBy): Promise<number | undefined> {
  const lane = returningLane(channel.channel);
  const waiting = await untakenReceipts(db, lane);
  if (waiting.length === 0) return undefined;
  const bodies = await Promise.all(
    waiting.map(async ({ body }): Promise<unknown> => JSON.parse((await unpackBody(body)).toString('utf8'))),
  );
  const content = Buffer.from(JSON.stringify({ receipts: bodies }));
  const packed = await packBody(content);
  return inTransaction(db, async (tx) => {
    const place = await nextPlace(tx, lane);
    const given = returnsOf(channel, content, place);
    const digests = { headerDigest: ferryDigest(given, channel.key), contentDigest: sm3(content) };
    await addPackage(
      tx,
      { lane, number: place.number, batchId: null, name: ferryName(given), ...digests, content: packed },
      now(),
    );
    await takeReceipts(
      tx,
      waiting.map(({ id }) => id),
      now(),
    );
    return place.number;
  });
}

const returnsOf = (
  { channel, hub }: Channel,
  content: Buffer,
  { number, previous }: { readonly number: number; readonly previous: string | null },
): FerryContent => {
  const { receipts }: { receipts: readonly unknown[] } = JSON.parse(content.toString('utf8'));
  const contentType = 'application/json; charset=utf-8';
  return {
    head: { channel, direction: 'back', hub, number, previous, packageId: null, contentType, records: receipts.length },
    content,
  };
};

async function write(
  given: FerryContent,
  one: CarriedPackage,
  { folder, keys }: { readonly folder: string; readonly keys: { readonly key: string; readonly signKey: string } },
): Promise<Packed> {
  const outcome = await writeFerry(folder, given, keys);
  if (outcome !== 'other') return { number: one.number ?? 0, name: one.name, batchId: one.batchId, outcome };
  throw new HubError(
    'FERRY_CONTRADICTED',
    `${one.name} 已存在且内容不同，未覆盖 (there with other content; not overwritten)`,
    {
      remedy: 'give-up',
      fix: '请查明目录里的文件从何而来，移走后重试 (find out where the file in that folder comes from, move it away, then again)',
    },
  );
}

const noSuchNumber = (number: number): HubError =>
  new HubError('PACKAGE_UNKNOWN', `没有第 ${number} 号包 (there is no package ${number})`, {
    remedy: 'give-up',
    fix: '用 hub receipts waiting 查看编号 (see hub receipts waiting)',
  });

async function note(packed: readonly Packed[], channel: string, { db, now, actor, reason }: PackBy): Promise<void> {
  if (packed.length === 0) return;
  const detail = { channel, numbers: packed.map(({ number }) => number), reason };
  await inTransaction(db, (tx) => appendLog(tx, now(), [{ actor, action: 'ferry.packed', detail }]));
}
