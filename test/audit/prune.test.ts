import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decide } from '../../src/accounts/requests.ts';
import { exportPack } from '../../src/audit/export-pack.ts';
import { type PruneContext, prune } from '../../src/audit/prune.ts';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { leafHash } from '../../src/evidence/merkle.ts';
import { inclusionProof, rootAt, verifyInclusion } from '../../src/evidence/proof.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { storedTree } from '../../src/evidence/tree.ts';
import { verifyLog } from '../../src/evidence/verify-log.ts';
import { inTransaction, select } from '../../src/store/database.ts';
import { appendLog, listLog } from '../../src/store/log.ts';
import { readEntries, readHead } from '../../src/store/log-tree.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { verifiers } from '../support/verifiers.ts';
import { type Bench, bench, rows } from './bench.ts';
import { signHead, testSigner } from './signed.ts';

const exporting = (b: Bench) => ({
  db: b.hub.db,
  hubId: b.hub.settings.hubId,
  timezone: 'Asia/Shanghai',
  actor: 'user:auditor',
  now: b.hub.now,
  signal: new AbortController().signal,
  waitMs: 0,
});

const pruning = (b: Bench, change: Partial<PruneContext> = {}): PruneContext => ({
  db: b.hub.db,
  actor: 'user:system',
  reason: '满五年',
  now: b.hub.now,
  keys: [testSigner().vkey],
  ...change,
});

async function pastOf(url: string): Promise<{ b: Bench; archive: string }> {
  const b = await bench(url);
  await b.take(...rows(1, 12));
  await b.push();
  await signHead(b.hub.db);
  const days = Array.from({ length: 600 }, (_, day) => ({ actor: 'hub', action: 'run.ended', detail: { day } }));
  await inTransaction(b.hub.db, (tx) => appendLog(tx, b.hub.now(), days));
  await signHead(b.hub.db);
  const archive = join(temporaryFolder(), 'archive.zip');
  await exportPack({ kind: 'log', value: '' }, archive, exporting(b));
  return { b, archive };
}

async function approve(b: Bench): Promise<void> {
  const at = b.hub.now().toISOString();
  const account = { roles: 'approver', state: 'active', created_at: at, created_by: 'user:system' };
  await b.hub
    .db('users')
    .insert({ name: 'second', ...account })
    .onConflict('name')
    .ignore();
  const [request] = await select<{ id: number }>(b.hub.db, "SELECT id FROM requests WHERE state = 'open'");
  const principal = { actor: 'user:second', roles: ['approver'] as const, breakGlass: false };
  await decide(b.hub.db, request?.id ?? 0, { principal, approve: true, reason: '同意', now: b.hub.now() });
}

