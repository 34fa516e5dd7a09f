import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Backup, type BackupContext, backup } from '../../src/audit/backup.ts';
import { type RestoreContext, restore } from '../../src/audit/restore.ts';
import { rootAt } from '../../src/evidence/proof.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { storedTree } from '../../src/evidence/tree.ts';
import { resume } from '../../src/push/stop.ts';
import { type Db, inTransaction, select } from '../../src/store/database.ts';
import { appendLog, listLog } from '../../src/store/log.ts';
import { readHead } from '../../src/store/log-tree.ts';
import { pausePlatform } from '../../src/store/stops.ts';
import { databases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { type Bench, bench, rows } from './bench.ts';
import { signHead } from './signed.ts';

const contextOf = (b: Bench, databaseUrl: string): BackupContext => ({
  db: b.hub.db,
  databaseUrl,
  hubId: b.hub.settings.hubId,
  actor: 'user:system',
  now: b.hub.now,
});

const restoring = (db: Db, paused: string[], change: Partial<RestoreContext> = {}): RestoreContext => ({
  db,
  hubId: 'hub-under-test',
  actor: 'user:system',
  reason: '磁盘损坏',
  now: () => new Date('2026-11-28T00:00:00Z'),
  overwrite: false,
  pause: async (_tx, platform) => void paused.push(platform),
  ...change,
});

/** Everything that the hub holds, table by table, without what a restore adds. */
async function contents(db: Db): Promise<unknown> {
  const tables = ['records', 'versions', 'batches', 'deliveries', 'attempts', 'receipts', 'counters', 'log_payloads'];
  const all = await Promise.all(tables.map((table) => select(db, `SELECT * FROM ${table}`)));
  return all.map((rows) => rows.map((row) => JSON.stringify(row)).toSorted());
}

async function rootOf(db: Db, size: number): Promise<string> {
  const { logNo } = await readHead(db);
  return (await rootAt(size, storedTree(db, logNo, size))).toString('hex');
}

const available = databases.filter((database) => database.available);
const ways = available.flatMap((from) => available.map((to) => ({ from, to })));

describe('a backup', () => {
  test.each(ways)('of $from.name comes back whole in $to.name, its log with the same root', async ({ from, to }) => {
    const url = await from.url();
    const b = await bench(url);
    await b.take(...rows(1, 25));
    await b.push();
    await signHead(b.hub.db);
    const file = join(temporaryFolder(), 'hub.backup');
    const done = await backup(file, contextOf(b, url));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const paused: string[] = [];
    const db = await openTestDatabase(await to.url());
    const restored = await restore(file, restoring(db, paused));
    expect(restored).toMatchObject({
      rows: done.rows,
      paused: ['credit-sharing'],
      head: { log: { size: done.logSize } },
    });
    expect(paused).toEqual(['credit-sharing']);
    expect(await contents(db)).toEqual(await contents(b.hub.db));
    expect(await rootOf(db, done.logSize)).toBe(await rootOf(b.hub.db, done.logSize));
    await sequenceAll(db);
    expect(await listLog(db, { limit: 1 })).toMatchObject([
      { action: 'database.restored', actor: 'user:system', detail: { sha256: done.sha256, reason: '磁盘损坏' } },
    ]);
  });

  test.each(available)('of $name is of one moment, while the hub goes on working', async ({ url: make }) => {
    const url = await make();
    const b = await bench(url);
    await b.take(...rows(1, 5));
    const file = join(temporaryFolder(), 'hub.backup');
    const later = inTransaction(b.hub.db, (tx) =>
      appendLog(tx, b.hub.now(), [{ actor: 'hub', action: 'run.ended', detail: {} }]),
    );
    const [done] = await Promise.all([backup(file, contextOf(b, url)), later, b.take(...rows(6, 40))]);
    const db = await openTestDatabase(await (databases[0]?.url() ?? make()));
    await restore(file, restoring(db, []));
    const count = async (table: string) =>
      Number((await select<{ n: number }>(db, `SELECT COUNT(*) AS n FROM ${table}`))[0]?.n);
    expect(await count('records')).toBe(await count('versions'));
    expect(done.rows).toBeGreaterThan(0);
  });

  async function small(): Promise<{ file: string; made: Backup; b: Bench }> {
    const url = (await databases[0]?.url()) ?? '';
    const b = await bench(url);
    await b.take(...rows(1, 3));
    const file = join(temporaryFolder(), 'hub.backup');
    return { file, made: await backup(file, contextOf(b, url)), b };
  }

  test('that is cut, changed, of another hub or of another version is refused, and the database stays as it was', async () => {
    const { file } = await small();
    const bytes = readFileSync(file);
    const text = zstdDecompressSync(bytes).toString();
    const other = (name: string, content: Uint8Array): string => {
      const path = join(temporaryFolder(), name);
      writeFileSync(path, content);
      return path;
    };
    const db = await openTestDatabase((await databases[0]?.url()) ?? '');
    const wrong: [string, string, RegExp][] = [
      [other('cut', bytes.subarray(0, bytes.length - 20)), 'BACKUP_BROKEN', /cut|decompressed/],
      [other('none', Buffer.from('hello')), 'BACKUP_BROKEN', /decompressed/],
      [other('short', zstdCompressSync(text.split('\n').slice(0, -4).join('\n'))), 'BACKUP_BROKEN', /cut after line/],
      [other('changed', zstdCompressSync(text.replace('某某印刷第1', '某某印刷第9'))), 'BACKUP_BROKEN', /digest/],
    ];
    for (const [path, code, message] of wrong)
      await expect(restore(path, restoring(db, []))).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    await expect(restore(file, restoring(db, [], { hubId: 'another' }))).rejects.toMatchObject({
      code: 'BACKUP_FOREIGN',
    });
    await db('migrations').insert({ name: '999-later', batch: 9, migration_time: '2026-11-28' });
    await expect(restore(file, restoring(db, []))).rejects.toMatchObject({ code: 'BACKUP_VERSION' });
    expect(await select(db, 'SELECT * FROM records')).toEqual([]);
  });

  test('goes over data only where somebody says so, and a backup is never overwritten', async () => {
    const { file, b } = await small();
    await b.take(...rows(4, 6));
    await expect(restore(file, restoring(b.hub.db, []))).rejects.toMatchObject({ code: 'BACKUP_OVERWRITES' });
    expect(await select(b.hub.db, 'SELECT id FROM records')).toHaveLength(6);
    await restore(file, restoring(b.hub.db, [], { overwrite: true }));
    expect(await select(b.hub.db, 'SELECT id FROM records')).toHaveLength(3);
    await expect(backup(file, contextOf(b, b.hub.settings.databaseUrl))).rejects.toMatchObject({
      code: 'BACKUP_EXISTING',
    });
  });

  test('brings back less than the platform knows: nothing is pushed until a person has looked (F45)', async () => {
    const { b } = await small();
    await b.push();
    const pause: RestoreContext['pause'] = (tx, platform, reason) =>
      pausePlatform(tx, platform, { actor: 'user:system', reason, now: b.hub.now(), kind: 'person', period: null });
    const again = join(temporaryFolder(), 'later.backup');
    await backup(again, contextOf(b, b.hub.settings.databaseUrl));
    await restore(again, restoring(b.hub.db, [], { overwrite: true, pause }));
    await b.take(...rows(4, 6));
    await b.push();
    const sent = () => select(b.hub.db, "SELECT id FROM attempts WHERE action = 'send'");
    expect(await sent()).toHaveLength(1);
    await resume(b.hub.db, 'credit-sharing', {
      actor: 'user:operator',
      reason: '已对账',
      now: b.hub.now(),
      zone: 'Asia/Shanghai',
    });
    await b.push();
    expect(await sent()).toHaveLength(2);
  });
});
