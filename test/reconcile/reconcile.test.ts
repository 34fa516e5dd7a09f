import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Hub } from '../../src/hub-context.ts';
import type { JsonObject } from '../../src/json.ts';
import { pull } from '../../src/pull/pull.ts';
import { reconcilePlatform } from '../../src/reconcile/reconcile.ts';
import { runJob } from '../../src/run-job.ts';
import { openPlatform, type PlatformServer } from '../../src/sandbox/platform-server.ts';
import { change, inTransaction, select } from '../../src/store/database.ts';
import { forgetHeld, keepHeld } from '../../src/store/held-records.ts';
import { openDifferences } from '../../src/store/reconciliations.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';
import { logged } from '../support/logged.ts';

interface Bench {
  readonly hub: Hub;
  readonly far: PlatformServer;
  readonly clock: { now: Date };
  readonly take: (...rows: JsonObject[]) => Promise<void>;
  readonly push: () => Promise<unknown>;
  readonly reconcile: () => ReturnType<typeof reconcilePlatform>;
}

const signal = new AbortController().signal;
const token = 'a-token-for-this-test';

async function bench(url: string): Promise<Bench> {
  const file = join(temporaryFolder(), 'far.db');
  const far = await openPlatform({ name: 'credit-sharing', file, port: 0, lock: { token }, receipts: 'sync' });
  cleanUp(() => far.close());
  const job = pushJob(far.url, { auth: { bearer: token }, batchSize: 500, timeout: 10 });
  const clock = { now: NOW };
  const hub = await openTestHub(url, [pullJob(), job], clock);
  const later = (minutes: number): void => {
    clock.now = new Date(clock.now.getTime() + minutes * 60_000);
  };
  const type = schemas.types.get('licence/printing');
  if (type === undefined) throw new Error('no such type');
  const take = async (...rows: JsonObject[]): Promise<void> => {
    const common = {
      db: hub.db,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
    };
    await pull(pullJob(), { ...common, signal, dryRun: false, acceptShrink: false, source: sourceOf(page(rows)) });
  };
  const push = () => runJob(hub, job.name, { signal, by: 'shell:test' });
  const reconcile = () => {
    later(1);
    return reconcilePlatform(hub, job, { signal, by: 'shell:test' });
  };
  return { hub, far, clock, take, push, reconcile };
}

const rows = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

const platform = { kind: 'platform', scope: 'credit-sharing' } as const;

