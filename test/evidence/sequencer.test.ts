import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Entry } from '../../src/evidence/entry.ts';
import { EMPTY_ROOT, leafHash, rootOf, rootOver } from '../../src/evidence/merkle.ts';
import { inclusionProof, rootAt, verifyInclusion } from '../../src/evidence/proof.ts';
import { sequence, sequenceAll, takeLogLease } from '../../src/evidence/sequencer.ts';
import { storedTree } from '../../src/evidence/tree.ts';
import { type Db, inTransaction, select } from '../../src/store/database.ts';
import { appendLog, commitmentOf } from '../../src/store/log.ts';
import { readEntries, readHead } from '../../src/store/log-tree.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { AT, appendLines, line, logOf } from './log-fixture.ts';

onBothDatabases('the log on', (database) => {
  test('entries get dense places in the order of their writing, and the tree is theirs', async () => {
    const db = await openTestDatabase(await database.url());
    await logOf(db, 700);
    await logOf(db, 5);
    const entries = await readEntries(db, 1, 0, 1000);
    expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: 705 }, (_, at) => at));
    const head = await readHead(db);
    const root = rootOver(entries.map(({ entry }) => leafHash(entry)));
    expect(head.size).toBe(705);
    expect(rootOf({ size: head.size, hashes: head.frontier }).equals(root)).toBe(true);
    const tree = storedTree(db, 1, 705);
    expect((await rootAt(705, tree)).equals(root)).toBe(true);
    for (const index of [0, 255, 256, 511, 512, 704]) {
      const proof = await inclusionProof(index, 705, tree);
      expect(verifyInclusion(entries[index]?.leaf ?? EMPTY_ROOT, index, proof, { size: 705, root })).toBe(true);
    }
  });

  test('a transaction that fails leaves nothing to sequence', async () => {
    const db = await openTestDatabase(await database.url());
    const failing = inTransaction(db, async (tx) => {
      await appendLog(tx, AT, [line(1)]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await sequenceAll(db);
    expect((await readHead(db)).size).toBe(0);
  });

  test('a row with a lower number that commits later is not lost', async () => {
    const db = await openTestDatabase(await database.url());
    await appendLines(db, 3);
    await db('log_pending')
      .where('id', '<', 3)
      .update({ id: db.raw('id + 1000') });
    await sequenceAll(db);
    await db('log_pending').insert({ id: 1, entry: Buffer.from((await readEntries(db, 1, 0, 1))[0]?.entry ?? '') });
    await sequenceAll(db);
    expect((await readHead(db)).size).toBe(4);
  });

  test('a sequencer of an older epoch is refused, and changes nothing', async () => {
    const db = await openTestDatabase(await database.url());
    const [older, newer] = [1, 2];
    await appendLines(db, 3);
    expect(await sequence(db, newer)).toBe(3);
    await appendLines(db, 3);
    await expect(sequence(db, older)).rejects.toMatchObject({ code: 'LOG_OVERTAKEN' });
    expect(await readHead(db)).toMatchObject({ size: 3, epoch: newer });
    expect(await sequence(db, newer)).toBe(3);
  });

  test('one process at a time has the lease', async () => {
    const db = await openTestDatabase(await database.url());
    const lease = await takeLogLease(db);
    expect(lease).toBeDefined();
    expect(await takeLogLease(db)).toBeUndefined();
  });

  test('a restored database whose leases begin anew goes on', async () => {
    const db = await openTestDatabase(await database.url());
    for (let round = 0; round < 3; round += 1) await logOf(db, 1);
    await db('leases').delete();
    await logOf(db, 1);
    expect((await readHead(db)).size).toBe(4);
  });

  test('a body is committed to, not told; evidence too long for an entry is kept beside it', async () => {
    const db = await openTestDatabase(await database.url());
    const body = Buffer.from('{"records":[]}');
    await inTransaction(db, (tx) =>
      appendLog(tx, AT, [
        { ...line(1), payload: { kind: 'body', subject: 'a'.repeat(40), bytes: body } },
        { ...line(2, { reason: '很长的理由'.repeat(4000), event: 'answered' }), runId: 7 },
      ]),
    );
    await sequenceAll(db);
    const rows = await db('log_payloads').orderBy('kind');
    const [first, second] = (await readEntries(db, 1, 0, 2)).map(({ entry }) => JSON.parse(entry.toString()) as Entry);
    expect(first?.payloadCommit).toBe(commitmentOf(rows[0].salt, body).toString('hex'));
    expect(second?.evidence).toEqual({ moved: 'payload', event: 'answered', run: '7' });
    expect(second?.payloadCommit).toBe(commitmentOf(rows[1].salt, rows[1].payload).toString('hex'));
    expect(JSON.parse(rows[1].payload.toString()).reason).toHaveLength(20_000);
  });

  const points = ['L1-head', 'L2-pending', 'L3-entries', 'L4-tiles', 'L5-moved', 'L6-dropped', 'S7-sequenced'];
  test('a sequencer killed at each of its statements loses and doubles nothing', async () => {
    const url = await database.url();
    const db = await openTestDatabase(url);
    let written = 0;
    for (const point of points) {
      await appendLines(db, 130, written);
      written += 130;
      expect(await writer(url, ['sequence'], point)).toBe('SIGKILL');
      const { size } = await readHead(db);
      expect(size).toBe(point === 'S7-sequenced' ? written : 0);
    }
    await sequenceAll(db);
    await expectDense(db, written);
  });

  test('two sequencers at once beside two writers, one of them killed: no fork, no gap, nothing twice', async () => {
    const url = await database.url();
    const db = await openTestDatabase(url);
    const ends = await Promise.all([
      writer(url, ['append', '700', '0']),
      writer(url, ['append', '700', '700']),
      writer(url, ['race', '800']),
      writer(url, ['race', '800'], 'L5-moved:3'),
    ]);
    // A slow machine may not come to the third move within the time: then nobody was killed, and all the rest must hold.
    expect(ends.slice(0, 3)).toEqual(['exit 0', 'exit 0', 'exit 0']);
    expect(['SIGKILL', 'exit 0']).toContain(ends[3]);
    await db('leases').where({ name: 'log' }).update({ holder: '', expires_ms: 0 });
    await sequenceAll(db);
    await expectDense(db, 1400);
  });
});

/** How it ended: a signal, or `exit 0`. */
async function writer(url: string, words: readonly string[], failpoint?: string): Promise<string> {
  const env = { ...process.env, ...(failpoint === undefined ? {} : { HUB_FAILPOINT: failpoint }) };
  const child = spawn(process.execPath, [join(import.meta.dirname, 'log-writer.ts'), url, ...words], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? `exit ${code}`;
}

/** Every line exactly once, places dense, tree and head theirs. */
async function expectDense(db: Db, count: number): Promise<void> {
  const entries = await readEntries(db, 1, 0, count + 1);
  expect(entries.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, at) => at));
  const numbers = entries.map(({ entry }) => Number((JSON.parse(entry.toString()) as Entry).evidence['number']));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
  const root = rootOver(entries.map(({ entry }) => leafHash(entry)));
  const { size, frontier } = await readHead(db);
  expect(rootOf({ size, hashes: frontier }).equals(root)).toBe(true);
  expect((await rootAt(count, storedTree(db, 1, count))).equals(root)).toBe(true);
  const [tiles] = await select<{ n: number }>(db, 'SELECT COUNT(*) AS n FROM log_tiles WHERE level = 0');
  expect(Number(tiles?.n)).toBe(Math.floor(count / 256));
}
