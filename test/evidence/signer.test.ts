import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noteAnchor } from '../../src/evidence/anchor.ts';
import { openCheckpoint, readCheckpoint } from '../../src/evidence/checkpoint.ts';
import { requireLog } from '../../src/evidence/log-gate.ts';
import { readNote, verifyNote } from '../../src/evidence/note.ts';
import { restartLog, rotateKey } from '../../src/evidence/restart-log.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Signed, signLog } from '../../src/evidence/signer.ts';
import { createKeyFile, signerFiles, signerInMemory } from '../../src/evidence/signer-files.ts';
import { verifyLog } from '../../src/evidence/verify-log.ts';
import { newestAnchor, newestCheckpoint, readCheckpoints } from '../../src/store/checkpoints.ts';
import { openDatabase } from '../../src/store/database.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { logged } from '../support/logged.ts';
import { AT, appendLines, logOf } from './log-fixture.ts';

const ORIGIN = 'hub.example.gov.cn/delivery-log';
const later = (hours: number): Date => new Date(AT.getTime() + hours * 3_600_000);
const said = (signed: Signed): string =>
  signed.outcome === 'refused' ? `${signed.refusal.code} ${signed.refusal.reason}` : signed.outcome;

onBothDatabases('the signer with', (database) => {
  const open = async () => openTestDatabase(await database.url());

  test('it signs what is new, once, and every checkpoint is kept', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    expect(said(await signLog(db, signer, AT))).toBe('idle');
    await logOf(db, 300);
    expect(said(await signLog(db, signer, AT))).toBe('signed');
    await logOf(db, 1);
    expect(said(await signLog(db, signer, AT))).toBe('signed');
    expect(said(await signLog(db, signer, AT))).toBe('idle');
    const kept = await readCheckpoints(db, 1, 0, 10);
    expect(kept).toHaveLength(2);
    for (const { note, size, root } of kept)
      expect(openCheckpoint(note, signer.known())).toEqual({ origin: ORIGIN, size, root });
    expect((await logged(db, 'signer.')).map(({ action }) => action)).toEqual(['signer.started']);
  });

  test('a tail that was cut off is noticed: nothing is signed, the log says so, and it recovers when the tail is back', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 20);
    await signLog(db, signer, AT);
    const [head, row] = [await db('log_head').first(), await db('log_entries').where({ idx: 19 }).first()];
    await db('log_entries').where({ idx: 19 }).delete();
    await db('log_head').update({ size: 19 });
    expect(said(await signLog(db, signer, AT))).toMatch(/^12 数据库只有 19 条，已签过 20 条/);
    await expect(requireLog(db, () => AT)).rejects.toMatchObject({ code: 'LOG_REFUSED' });
    await db('log_entries').insert(row);
    await db('log_head').update(head);
    expect(said(await signLog(db, signer, AT))).toBe('idle');
    await requireLog(db, () => AT);
    const told = await logged(db, 'signer.');
    expect(told.map(({ action }) => action)).toEqual(['signer.started', 'signer.refused', 'signer.recovered']);
  });

  test('without the row of log_head it refuses, and pushes stop with a reason', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 3);
    await signLog(db, signer, AT);
    await db('log_head').delete();
    for (const whole of [false, true]) expect(said(await signLog(db, signer, AT, { whole }))).toMatch(/^12 log_head/);
    await expect(requireLog(db, () => AT)).rejects.toMatchObject({ code: 'LOG_REFUSED' });
  });

  test('history rewritten consistently, tiles and head and all, is a fork', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 300);
    await signLog(db, signer, AT);
    for (const table of ['log_entries', 'log_tiles']) await db(table).delete();
    await db('log_head').update({ size: 0, frontier: Buffer.alloc(0) });
    await logOf(db, 310);
    expect(said(await signLog(db, signer, AT))).toMatch(/^11 /);
    expect((await verifyLog(db, { now: AT, keys: [...signer.known()] })).exitCode).toBe(11);
  });

  test('an edited entry, a wrong head and a missing tile are refused with their place', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 600);
    const [entry] = await db('log_entries').where({ idx: 400 });
    await db('log_entries')
      .where({ idx: 400 })
      .update({ entry: Buffer.from(entry.entry.toString().replace('400', '401')) });
    expect(said(await signLog(db, signer, AT))).toMatch(/^15 第 400 条/);
    await db('log_entries').where({ idx: 400 }).update({ entry: entry.entry });
    await db('log_head').update({ frontier: Buffer.alloc(128, 7) });
    expect(said(await signLog(db, signer, AT))).toMatch(/^15 log_head/);
    await db('log_tiles').where({ n: 1 }).delete();
    expect(said(await signLog(db, signer, AT))).toMatch(/^12 .*缺少/);
    expect(await newestCheckpoint(db)).toBeUndefined();
  });

  test('an edit far back that changes no root is found when the whole log is hashed again', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 300);
    await signLog(db, signer, AT);
    await db('log_entries').where({ idx: 5 }).update({ actor: 'somebody-else' });
    await logOf(db, 1);
    expect(said(await signLog(db, signer, AT))).toBe('signed');
    expect(said(await signLog(db, signer, AT, { whole: true }))).toMatch(/^15 log_entries 1\/5：.*actor/);
  });

  test('a signer that has lost its memory refuses where checkpoints exist', async () => {
    const db = await open();
    await logOf(db, 5);
    await signLog(db, signerInMemory(ORIGIN), AT);
    expect(said(await signLog(db, signerInMemory(ORIGIN), AT))).toMatch(/^12 /);
  });

  test('a checkpoint that somebody else put into the database does not keep it silent', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 20);
    await signLog(db, signer, AT);
    const row = await db('checkpoints').first();
    await db('checkpoints').insert({ ...row, size: 1_000_000 });
    await logOf(db, 5);
    expect(said(await signLog(db, signer, AT))).toMatch(/^12 .*检查点已有 1000000 条/);
    await expect(requireLog(db, () => AT)).rejects.toMatchObject({ code: 'LOG_REFUSED' });
    const note = row.note.replace(/— (\S+) (\S)/, '— $1 x$2');
    await db('checkpoints').where({ size: 1_000_000 }).update({ note });
    expect(said(await signLog(db, signer, AT))).toMatch(/^10 1000000 条的检查点不是本签名进程所签/);
  });

  test('after a rotation both keys sign for thirty days, and whoever trusts the old key comes to trust the new one', async () => {
    const db = await open();
    const path = join(temporaryFolder(), 'signer.key');
    const old = createKeyFile(path, ORIGIN);
    await logOf(db, 5);
    await signLog(db, signerFiles(path), AT);
    const fresh = await rotateKey(db, path, { by: 'shell:test', reason: '例行更换', now: AT });
    await sequenceAll(db);
    await signLog(db, signerFiles(path), later(1));
    const both = readNote((await newestCheckpoint(db))?.note ?? '');
    if ('wrong' in both) throw new Error(both.wrong);
    expect(both.signatures).toHaveLength(2);
    await appendLines(db, 1);
    await sequenceAll(db);
    await signLog(db, signerFiles(path), later(24 * 31));
    const one = readNote((await newestCheckpoint(db))?.note ?? '');
    if ('wrong' in one) throw new Error(one.wrong);
    expect(verifyNote(one, [fresh])).toEqual({ signedBy: [fresh] });
    expect(one.signatures).toHaveLength(1);
    const verified = await verifyLog(db, { now: later(24 * 31), keys: [old] });
    expect(verified).toMatchObject({ exitCode: 0, keysFrom: 'given' });
  });

  test('after an incident a new log begins with the old checkpoint and a signed note of what was found', async () => {
    const db = await open();
    const path = join(temporaryFolder(), 'signer.key');
    createKeyFile(path, ORIGIN);
    await logOf(db, 30);
    await signLog(db, signerFiles(path), AT);
    const before = await newestCheckpoint(db);
    await db('log_entries').where('idx', '>=', 25).delete();
    const { hashes } = await import('../../src/evidence/merkle.ts').then(async ({ appendAll, EMPTY_RANGE }) =>
      appendAll(
        EMPTY_RANGE,
        (await db('log_entries').orderBy('idx')).map(({ leaf_hash }) => leaf_hash),
      ),
    );
    await db('log_head').update({ size: 25, frontier: Buffer.concat(hashes) });
    expect(said(await signLog(db, signerFiles(path), AT))).toMatch(/^12 /);
    const key = await restartLog(db, path, { by: 'shell:test', reason: '恢复了昨日备份\n第二行', now: AT });
    expect(key.name).toBe(`${ORIGIN}-2`);
    await sequenceAll(db);
    expect(said(await signLog(db, signerFiles(path), AT, { whole: true }))).toBe('signed');
    const [first] = (await logged(db)).filter(({ action }) => action === 'log.restarted');
    expect(first?.evidence).toMatchObject({ oldOrigin: ORIGIN, oldCheckpoint: before?.note });
    const note = readNote(String(first?.evidence['note']));
    if ('wrong' in note) throw new Error(note.wrong);
    expect(verifyNote(note, [key])).toHaveProperty('signedBy');
    expect(note.text).toContain('database log 1 size 25 root ');
    expect(await newestCheckpoint(db)).toMatchObject({ logNo: 2, origin: `${ORIGIN}-2` });
    expect(await verifyLog(db, { now: AT, keys: [] })).toMatchObject({ keysFrom: 'database' });
    await db('checkpoints').where({ log_no: 1 }).delete();
    expect(await verifyLog(db, { now: AT, keys: [key] })).toMatchObject({ exitCode: 0, origin: `${ORIGIN}-2` });
    expect(existsSync(`${path}.log-1`) && existsSync(`${path}.checkpoint.log-1`)).toBe(true);
  });

  test('nothing is pushed once an entry has waited four hours for its signature, and it goes on by itself', async () => {
    const db = await open();
    const signer = signerInMemory(ORIGIN);
    await logOf(db, 1);
    await signLog(db, signer, AT);
    await appendLines(db, 1);
    await sequenceAll(db);
    await requireLog(db, () => later(3.9));
    const other = await openDatabase((await logUrl(db)) ?? '');
    await expect(requireLog(other, () => later(4.1), 0)).rejects.toMatchObject({
      code: 'LOG_UNSIGNED',
      remedy: 'retry',
    });
    await signLog(db, signer, later(4.1));
    await requireLog(other, () => later(4.2));
    await other.destroy();
  });

  test('the tamper window ends with an anchor outside, not with a report', async () => {
    const db = await open();
    await logOf(db, 3);
    await signLog(db, signerInMemory(ORIGIN), AT);
    const checkpoint = await newestCheckpoint(db);
    if (checkpoint === undefined) throw new Error('unsigned');
    await noteAnchor(db, checkpoint, { kind: 'report', place: '2026-W48', now: AT });
    expect(await newestAnchor(db)).toBeUndefined();
    for (const now of [AT, later(1)])
      await noteAnchor(db, checkpoint, { kind: 'platform', place: 'credit-sharing', now });
    expect(await newestAnchor(db)).toMatchObject({ at: AT.toISOString(), place: 'credit-sharing', size: 3 });
  });
});

