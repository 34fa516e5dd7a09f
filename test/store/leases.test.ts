import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect, test, vi } from 'vitest';
import type { Db } from '../../src/store/database.ts';
import { dropLease, isDead, renewLease, takeLease, thisProcess } from '../../src/store/leases.ts';
import { claimDueRun, endRun, lastDueAt, listRuns, openRuns } from '../../src/store/runs.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';

async function deadHolder(): Promise<string> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return `${hostname()}/${child.pid}/1`;
}

onBothDatabases('leases and runs on', ({ url }) => {
  test('a lease has one holder, and each new holder a higher epoch', async () => {
    const db = await openTestDatabase(await url());
    const mine = await takeLease(db, 'push:p', thisProcess(), 60_000);
    expect(mine?.epoch).toBe(1);
    expect(await takeLease(db, 'push:p', 'elsewhere/1/1', 60_000)).toBeUndefined();
    if (mine !== undefined) await dropLease(db, mine);
    const next = await takeLease(db, 'push:p', 'elsewhere/1/1', 60_000);
    expect(next?.epoch).toBe(2);
    expect(mine && (await renewLease(db, mine, 60_000))).toBe(false);
  });

  test('the lease of a dead process of this host is free at once, that of another host only when it expires', async () => {
    const db = await openTestDatabase(await url());
    await takeLease(db, 'a', await deadHolder(), 60_000);
    expect((await takeLease(db, 'a', thisProcess(), 60_000))?.epoch).toBe(2);
    await takeLease(db, 'b', 'another-host/1/1', 60_000);
    expect(await takeLease(db, 'b', thisProcess(), 60_000)).toBeUndefined();
    await takeLease(db, 'c', 'another-host/1/1', -1);
    expect((await takeLease(db, 'c', thisProcess(), 60_000))?.epoch).toBe(2);
  });

  test('of many who want a lease that nobody ever had exactly one gets it', async () => {
    const db = await openTestDatabase(await url());
    const holders = Array.from({ length: 6 }, (_, index) => `host-${index}/1/1`);
    const taken = await Promise.all(holders.map((holder) => takeLease(db, 'new', holder, 60_000)));
    expect(taken.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  test('a pid that was given to another process does not keep a dead holder alive', () => {
    expect(isDead(`${hostname()}/${process.pid}/1`)).toBe(true);
    expect(isDead(thisProcess())).toBe(false);
  });

  test('a process that ended is dead, even while nobody has taken note of its end', async () => {
    const parent = spawn('sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    cleanUp(() => parent.kill('SIGKILL'));
    const pid = String((await once(parent.stdout, 'data'))[0]).trim();
    const state = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8');
    const holder = `${hostname()}/${pid}/${
      state()
        .slice(state().lastIndexOf(')') + 2)
        .split(' ')[19]
    }`;
    expect(isDead(holder)).toBe(false);
    await vi.waitUntil(() => /\) Z /.test(state()), { timeout: 20_000 });
    expect(isDead(holder)).toBe(true);
  });

  test('of many who want a due time exactly one gets it', async () => {
    const address = await url();
    const dbs = [await openTestDatabase(address), await openTestDatabase(address)];
    const dueAt = new Date('2026-12-04T01:00:00Z');
    const start = { job: 'push-x', kind: 'push' as const, holder: thisProcess(), now: dueAt, dueAt };
    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) => claimDueRun(dbs[index % 2] as Db, start)),
    );
    expect(claims.filter((id) => id !== undefined)).toHaveLength(1);
    const db = dbs[0] as Db;
    expect(await lastDueAt(db, 'push-x')).toEqual(dueAt);
    const [id] = claims.filter((claim) => claim !== undefined);
    expect(await openRuns(db, 'push-x')).toMatchObject([{ id }]);
    await endRun(db, id ?? 0, { state: 'done', report: { counts: 1 }, now: dueAt });
    expect(await listRuns(db, { job: 'push-x' })).toMatchObject([{ state: 'done', report: { counts: 1 } }]);
  });
});
