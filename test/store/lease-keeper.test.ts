import { expect, test, vi } from 'vitest';
import { keepLease } from '../../src/store/lease-keeper.ts';
import { type Lease, takeLease, thisProcess } from '../../src/store/leases.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';

const TTL_MS = 60_000;

async function kept(url: string, everyMs: number) {
  const db = await openTestDatabase(url);
  const takenAt = process.hrtime.bigint();
  const lease = (await takeLease(db, 'push:p', thisProcess(), TTL_MS)) as Lease;
  const keeper = keepLease({ databaseUrl: url, lease, ttlMs: TTL_MS, everyMs, takenAt });
  cleanUp(() => keeper.stop());
  const expires = async (): Promise<number> =>
    Number((await db('leases').where({ name: 'push:p' }).first()).expires_ms);
  return { db, keeper, expires };
}

/** Nothing else of this thread runs meanwhile. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

onBothDatabases('a lease that is kept on', ({ url }) => {
  test('is renewed from a thread of its own, even while the run blocks its own', async () => {
    const { keeper, expires } = await kept(await url(), 50);
    const before = await expires();
    await vi.waitUntil(async () => (await expires()) > before, { timeout: 20_000 });
    const left = keeper.leftMs();
    block(1500);
    expect(keeper.leftMs()).toBeGreaterThan(left - 1400);
  });

  test('is known to be lost when another holder has it: nothing more may be sent', async () => {
    const { db, keeper } = await kept(await url(), 50);
    expect(keeper.leftMs()).toBeGreaterThan(0);
    await db('leases').where({ name: 'push:p' }).update({ holder: 'another-host/1/1', epoch: 9 });
    await vi.waitUntil(() => keeper.lost.aborted, { timeout: 20_000 });
    expect(keeper.leftMs()).toBeLessThanOrEqual(0);
  });
});
