import { join } from 'node:path';
import { expect } from 'vitest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Db, openDatabase, select } from '../../src/store/database.ts';
import { holdings } from '../../src/store/holdings.ts';
import { temporaryFolder } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';
import { type HubProcess, hub } from '../support/hub-process.ts';

export const platforms = ['credit-publicity', 'credit-sharing'] as const;

/** A bureau, two platforms and the real program, which pulls from the one and pushes to the others. */
export interface Week {
  readonly sandbox: Sandbox;
  readonly run: (extra?: {
    readonly env?: { readonly [name: string]: string };
    readonly killAfterMs?: number;
  }) => Promise<HubProcess>;
  readonly open: () => Promise<Db>;
}

export async function week(url: string): Promise<Week> {
  const folder = temporaryFolder();
  const size = { licences: 240, penalties: 80, enterprises: 60 };
  const sandbox = await startSandbox({ dir: join(folder, 'sandbox'), today: '2026-11-24', size });
  cleanUp(() => sandbox.close());
  const env = { ...sandbox.env, HUB_DATA_DIR: join(folder, 'data'), HUB_DATABASE_URL: url };
  return {
    sandbox,
    run: ({ env: more = {}, ...options } = {}) =>
      hub(['run', 'all', '--json'], { env: { ...env, ...more }, ...options }),
    open: async () => {
      const db = await openDatabase(url);
      cleanUp(() => db.destroy());
      return db;
    },
  };
}

/** What must hold once everything has come to rest, whatever happened before. */
export async function expectNothingLostOrDoubled({ sandbox, open }: Week): Promise<void> {
  const db = await open();
  const broken = 'SELECT id FROM intakes WHERE row_count <> accepted + unchanged + quarantined';
  expect(await select(db, broken)).toEqual([]);
  expect(await select(db, "SELECT record_id FROM deliveries WHERE state = 'open'")).toEqual([]);
  for (const platform of platforms) {
    const { books } = sandbox.platforms[platform];
    const held = books.held({ limit: 100_000 });
    const theirs = held.map(
      (one) => `${one.recordKey} v${one.dataVersion} ${one.op === 'D' ? 'WITHDRAW' : 'UPSERT'} ${one.payloadHash}`,
    );
    const mine = (await holdings(db, platform)).map(
      (one) => `${one.recordKey} v${one.version} ${one.operation} ${one.payloadHash}`,
    );
    expect(theirs.toSorted()).toEqual(mine.toSorted());
    expect(books.effects({ limit: 100_000 }).filter(({ applied }) => applied > 1)).toEqual([]);
    const contents = new Map<string, Set<string>>();
    for (const { method, idempotencyKey, bodyDigest } of books.requests({ limit: 100_000 })) {
      if (method !== 'POST' || idempotencyKey === null) continue;
      contents.set(idempotencyKey, (contents.get(idempotencyKey) ?? new Set<string>()).add(bodyDigest));
    }
    expect([...contents.values()].filter((digests) => digests.size > 1)).toEqual([]);
  }
}

export const good = ({ code, signal, stderr }: HubProcess): void =>
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