onBothDatabases('reconciling with a platform from', ({ url }) => {
  test('where ledger and platform agree, counts and key digests are the same per type and period', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 30));
    await b.push();
    const report = await b.reconcile();
    expect(report).toMatchObject({ state: 'good', missing: 0, extra: 0, stale: 0, moving: 0, commands: [] });
    expect(report?.groups).toMatchObject([{ type: 'licence/printing', period: '2026-W48', ours: { records: 30 } }]);
    expect(report?.groups[0]?.theirs).toEqual(report?.groups[0]?.ours);
    expect(report?.totals).toMatchObject([{ type: 'licence/printing', sent: 30, accepted: 30, pending: 0 }]);
    expect(await select(b.hub.db, 'SELECT name FROM held_records')).toEqual([]);
  });

  test('a platform that says 200 and silently keeps 498 of 500 is found out, record by record (F21)', async () => {
    const b = await bench(await url());
    b.far.setScript({ steps: [{ answer: 'lie', count: 2 }], otherwise: { answer: 'accept' } });
    await b.take(...rows(1, 500));
    await b.push();
    const report = await b.reconcile();
    expect(report).toMatchObject({ state: 'different', missing: 2, extra: 0, stale: 0 });
    expect(report?.groups[0]).toMatchObject({ ours: { records: 500 }, theirs: { records: 498 } });
    const found = await openDifferences(b.hub.db, platform, 10);
    expect(found.map(({ state, cause }) => `${state} ${cause}`)).toEqual(['missing absent', 'missing absent']);
    const keys = found.map(({ name }) => `--key ${name}`).join(' ');
    expect(report?.commands).toEqual([
      `hub resync --platform credit-sharing --again ${keys} --reason "对账 ${report?.id}"`,
    ]);
    expect(await logged(b.hub.db, 'reconcile')).toHaveLength(1);
  });

  test('what is repaired is closed, what stays keeps the day on which it was seen first', async () => {
    const b = await bench(await url());
    b.far.setScript({ steps: [{ answer: 'lie', count: 2 }], otherwise: { answer: 'accept' } });
    await b.take(...rows(1, 5));
    await b.push();
    await b.reconcile();
    const [first, second] = await openDifferences(b.hub.db, platform, 10);
    await b.take(row(Number(second?.recordId), { content: '包装装潢', revised: '2026-11-26 08:00:00' }));
    await b.push();
    expect(await b.reconcile()).toMatchObject({ missing: 1 });
    expect(await openDifferences(b.hub.db, platform, 10)).toMatchObject([
      { name: first?.name, firstSeenAt: first?.firstSeenAt },
    ]);
  });

  test('an older version, another content, a record still shown and one of unknown origin each have their name', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 6));
    await b.push();
    await b.take(row(1, { content: '包装装潢', revised: '2026-11-26 08:00:00' }));
    b.far.setScript({ steps: [{ answer: 'lie', count: 1 }], otherwise: { answer: 'accept' } });
    await b.push();
    await b.take(row(2, { status: 'revoked', ended: '2026-11-26', revised: '2026-11-26 08:00:00' }));
    b.far.setScript({ steps: [{ answer: 'lie', count: 1 }], otherwise: { answer: 'accept' } });
    await b.push();
    const { db } = b.hub;
    await inTransaction(db, async (tx) => {
      await change(tx, 'UPDATE deliveries SET payload_digest = ? WHERE record_id = 3', [Buffer.alloc(32)]);
      await change(tx, 'DELETE FROM deliveries WHERE record_id = 4');
      await change(tx, "UPDATE deliveries SET state = 'rejected' WHERE record_id = 5");
      await change(tx, 'DELETE FROM deliveries WHERE record_id = 6');
      await change(tx, 'DELETE FROM records WHERE id = 6');
    });
    const report = await b.reconcile();
    const found = await openDifferences(db, platform, 10);
    const said = found.map(({ recordId, state, cause }) => `${recordId} ${state} ${cause}`).toSorted();
    expect(said).toEqual([
      '1 stale older',
      '2 stale still-shown',
      '3 stale content',
      '4 extra unknown',
      '5 extra rejected',
      'null extra unknown',
    ]);
    expect(report?.remarks).toHaveLength(2);
  });

  test('a batch on its way is no difference', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 3));
    await b.push();
    await inTransaction(b.hub.db, (tx) => change(tx, "UPDATE deliveries SET state = 'open' WHERE record_id < 3"));
    expect(await b.reconcile()).toMatchObject({ state: 'good', moving: 2 });
  });

  test('a list that breaks off compares nothing, closes nothing and says what to do', async () => {
    const b = await bench(await url());
    b.far.setScript({ steps: [{ answer: 'lie', count: 1 }], otherwise: { answer: 'accept' } });
    await b.take(...rows(1, 3));
    await b.push();
    await b.reconcile();
    b.far.setScript({ steps: [{ answer: 'half', on: 'query' }], otherwise: { answer: 'accept' } });
    expect(await b.reconcile()).toMatchObject({ state: 'failed', error: { code: 'PLATFORM_UNREADABLE' } });
    expect(await openDifferences(b.hub.db, platform, 10)).toHaveLength(1);
    expect(await select(b.hub.db, 'SELECT name FROM held_records')).toEqual([]);
  });
});

onBothDatabases('a list from', ({ url }) => {
  test('that names a record twice, far apart, is no list', async () => {
    const hub = await openTestHub(await url(), []);
    const rows = [1, 2].map((n) => ({ name: `${n}`.repeat(64), operation: 'UPSERT' as const }));
    await keepHeld(hub.db, 1, rows, 'refuse');
    await expect(keepHeld(hub.db, 1, rows.slice(1), 'refuse')).rejects.toMatchObject({ code: 'PLATFORM_UNREADABLE' });
    await keepHeld(hub.db, 1, rows, 'last');
    await forgetHeld(hub.db, 1);
    expect(await select(hub.db, 'SELECT name FROM held_records')).toEqual([]);
  });
});
