import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../../src/carry/channel-file.ts';
import { acceptFerry } from '../../src/carry/ferry-accept.ts';
import { arrivingLane } from '../../src/carry/ferry-lanes.ts';
import { packBatches, packReturns } from '../../src/carry/ferry-pack.ts';
import { handOn } from '../../src/carry/hand-on.ts';
import { filesOn } from '../../src/carry/medium.ts';
import { takeReturns } from '../../src/carry/take-returns.ts';
import type { FerryPlatformSpec } from '../../src/platform-spec.ts';
import type { Db } from '../../src/store/database.ts';
import { listLog } from '../../src/store/log.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { newSm2Pair } from '../../src/wire/sm2.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { platformServer } from '../support/platform-server.ts';
import { carryBench, licences } from './bench.ts';

const [near, far] = [newSm2Pair(), newSm2Pair()];
const key = '5a'.repeat(32);
const by = { actor: 'shell:test', reason: '周五摆渡' };
const signal = new AbortController().signal;

async function bench(url: () => Promise<string>) {
  const outbox = temporaryFolder();
  const spec: FerryPlatformSpec = {
    ...{ use: 'ferry', channel: 'gx-sharing', outbox, key, signKey: near.privateKey, trust: far.publicKey },
    batchSize: 10,
  };
  const one = await carryBench(await url(), spec);
  const folders = { inner: temporaryFolder(), receipts: temporaryFolder(), returns: temporaryFolder() };
  const channel: Channel = {
    ...{ channel: 'gx-sharing', hub: 'hub-under-test', key, signKey: far.privateKey, trust: near.publicKey },
    to: { folder: folders.inner, receiptFolder: folders.receipts },
    returns: folders.returns,
  };
  const db = await openTestDatabase(await url());
  return { ...one, spec, outbox, far: farEnd(db, channel), folders, channel };
}

function farEnd(db: Db, channel: Channel) {
  const now = (): Date => new Date('2026-11-27T08:00:00Z');
  const { channel: name, hub, trust } = channel;
  const accept = (folder: string, changed: Partial<Channel> = {}) =>
    acceptFerry(filesOn(folder), {
      ...{ db, now, ...by, keepContent: true, lane: arrivingLane(name), alsoKeep: async () => {} },
      trust: { channel: name, direction: 'out', hub, key, trust, ...changed },
    });
  const handedOn = () => handOn({ db, now, channel, allowedHosts: [], ...by, signal });
  const pack = (number?: number) => packReturns(channel, { db, now, ...by, number });
  return { db, accept, handOn: handedOn, pack };
}

type Bench = Awaited<ReturnType<typeof bench>>;

const packAgain = ({ hub, job, spec }: Bench, number?: number, to?: string) =>
  packBatches(
    { name: job.platformName, spec, hubId: hub.settings.hubId },
    { db: hub.db, now: hub.now, ...by, number, to },
  );

const bringBack = ({ hub, job, spec, folders }: Bench) =>
  takeReturns(hub, job, spec, { files: filesOn(folders.returns), ...by });

const outcomes = (
  verdicts: readonly { readonly number: number | null; readonly outcome: string; readonly code?: string }[],
) => verdicts.map(({ number, outcome, code }) => `${number} ${code ?? outcome}`);

/** Whoever works on the inner folder: answers every file, and takes it away. */
function innerWork({ inner, receipts }: Bench['folders'], reject: (index: number) => boolean = () => false): void {
  for (const name of readdirSync(inner).filter(
    (one) => one.endsWith('.json') && existsSync(join(inner, `${one}.ok`)),
  )) {
    const { header, records } = JSON.parse(readFileSync(join(inner, name), 'utf8'));
    const results = records.map(({ rowId }: { rowId: string }, index: number) => ({
      rowId,
      resultCode: reject(index) ? 'LATE' : 'OK',
      resultMsg: reject(index) ? '迟报' : '',
    }));
    const receipt = {
      packageId: header.packageId,
      receiptId: `IN-${header.packageId.slice(0, 8)}`,
      receivedCount: records.length,
      results,
    };
    writeFileSync(join(receipts, name), JSON.stringify(receipt));
    rmSync(join(inner, name));
    rmSync(join(inner, `${name}.ok`));
  }
}