test('yesterday’s database put back over today’s is refused, and yesterday’s signer files with it are not missed', async () => {
  const folder = temporaryFolder();
  const [file, path] = [join(folder, 'hub.db'), join(folder, 'signer.key')];
  createKeyFile(path, ORIGIN);
  const today = await openTestDatabase(`sqlite:${file}`);
  await logOf(today, 10);
  await signLog(today, signerFiles(path), AT);
  await today.raw('PRAGMA wal_checkpoint(TRUNCATE)');
  copyFileSync(file, `${file}.backup`);
  await logOf(today, 10);
  await signLog(today, signerFiles(path), AT);
  await today.destroy();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  copyFileSync(`${file}.backup`, file);
  const restored = await openDatabase(`sqlite:${file}`);
  expect(said(await signLog(restored, signerFiles(path), AT))).toMatch(/^12 数据库只有 10 条，已签过 21 条/);
  await restored.destroy();
});

describe('the files of a signer', () => {
  test('key and checkpoint are 0600; a key that others can read, none, or a second one is refused', async () => {
    const path = join(temporaryFolder(), 'keys', 'signer.key');
    const { vkey } = createKeyFile(path, ORIGIN);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(signerFiles(path).known()[0]?.vkey).toBe(vkey);
    expect(() => createKeyFile(path, ORIGIN)).toThrow('已有签名密钥');
    signerFiles(path).remember('x');
    expect(statSync(`${path}.checkpoint`).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    expect(() => signerFiles(path).keys(AT)).toThrow('其他用户可读');
    expect(() => signerFiles(`${path}.gone`).keys(AT)).toThrow('没有签名密钥');
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path, 'utf8').replace('PRIVATE', 'PUBLIC'));
    expect(() => signerFiles(path).keys(AT)).toThrow('无法读懂');
  });

  test('a last checkpoint that was tampered with is its own refusal', async () => {
    const path = join(temporaryFolder(), 'signer.key');
    createKeyFile(path, ORIGIN);
    const db = await openTestDatabase(`sqlite:${join(temporaryFolder(), 'hub.db')}`);
    await logOf(db, 4);
    await signLog(db, signerFiles(path), AT);
    const note = readFileSync(`${path}.checkpoint`, 'utf8');
    expect(readCheckpoint(note)).toMatchObject({ size: 4 });
    writeFileSync(`${path}.checkpoint`, note.replace('\n4\n', '\n3\n'));
    expect(said(await signLog(db, signerFiles(path), AT))).toMatch(/^10 /);
  });
});

/** The address that a database of these tests was opened with. */
async function logUrl(db: Awaited<ReturnType<typeof openTestDatabase>>): Promise<string | undefined> {
  const { connection } = db.client.config;
  if ('filename' in connection) return `sqlite:${connection.filename}`;
  const { host, port, user, password, database } = connection;
  return `mysql://${user}:${password}@${host}:${port}/${database}`;
}