onBothDatabases('pruning on', ({ url }) => {
  test('waits for a second person, drops whole tiles of bodies, and every proof still holds', async () => {
    const { b, archive } = await pastOf(await url());
    const { db } = b.hub;
    const [old] = await readEntries(db, 1, 5, 1);
    await expect(prune(600, archive, pruning(b))).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    expect((await readHead(db)).minimumIndex).toBe(0);
    await approve(b);
    expect(await prune(600, archive, pruning(b))).toMatchObject({ below: 512, dropped: 512 });
    await signHead(db);
    const head = await readHead(db);
    expect(head.minimumIndex).toBe(512);
    expect((await readEntries(db, 1, 0, 1))[0]?.index).toBe(512);
    const hashOf = storedTree(db, 1, head.size);
    const proof = await inclusionProof(5, head.size, hashOf);
    const root = await rootAt(head.size, hashOf);
    expect(verifyInclusion(leafHash(old?.entry ?? Buffer.alloc(0)), 5, proof, { size: head.size, root })).toBe(true);
    const [entry] = (await listLog(db, { limit: 20 })).filter(({ action }) => action === 'log.pruned');
    expect(entry).toMatchObject({ actor: 'user:system', detail: { below: '512', reason: '满五年' } });
    const about = { kind: 'record', value: '（桂）印证字第450000001号' } as const;
    await expect(exportPack(about, join(temporaryFolder(), 'r'), exporting(b))).rejects.toMatchObject({
      code: 'PACK_PRUNED',
    });
    const later = join(temporaryFolder(), 'later');
    await exportPack({ kind: 'log', value: '' }, later, exporting(b));
    for (const { run } of verifiers)
      expect(
        await run(later, ['--key', testSigner().vkey, '--no-seen', '--now', b.hub.now().toISOString()]),
      ).toMatchObject({ code: 0, findings: [] });
  });

  test('what was pruned with a second person is no gap; what was dropped without one is', async () => {
    const { b, archive } = await pastOf(await url());
    const { db } = b.hub;
    const verify = () => verifyLog(db, { now: b.hub.now(), keys: [testSigner()] });
    await expect(prune(300, archive, pruning(b))).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    await approve(b);
    await prune(300, archive, pruning(b));
    await signHead(db);
    expect((await verify()).findings).toEqual([]);
    await db('log_head').update({ minimum_idx: 512 });
    await db('log_entries').where('idx', '<', 512).delete();
    const { exitCode, findings } = await verify();
    expect(exitCode).toBe(12);
    expect(findings).toMatchObject([{ where: 'log_head', en: expect.stringContaining('log.pruned') }]);
  });

  test('checkpoints and hashes of what was pruned are still held against each other', async () => {
    const { b, archive } = await pastOf(await url());
    const { db } = b.hub;
    const verify = () => verifyLog(db, { now: b.hub.now(), keys: [testSigner()] });
    const early = await db('checkpoints').orderBy('size').first();
    expect(early.size).toBeLessThan(256);
    await expect(prune(600, archive, pruning(b))).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    await approve(b);
    await prune(600, archive, pruning(b));
    await signHead(db);
    expect((await verify()).findings).toEqual([]);
    const forged = Buffer.alloc(32, 1);
    const note = signCheckpoint({ origin: early.origin, size: early.size, root: forged }, [testSigner()]);
    await db('checkpoints').where({ size: early.size }).update({ note, root: forged });
    const where = `checkpoints 1/${early.size}`;
    expect(await verify()).toMatchObject({ exitCode: 11, findings: [{ code: 11, where }] });
    await db('checkpoints').where({ size: early.size }).update({ note: early.note, root: early.root });
    const { hashes } = await db('log_tiles').where({ level: 0, n: 0 }).first();
    await db('log_tiles')
      .where({ level: 0, n: 0 })
      .update({ hashes: Buffer.concat([forged, hashes.subarray(32)]) });
    expect((await verify()).findings.map((finding) => finding.where)).toContain('log_tiles 1/0/0');
    await db('log_tiles').where({ level: 0, n: 0 }).delete();
    expect(await verify()).toMatchObject({ exitCode: 12, findings: [{ code: 12, where: 'log_tiles 1/0/0' }] });
  });

  test('needs an archive that verifies, is of this log and reaches far enough', async () => {
    const { b, archive } = await pastOf(await url());
    const refused = (context: PruneContext, before: number | string = 600) =>
      expect(prune(before, archive, context)).rejects;
    await refused(pruning(b, { keys: [testSigner(9).vkey] })).toMatchObject({ code: 'PRUNE_UNARCHIVED' });
    const more = Array.from({ length: 600 }, () => ({ actor: 'hub', action: 'run.ended', detail: {} }));
    await inTransaction(b.hub.db, (tx) => appendLog(tx, b.hub.now(), more));
    await sequenceAll(b.hub.db);
    await refused(pruning(b), 1200).toMatchObject({ code: 'PRUNE_UNARCHIVED' });
    await refused(pruning(b), 200).toMatchObject({ code: 'PRUNE_EMPTY' });
    await refused(pruning(b), '2020-01-01T00:00:00.000Z').toMatchObject({ code: 'PRUNE_EMPTY' });
    expect((await readHead(b.hub.db)).minimumIndex).toBe(0);
  });
});
