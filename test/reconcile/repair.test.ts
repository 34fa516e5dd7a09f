import { writeFileSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decide } from '../../src/accounts/requests.ts';
import type { JsonObject } from '../../src/json.ts';
import type { HeldRecord, Platform } from '../../src/platform.ts';
import { pull } from '../../src/pull/pull.ts';
import { comparePlatform } from '../../src/reconcile/compare-platform.ts';
import { reconcilePlatform } from '../../src/reconcile/reconcile.ts';
import { resync } from '../../src/resync/resync.ts';
import { runJob } from '../../src/run-job.ts';
import { openPlatform } from '../../src/sandbox/platform-server.ts';
import { select } from '../../src/store/database.ts';
import { type Difference, openReconciliation } from '../../src/store/reconciliations.ts';
import { account, principal } from '../accounts/support.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';

const signal = new AbortController().signal;
const token = 'a-token-for-this-test';

async function bench(url: string) {
  const file = join(temporaryFolder(), 'far.db');
  const far = await openPlatform({ name: 'credit-sharing', file, port: 0, lock: { token }, receipts: 'sync' });
  cleanUp(() => far.close());
  const job = pushJob(far.url, { auth: { bearer: token }, batchSize: 500, timeout: 10 });
  const clock = { now: NOW };
  const hub = await openTestHub(url, [pullJob(), job], clock);
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
    clock.now = new Date(clock.now.getTime() + 60_000);
    return reconcilePlatform(hub, job, { signal, by: 'shell:test' });
  };
  return { far, hub, clock, take, push, reconcile };
}

const rows = (from: number, to: number): JsonObject[] =>
  Array.from({ length: to - from + 1 }, (_, index) => row(from + index));

onBothDatabases('what reconciliation found on', ({ url }) => {
  test('is repaired by the printed command, once a second person approves (F21 to its end)', async () => {
    const b = await bench(await url());
    b.far.setScript({ steps: [{ answer: 'lie', count: 2 }], otherwise: { answer: 'accept' } });
    await b.take(...rows(1, 500));
    await b.push();
    const found = await b.reconcile();
    expect(found).toMatchObject({ state: 'different', missing: 2 });
    const keys = [...(found?.commands[0] ?? '').matchAll(/--key ([0-9a-f]{64})/g)].map(([, key]) => key ?? '');
    const selection = { platform: 'credit-sharing', types: [], keys, failedOnly: false, again: true };
    const options = { by: 'user:wei', reason: '对账', signal, dryRun: false, anew: false, waitMs: 0 };
    const asked = await resync(b.hub, selection, options);
    if (asked.outcome !== 'waiting') throw new Error(asked.outcome);
    await account(b.hub.db, 'chief', 'sysadmin');
    await account(b.hub.db, 'nong', 'approver');
    const nong = await principal(b.hub.db, 'nong');
    await decide(b.hub.db, asked.request.id, { principal: nong, approve: true, reason: '同意', now: b.clock.now });
    expect(await resync(b.hub, selection, options)).toMatchObject({
      outcome: 'sent',
      report: { counts: { accepted: 2 } },
    });
    expect(await b.reconcile()).toMatchObject({ state: 'good', missing: 0, extra: 0, stale: 0 });
    expect(b.far.books.counts()).toMatchObject({ held: 500 });
    expect(b.far.books.effects().every(({ applied }) => applied <= 1)).toBe(true);
  });

  test('is found as well from a list that a person exported, by number or by row id', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 4));
    await b.push();
    b.clock.now = new Date(b.clock.now.getTime() + 60_000);
    const [last] = await select<{ key: string }>(
      b.hub.db,
      'SELECT idem_key AS "key" FROM deliveries WHERE record_id = 3',
    );
    const folder = temporaryFolder();
    const numbers = [row(1), row(2)].map((fields) => String(fields['number']));
    const file = join(folder, '平台清单[1].csv');
    writeFileSync(file, `报送编号,许可证号\n,${numbers[0]}\n,${numbers[1]}\n${last?.key},\n,（桂）印证字第9号\n`);
    const job = b.hub.jobs.find((one) => one.kind === 'push');
    if (job?.kind !== 'push') throw new Error('no push job');
    const later = { ...b.hub, now: () => new Date(Date.now() + 86_400_000 * 365) };
    await utimes(file, new Date('2027-01-01'), new Date('2027-01-01'));
    const report = await reconcilePlatform(later, job, { signal, by: 'shell:test', list: file });
    expect(report).toMatchObject({ state: 'different', missing: 1, extra: 1, stale: 0 });
    writeFileSync(file, '名称\n某某\n');
    const blind = await reconcilePlatform(later, job, { signal, by: 'shell:test', list: file });
    expect(blind).toMatchObject({ state: 'failed', error: { code: 'PLATFORM_UNREADABLE' } });
  });

  test('a platform that knows our row ids only is compared by its newest state of each record', async () => {
    const b = await bench(await url());
    await b.take(...rows(1, 4));
    await b.push();
    await b.take(row(1, { content: '包装装潢', revised: '2026-11-26 08:00:00' }));
    await b.push();
    const told = await select<{ id: number; version: number; key: string }>(
      b.hub.db,
      'SELECT record_id AS id, version, idem_key AS "key" FROM deliveries ORDER BY record_id, version',
    );
    const keyOf = (id: number, version: number): string =>
      told.find((one) => Number(one.id) === id && one.version === version)?.key ?? '';
    const listed = [keyOf(1, 2), keyOf(1, 1), keyOf(2, 1), 'a'.repeat(40)];
    const platform: Platform = {
      send: () => Promise.reject(new Error('not here')),
      query: () => Promise.reject(new Error('not here')),
      close: async () => {},
      async *holdings() {
        for (const idemKey of listed) yield { idemKey, operation: 'UPSERT' } satisfies HeldRecord;
      },
    };
    const scope = { kind: 'platform', scope: 'credit-sharing' } as const;
    const id = (await openReconciliation(b.hub.db, scope, { by: 't', now: NOW })) ?? 0;
    const kept: Difference[] = [];
    const keep = async (differences: readonly Difference[]) => void kept.push(...differences);
    const since = '2027-01-01T00:00:00.000Z';
    const counts = await comparePlatform({
      hub: b.hub,
      id,
      platformName: 'credit-sharing',
      platform,
      since,
      signal,
      keep,
    });
    expect(counts).toMatchObject({ missing: 2, extra: 1, stale: 0, moving: 0 });
    expect(
      kept
        .filter(({ state }) => state === 'missing')
        .map(({ recordId }) => recordId)
        .toSorted(),
    ).toEqual([3, 4]);
  });
});
