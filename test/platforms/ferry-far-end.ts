import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Channel } from '../../src/carry/channel-file.ts';
import { acceptFerry } from '../../src/carry/ferry-accept.ts';
import { arrivingLane } from '../../src/carry/ferry-lanes.ts';
import { packReturns } from '../../src/carry/ferry-pack.ts';
import { handOn } from '../../src/carry/hand-on.ts';
import { filesOn } from '../../src/carry/medium.ts';
import { keepReturn } from '../../src/carry/return-receipts.ts';
import type { JsonObject } from '../../src/json.ts';
import type { FerryPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { type FerryTrust, openFerry } from '../../src/wire/ferry-package.ts';
import { newSm2Pair } from '../../src/wire/sm2.ts';
import { openTestDatabase, temporaryFolder } from '../support/databases.ts';
import type { FarEnd } from './contract.ts';
import { farStore } from './far-store.ts';

/** The network behind the gap: a medium goes over and back, the inner folder is worked on by an office of its own. */
export async function ferryFarEnd(
  change: Partial<FerryPlatformSpec> = {},
): Promise<FarEnd & { readonly announced: JsonObject[]; readonly outbox: string }> {
  const [near, far] = [newSm2Pair(), newSm2Pair()];
  const [outbox, inner, receipts, returns] = Array.from({ length: 4 }, temporaryFolder) as [
    string,
    string,
    string,
    string,
  ];
  const [nearDb, farDb] = await Promise.all(
    ['near.db', 'far.db'].map((name) => openTestDatabase(`sqlite:${join(temporaryFolder(), name)}`)),
  );
  if (nearDb === undefined || farDb === undefined) throw new Error('no databases');
  const key = '5a'.repeat(32);
  const now = (): Date => new Date();
  const by = { actor: 'shell:test', reason: 'ferry' };
  const spec: FerryPlatformSpec = {
    ...{ use: 'ferry', channel: 'way', outbox, key, signKey: near.privateKey, trust: far.publicKey },
    ...change,
  };
  const channel: Channel = {
    ...{ channel: 'way', hub: 'gx-hub', key, signKey: far.privateKey, trust: near.publicKey },
    ...{ to: { folder: inner, receiptFolder: receipts }, returns },
  };
  const trust: FerryTrust = { channel: 'way', direction: 'out', hub: 'gx-hub', key, trust: near.publicKey };
  const store = farStore();
  /** What stood in the `.ok` of each package that the office took. */
  const announced: JsonObject[] = [];
  return {
    announced,
    outbox,
    spec,
    open: () => openPlatform(spec, { name: 'inner', allowedHosts: [], now, db: nearDb, hubId: 'gx-hub' }),
    loseAnswer: () => {},
    loseBatch: () => {},
    reject: store.reject,
    held: store.held,
    work: async () => {
      const dock = { db: farDb, now, ...by, keepContent: true, alsoKeep: async () => {} };
      await acceptFerry(filesOn(outbox), { ...dock, lane: arrivingLane('way'), trust });
      const handing = { db: farDb, now, channel, allowedHosts: [], ...by, signal: new AbortController().signal };
      await handOn(handing);
      office();
      await handOn(handing);
      await packReturns(channel, { db: farDb, now, ...by });
      await home();
    },
  };

  function office(): void {
    for (const name of readdirSync(inner).filter((one) => one.endsWith('.json'))) {
      const body = readFileSync(join(inner, name));
      const { header, records } = JSON.parse(body.toString('utf8'));
      store.take(header.packageId, body, records);
      announced.push(JSON.parse(readFileSync(join(inner, `${name}.ok`), 'utf8')));
      const found = store.find(header.packageId)?.results ?? [];
      const results = found.map(({ rowId, code, reason }) => ({ rowId, resultCode: code, resultMsg: reason }));
      const receipt = { packageId: header.packageId, receiptId: `I-${name}`, receivedCount: records.length, results };
      writeFileSync(join(receipts, name), JSON.stringify(receipt));
      for (const done of [name, `${name}.ok`]) rmSync(join(inner, done));
    }
  }

  /** As `hub ferry accept` does at the near end, for a platform that stands alone. */
  async function home(): Promise<void> {
    for (const { bytes, name } of filesOn(returns)) {
      const opened = openFerry(bytes, { ...trust, direction: 'back', trust: far.publicKey });
      if (!('content' in opened)) throw new Error(opened.code);
      const how = { lane: 'inner', file: name, ...by, now: now() };
      for (const receipt of JSON.parse(opened.content.toString('utf8')).receipts) {
        await nearDb?.transaction((tx) => keepReturn(tx, receipt, how));
      }
    }
  }
}
