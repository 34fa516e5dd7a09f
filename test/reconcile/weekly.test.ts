import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pull } from '../../src/pull/pull.ts';
import { reconcileWeekly } from '../../src/reconcile/weekly.ts';
import { runJob } from '../../src/run-job.ts';
import { openPlatform } from '../../src/sandbox/platform-server.ts';
import { inTransaction, select } from '../../src/store/database.ts';
import { pausePlatform } from '../../src/store/stops.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub, page, pullJob, pushJob, row, schemas, sourceOf } from '../support/hub.ts';

const signal = new AbortController().signal;
const token = 'a-token-for-this-test';

onBothDatabases('by itself on', ({ url }) => {
  test('a platform is compared once a week however many processes there are, and again after it was stopped', async () => {
    const file = join(temporaryFolder(), 'far.db');
    const far = await openPlatform({ name: 'credit-sharing', file, port: 0, lock: { token }, receipts: 'sync' });
    cleanUp(() => far.close());
    const clock = { now: NOW };
    const jobs = [pullJob(), pushJob(far.url, { auth: { bearer: token } })];
    const hub = await openTestHub(await url(), jobs, clock);
    const done = async () => (await select(hub.db, 'SELECT id FROM reconciliations')).length;
    const both = () => Promise.all([reconcileWeekly(hub, signal), reconcileWeekly(hub, signal)]);
    await both();
    expect(await done()).toBe(0);
    const type = schemas.types.get('licence/printing');
    if (type === undefined) throw new Error('no such type');
    const common = {
      db: hub.db,
      type,
      schemasDigest: schemas.digest,
      runId: 1,
      now: hub.now,
      localDate: hub.localDate,
    };
    await pull(pullJob(), { ...common, signal, dryRun: false, acceptShrink: false, source: sourceOf(page([row(1)])) });
    await runJob(hub, 'push-credit-sharing', { signal, by: 'scheduler' });
    await both();
    await both();
    expect(await done()).toBe(1);
    clock.now = new Date(NOW.getTime() + 60_000);
    const word = { actor: 'shell:x', reason: '恢复备份', now: clock.now, kind: 'person', period: null } as const;
    await inTransaction(hub.db, (tx) => pausePlatform(tx, 'credit-sharing', word));
    clock.now = new Date(NOW.getTime() + 120_000);
    await both();
    await both();
    expect(await done()).toBe(2);
    clock.now = new Date('2026-11-28T19:00:00Z');
    await both();
    expect(await done()).toBe(3);
  });
});
