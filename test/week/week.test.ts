import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Db, openDatabase, select } from '../../src/store/database.ts';
import { holdings } from '../../src/store/holdings.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';
import { type HubProcess, hub } from '../support/hub-process.ts';

const platforms = ['credit-publicity', 'credit-sharing'] as const;

interface Week {
  readonly sandbox: Sandbox;
  readonly run: (extra?: {
    readonly env?: { readonly [name: string]: string };
    readonly killAfterMs?: number;
  }) => Promise<HubProcess>;
  readonly open: () => Promise<Db>;
}

async function week(url: string): Promise<Week> {
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
async function expectNothingLostOrDoubled({ sandbox, open }: Week): Promise<void> {
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

const good = ({ code, signal, stderr }: HubProcess): void =>
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });

test('every dirty record ends as the catalogue says: repaired and kept, or set aside where it should be', async () => {
  const w = await week(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
  good(await w.run());
  const db = await w.open();
  const tickets = await select<{ job: string; fields: string | null }>(
    db,
    "SELECT job, fields FROM quarantine WHERE stage = 'intake'",
  );
  const aside = new Set(
    tickets.flatMap(({ job, fields }) => (fields === null ? [] : `${job}/${idOf(job, JSON.parse(fields))}`)),
  );
  const wrong = w.sandbox
    .expectations()
    .filter(({ stage }) => stage === 'intake')
    .filter(({ kind, rowId, outcome }) => aside.has(`${JOBS[kind]}/${rowId}`) !== (outcome === 'quarantined'));
  expect(wrong.map(({ label, rowId, outcome }) => `${label} ${rowId}: expected ${outcome}`)).toEqual([]);
  const expected = w.sandbox
    .expectations()
    .filter(({ stage, outcome }) => stage === 'outbound' && outcome === 'quarantined').length;
  const noticed = await select<{ id: number; operation: string }>(
    db,
    `SELECT r.id, v.operation FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
     WHERE v.faults LIKE '%PERSONAL_DATA%' ORDER BY r.id`,
  );
  expect(noticed).toHaveLength(expected);
  const shown = noticed.filter(({ operation }) => operation === 'UPSERT').map(({ id }) => ({ record_id: id }));
  const outbound = "SELECT DISTINCT record_id FROM quarantine WHERE stage = 'outbound' ORDER BY record_id";
  expect(await select(db, outbound)).toEqual(shown);
  expect(shown.length).toBeGreaterThan(0);
}, 60_000);

const JOBS = {
  broadcast: 'pull-broadcast-licences',
  publication: 'pull-publication-licences',
  printing: 'pull-printing-licences',
  penalty: 'pull-penalties',
  enterprise: 'pull-enterprises',
} as const;

const IDS: { readonly [job: string]: string } = {
  'pull-broadcast-licences': 'lsh',
  'pull-publication-licences': '档案号',
  'pull-printing-licences': '档案号',
  'pull-penalties': 'id',
  'pull-enterprises': 'entid',
};

const idOf = (job: string, fields: { readonly [name: string]: unknown }): string => String(fields[IDS[job] ?? '']);

onBothDatabases('a week on', ({ name, url }) => {
  const points =
    name === 'SQLite'
      ? ['S0-read:2', 'S1-kept:1', 'S2-sealed:1', 'S3-intent:2', 'S4-sent:1', 'S5-answered:2', 'S6-settled:3']
      : ['S1-kept:2', 'S3-intent:1', 'S4-sent:2'];

  test('kill -9 at every step, then a restart, loses and doubles nothing', async () => {
    const w = await week(await url());
    for (const point of points) {
      const { signal, stderr } = await w.run({ env: { HUB_FAILPOINT: point } });
      expect({ point, signal, stderr }).toEqual({ point, signal: 'SIGKILL', stderr: '' });
      await w.sandbox.advance(1);
    }
    await w.sandbox.mend();
    good(await w.run());
    await expectNothingLostOrDoubled(w);
  }, 120_000);

  test('kill -9 at any moment, with a platform that loses, drops and rejects, loses and doubles nothing', async () => {
    const w = await week(await url());
    const steps = [
      { answer: 'lose' as const },
      { answer: 'drop' as const },
      { answer: 'reject' as const, ratio: 0.05 },
      { answer: 'busy' as const },
    ];
    const rounds = name === 'SQLite' ? 4 : 2;
    for (let round = 0; round < rounds; round += 1) {
      for (const platform of platforms)
        w.sandbox.platforms[platform].setScript({ steps, otherwise: { answer: 'accept' } });
      await w.run({ killAfterMs: 900 + round * 350 });
      await w.sandbox.advance(1);
    }
    for (const platform of platforms)
      w.sandbox.platforms[platform].setScript({ steps: [], otherwise: { answer: 'accept' } });
    await w.run();
    good(await w.run());
    await expectNothingLostOrDoubled(w);
  }, 120_000);
});