onBothDatabases('over the air gap', ({ url }) => {
  test('batches go in order, receipts come back, rejects reach their division', async () => {
    const one = await bench(url);
    await one.take(...licences(1, 25));
    await one.push();
    expect(readdirSync(one.outbox)).toEqual([1, 2, 3].map((number) => `gx-sharing-out-0000000${number}.zxf`));
    expect((await one.batches()).map(({ state }) => state)).toEqual(['UNKNOWN', 'UNKNOWN', 'UNKNOWN']);
    expect(outcomes(await one.far.accept(one.outbox))).toEqual(['1 accepted', '2 accepted', '3 accepted']);
    expect((await one.far.handOn()).map(({ outcome }) => outcome)).toEqual(['received', 'received', 'received']);
    await one.far.pack();
    expect(outcomes(await bringBack(one))).toEqual(['1 accepted']);
    await one.push({ followUpOnly: true });
    expect((await one.batches()).map(({ state }) => state)).toEqual(['RECEIVED', 'RECEIVED', 'RECEIVED']);
    innerWork(one.folders, (index) => index === 3);
    expect((await one.far.handOn()).map(({ outcome }) => outcome)).toEqual(['answered', 'answered', 'answered']);
    await one.far.pack();
    expect(outcomes(await bringBack(one))).toEqual(['1 repeated', '2 accepted']);
    await one.push({ followUpOnly: true });
    expect((await one.batches()).map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED', 'SETTLED']);
    expect((await listQuarantine(one.hub.db, { stage: 'platform' })).map(({ faults }) => faults[0]?.code)).toEqual([
      'PLATFORM_LATE',
      'PLATFORM_LATE',
      'PLATFORM_LATE',
    ]);
    expect(await one.far.pack()).toEqual([]);
    const actions = (await listLog(one.hub.db)).map(({ action }) => action);
    expect(actions).toContain('ferry.accepted');
  });

  test('a lost package is a gap: nothing overtakes it, and it is written again word for word', async () => {
    const one = await bench(url);
    await one.take(...licences(1, 30));
    await one.push();
    const medium = temporaryFolder();
    for (const name of readdirSync(one.outbox)) copyFileSync(join(one.outbox, name), join(medium, name));
    rmSync(join(medium, 'gx-sharing-out-00000002.zxf'));
    const verdicts = await one.far.accept(medium);
    expect(outcomes(verdicts)).toEqual(['1 accepted', '3 FERRY_GAP']);
    expect(verdicts[1]?.zh).toContain('缺第 2 号包');
    expect((await one.far.handOn()).map(({ number }) => number)).toEqual([1]);
    expect(await packAgain(one, 2, medium)).toMatchObject([
      { number: 2, outcome: 'written' },
      { number: 3, outcome: 'there' },
    ]);
    expect(outcomes(await one.far.accept(medium))).toEqual(['1 repeated', '2 accepted', '3 accepted']);
    expect((await one.far.handOn()).map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(readdirSync(one.folders.inner).filter((name) => name.endsWith('.json'))).toHaveLength(3);
  });

  test('a process that died between number and file goes on with the same number', async () => {
    const one = await bench(url);
    await one.take(...licences(1, 10));
    await one.push();
    const [name = ''] = readdirSync(one.outbox);
    rmSync(join(one.outbox, name));
    await one.hub.db('carried_packages').update({ written_at: null });
    await one.push();
    expect(readdirSync(one.outbox)).toEqual([name]);
    expect(outcomes(await one.far.accept(one.outbox))).toEqual(['1 accepted']);
  });

  test('a hub that went back to an old database is noticed at the far end', async () => {
    const one = await bench(url);
    await one.take(...licences(1, 10));
    await one.push();
    await one.far.accept(one.outbox);
    const other = await bench(url);
    await other.take(...licences(11, 30));
    await other.push();
    expect(outcomes(await one.far.accept(other.outbox))).toEqual(['1 FERRY_CONTRADICTED', '2 FERRY_FORKED']);
  });
});

describe('what must not be taken', () => {
  test('altered bytes, wrong keys and packages of another hub are named, and nothing of them is kept', async () => {
    const one = await bench(async () => `sqlite:${join(temporaryFolder(), 'hub.db')}`);
    await one.take(...licences(1, 3));
    await one.push();
    const [name = ''] = readdirSync(one.outbox);
    const bytes = readFileSync(join(one.outbox, name));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
    const medium = temporaryFolder();
    writeFileSync(join(medium, name), bytes);
    writeFileSync(join(medium, 'notes.txt'), 'not a package');
    expect(outcomes(await one.far.accept(medium))).toEqual(['null FERRY_ALTERED']);
    expect(outcomes(await one.far.accept(one.outbox, { hub: 'another-hub' }))).toEqual(['null FERRY_FOREIGN']);
    expect(outcomes(await one.far.accept(one.outbox, { trust: far.publicKey }))).toEqual(['null FERRY_FORGED']);
    expect(outcomes(await one.far.accept(one.outbox, { key: 'ff'.repeat(32) }))).toEqual(['null FERRY_KEY_WRONG']);
    expect(await one.far.db('ferry_arrivals')).toEqual([]);
    expect(outcomes(await one.far.accept(one.outbox))).toEqual(['1 accepted']);
  });
});

describe('an inner platform', () => {
  test('gets the batches by HTTP; a lost answer is asked for, and rejects come back', async () => {
    const one = await bench(async () => `sqlite:${join(temporaryFolder(), 'hub.db')}`);
    const server = await platformServer({ script: ['reset-after-body', 'reject-first'] });
    const inner = { ...one.channel, to: { platform: { use: 'http', url: server.url, timeout: 5 } as const } };
    const end = farEnd(one.far.db, inner);
    try {
      await one.take(...licences(1, 20));
      await one.push();
      await end.accept(one.outbox);
      expect((await end.handOn()).map(({ outcome }) => outcome)).toEqual(['unknown', 'answered']);
      expect((await end.handOn()).map(({ outcome }) => outcome)).toEqual(['answered']);
      await end.pack();
      await bringBack(one);
      await one.push({ followUpOnly: true });
      expect((await one.batches()).map(({ state }) => state)).toEqual(['SETTLED', 'SETTLED']);
      expect(await listQuarantine(one.hub.db, { stage: 'platform' })).toHaveLength(1);
    } finally {
      await server.close();
    }
  });
});
