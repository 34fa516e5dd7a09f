import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { appendAll, EMPTY_RANGE, leafHash, rootOf } from '../../src/evidence/merkle.ts';
import { type NoteSigner, readNote } from '../../src/evidence/note.ts';
import { verifyInclusion } from '../../src/evidence/proof.ts';
import { proofFile, proveEntry, proveMember } from '../../src/evidence/prove.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Verified, verifyLog } from '../../src/evidence/verify-log.ts';
import { writeSignerStatus } from '../../src/store/checkpoints.ts';
import { type Db, inTransaction, openDatabase } from '../../src/store/database.ts';
import { appendLog } from '../../src/store/log.ts';
import { deliveriesOf, sealedAt } from '../../src/store/log-replay.ts';
import { readBatchEntries } from '../../src/store/log-tree.ts';
import { packBody } from '../../src/store/outbox.ts';
import { bench, rows } from '../audit/bench.ts';
import { signHead, testSigner } from '../audit/signed.ts';
import { onBothDatabases } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { AT, appendLines, line } from './log-fixture.ts';

const SIGNED = new Date('2026-11-27T02:00:00.000Z');
const verify = (db: Db, more: Partial<Parameters<typeof verifyLog>[1]> = {}): Promise<Verified> =>
  verifyLog(db, { now: SIGNED, keys: [testSigner()], ...more });

/** Several batches, a rejection, more than a tile of other entries, three checkpoints. */
async function week(url: string): Promise<Db> {
  const b = await bench(url, { batchSize: 4 });
  await b.take(...rows(1, 10));
  b.script.push('accept', 'reject-first');
  await b.push();
  await signHead(b.hub.db);
  await appendLines(b.hub.db, 300);
  await signHead(b.hub.db);
  await appendLines(b.hub.db, 40);
  await signHead(b.hub.db);
  return b.hub.db;
}

onBothDatabases('a log of real pushes on', ({ url }) => {
  test('verifies whole: entries, tiles, checkpoints, states and manifests', async () => {
    const db = await week(await url());
    const verified = await verify(db);
    expect(verified.findings).toEqual([]);
    expect(verified).toMatchObject({
      exitCode: 0,
      keysFrom: 'given',
      counts: { tiles: 1, checkpoints: 3, members: 10 },
    });
    expect(verified.signedSize).toBe(verified.size);
  });

  test('that an early version wrote, without the verdict of an acceptance, is told what that means and what to do', async () => {
    const db = await week(await url());
    const { idem_key: delivery, batch_seq: seq } = await db('deliveries').where({ state: 'accepted' }).first();
    const { id: batchId, platform } = await db('batches').where({ seq }).first();
    const detail = { delivery, from: 'open', to: 'accepted', version: 1 };
    const early = { actor: 'hub', action: 'delivery.accepted', platform, batchId, detail };
    await inTransaction(db, (tx) => appendLog(tx, AT, [early]));
    await sequenceAll(db);
    const { exitCode, findings } = await verify(db);
    expect(exitCode).toBe(15);
    expect(findings).toEqual([
      {
        code: 15,
        where: `deliveries ${batchId}`,
        zh: expect.stringMatching(/OK ≠ ∅。该成员的条目未记答复.*核对此记录/),
        en: expect.stringMatching(/OK ≠ ∅\. The entry of this member holds no verdict.*receipt/),
      },
    ]);
  });

  test('without a single checkpoint where a signer was at work is named', async () => {
    const db = await week(await url());
    const status = { seenAt: AT.toISOString(), state: 'signing' as const, reason: null, vkeys: [] };
    await inTransaction(db, (tx) => writeSignerStatus(tx, status));
    expect((await verify(db)).exitCode).toBe(0);
    await db('checkpoints').delete();
    expect(await verify(db)).toMatchObject({ exitCode: 12, findings: [{ code: 12, where: 'checkpoints' }] });
  });

  test('verifies after a refusal was bisected and a version was passed over', async () => {
    const b = await bench(await url(), { batchSize: 4 });
    await b.take(...rows(1, 4));
    b.script.push({ status: 422 }, 'accept', { status: 422 });
    await b.push();
    await b.take(row(1, { content: '包装装潢印刷' }));
    await b.take(row(1, { content: '其他印刷品印刷' }));
    await b.push();
    await signHead(b.hub.db);
    const states = (await b.hub.db('batches')).map(({ state }) => state);
    expect(states).toContain('SPLIT');
    const { findings, counts } = await verify(b.hub.db);
    expect(findings).toEqual([]);
    expect(counts.batches).toBe(states.length);
  });

  test('bytes that are no UTF-8 are told from the character that stands for them', async () => {
    const { db } = (await bench(await url(), {})).hub;
    await inTransaction(db, (tx) => appendLog(tx, AT, [line(1, { said: 'a\ufffdb' }), line(2), line(3)]));
    await signHead(db);
    expect((await verify(db)).findings).toEqual([]);
    const [replaced, torn] = ['a\ufffdb', 'number'].map((text) => Buffer.from(text));
    const first = await db('log_entries').where({ idx: 0 }).first();
    const said = first.entry.indexOf(replaced);
    const bytes = Buffer.concat([first.entry.subarray(0, said + 1), Buffer.of(0xff), first.entry.subarray(said + 4)]);
    await db('log_entries').where({ idx: 0 }).update({ entry: bytes });
    const second = Buffer.from((await db('log_entries').where({ idx: 1 }).first()).entry);
    second[second.indexOf(torn ?? '')] = 0xc3;
    await db('log_entries')
      .where({ idx: 1 })
      .update({ entry: second, leaf_hash: leafHash(second) });
    const { exitCode, findings } = await verify(db);
    expect(exitCode).toBe(15);
    const wrong = (index: number): string[] =>
      findings.filter(({ where }) => where === `log_entries 1/${index}`).map(({ en }) => en);
    const malformed = 'malformed: not the canonical JSON of an entry';
    expect(wrong(0)).toEqual(['the entry is not what its leaf_hash says', malformed]);
    expect(wrong(1)).toEqual([malformed]);
    expect(wrong(2)).toEqual([]);
  });

  test('the entries of batches come whole and in order, whatever the page', async () => {
    const db = await week(await url());
    const start = { batchId: '', logNo: 0, index: -1 };
    const all = await readBatchEntries(db, start, 1000);
    expect(all.length).toBeGreaterThan(6);
    const paged: typeof all = [];
    for (let page = await readBatchEntries(db, start, 2); page.length > 0; ) {
      paged.push(...page);
      page = await readBatchEntries(db, page.at(-1) ?? start, 2);
    }
    expect(paged).toEqual(all);
  });

  test('one row changed in any table is named with its place', async () => {
    const db = await week(await url());
    await db('log_entries').where({ idx: 3 }).update({ action: 'batch.nothing' });
    await db('deliveries').where({ row_no: 2 }).limit(1).update({ state: 'cancelled' });
    const { exitCode, findings } = await verify(db);
    expect(exitCode).toBe(15);
    expect(findings.map(({ where }) => where)).toContain('log_entries 1/3');
    expect(findings.some(({ where }) => where.startsWith('deliveries '))).toBe(true);
  });

  test('proves an entry, a batch and the place of a record in it', async () => {
    const db = await week(await url());
    const [delivered] = await deliveriesOf(db, 1);
    if (delivered === undefined) throw new Error('not delivered');
    const member = await proveMember(db, delivered);
    const place = await sealedAt(db, delivered.batchId);
    const proven = await proveEntry(db, place?.logNo ?? 0, place?.index ?? 0);
    const entry = JSON.parse(proven.entry);
    expect(entry).toMatchObject({ action: 'batch.sealed', batch: delivered.batchId });
    expect(entry.evidence.manifestRoot).toBe(member.manifestRoot);
    const hex = (text: string): Buffer => Buffer.from(text, 'hex');
    const manifest = { size: member.members, root: hex(member.manifestRoot) };
    const leaf = leafHash(hex(member.payloadDigest));
    expect(verifyInclusion(leaf, member.row - 1, member.manifestProof.map(hex), manifest)).toBe(true);
    expect(verifyInclusion(leafHash(Buffer.from(proven.entry)), proven.index, proven.proof, proven.checkpoint)).toBe(
      true,
    );
    const [, extra, index] = proofFile(proven).split('\n');
    expect(Buffer.from(extra?.slice(6) ?? '', 'base64').toString()).toBe(proven.entry);
    expect(index).toBe(`index ${proven.index}`);
    expect(readNote(proofFile(proven).split('\n\n').slice(1).join('\n\n'))).not.toHaveProperty('wrong');
    await appendLines(db, 1);
    await sequenceAll(db);
    await expect(proveEntry(db, 1, proven.checkpoint.size)).rejects.toMatchObject({ code: 'PROOF_UNSIGNED' });
    await expect(proveEntry(db, 1, 99_999)).rejects.toMatchObject({ code: 'PROOF_UNKNOWN' });
  });
});

describe('tampering with the database', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hub-tamper-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** A copy of the same signed week for each case. */
  async function copy(): Promise<Db> {
    const base = join(folder, 'base.db');
    if (!made) {
      const db = await week(`sqlite:${base}`);
      await db.raw('PRAGMA wal_checkpoint(TRUNCATE)');
      made = true;
    }
    copies += 1;
    const file = join(folder, `copy-${copies}.db`);
    copyFileSync(base, file);
    const db = await openDatabase(`sqlite:${file}`);
    onTestFinished(() => db.destroy());
    return db;
  }
  let made = false;
  let copies = 0;

  const flip = (bytes: Buffer, at: number): Buffer => {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    return flipped;
  };

  const entryOf = async (db: Db, idx: number): Promise<Buffer> =>
    (await db('log_entries').where({ idx }).first()).entry;

  const cases: readonly {
    readonly what: string;
    readonly tamper: (db: Db) => Promise<unknown>;
    readonly code: number;
    readonly where: RegExp;
  }[] = [
    {
      what: 'a bit of an entry flipped',
      tamper: async (db) =>
        db('log_entries')
          .where({ idx: 20 })
          .update({ entry: flip(await entryOf(db, 20), 40) }),
      code: 15,
      where: /^log_entries 1\/20$/,
    },
    {
      what: 'an entry replaced together with its hash',
      tamper: async (db) => {
        const entry = Buffer.from((await entryOf(db, 20)).toString().replace('scheduler', 'somebody'));
        await db('log_entries')
          .where({ idx: 20 })
          .update({ entry, leaf_hash: leafHash(entry), actor: 'somebody' });
      },
      code: 15,
      where: /^log_tiles 1\/0\/0$/,
    },
    {
      what: 'a bit of a tile flipped',
      tamper: async (db) => {
        const { hashes } = await db('log_tiles').first();
        await db('log_tiles').update({ hashes: flip(hashes, 32 * 17) });
      },
      code: 15,
      where: /^log_tiles 1\/0\/0$/,
    },
    {
      what: 'a tile gone',
      tamper: (db) => db('log_tiles').delete(),
      code: 12,
      where: /^log_tiles 1\/0\/0$/,
    },
    {
      what: 'a bit of the head flipped',
      tamper: async (db) => {
        const { frontier } = await db('log_head').first();
        await db('log_head').update({ frontier: flip(frontier, 3) });
      },
      code: 15,
      where: /^log_head$/,
    },
    {
      what: 'a signature with a bit flipped',
      tamper: async (db) => {
        const { note, size } = await db('checkpoints').orderBy('size').first();
        await db('checkpoints')
          .where({ size })
          .update({ note: note.replace(/\S(?=\S\S==?\n$)/, (letter: string) => (letter === 'x' ? 'y' : 'x')) });
      },
      code: 10,
      where: /^checkpoints 1\/\d+$/,
    },
    {
      what: 'the tail deleted, the head with it',
      tamper: async (db) => {
        const { size } = await db('log_head').first();
        await db('log_entries')
          .where('idx', '>=', size - 5)
          .delete();
        await recompute(db);
      },
      code: 12,
      where: /^checkpoints 1\/\d+$/,
    },
    {
      what: 'an entry in the middle deleted',
      tamper: (db) => db('log_entries').where({ idx: 100 }).delete(),
      code: 12,
      where: /^log_entries 1\/100$/,
    },
    {
      what: 'two entries swapped',
      tamper: async (db) => {
        const [one, other] = [await entryOf(db, 100), await entryOf(db, 101)];
        await db('log_entries').where({ idx: 100 }).update({ entry: other });
        await db('log_entries').where({ idx: 101 }).update({ entry: one });
      },
      code: 15,
      where: /^log_entries 1\/10[01]$/,
    },
    {
      what: 'an entry put in, everything after it moved and recomputed',
      tamper: async (db) => {
        const row = await db('log_entries').where({ idx: 50 }).first();
        await db.raw('UPDATE log_entries SET idx = -idx - 1 WHERE idx >= 50');
        await db.raw('UPDATE log_entries SET idx = -idx WHERE idx < 0');
        await db('log_entries').insert(row);
        await recompute(db);
      },
      code: 11,
      where: /^checkpoints 1\/\d+$/,
    },
    {
      what: 'an entry of more than 65,535 bytes',
      tamper: (db) =>
        db('log_entries')
          .where({ idx: 20 })
          .update({ entry: Buffer.alloc(70_000, 0x20) }),
      code: 15,
      where: /^log_entries 1\/20$/,
    },
    {
      what: 'a batch set back to another state',
      tamper: (db) => db('batches').where({ seq: 1 }).update({ state: 'RETRY_WAIT' }),
      code: 15,
      where: /^batches [a-z2-7]{40}$/,
    },
    {
      what: 'a member with another content',
      tamper: (db) =>
        db('deliveries')
          .where({ batch_seq: 1, row_no: 1 })
          .update({ payload_digest: Buffer.alloc(32) }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'a rejected member made an accepted one',
      tamper: (db) => db('deliveries').where({ state: 'rejected' }).update({ state: 'accepted' }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'another request under the same commitment',
      tamper: async (db) => {
        const other = await db('batches').where({ seq: 2 }).first();
        await db('batches').where({ seq: 1 }).update({ body: other.body });
      },
      code: 15,
      where: /^batches [a-z2-7]{40}$/,
    },
    {
      what: 'a request that cannot be unpacked',
      tamper: (db) =>
        db('batches')
          .where({ seq: 1 })
          .update({ body: Buffer.from('x') }),
      code: 15,
      where: /^batches [a-z2-7]{40}$/,
    },
    {
      what: 'the reason of a rejection written anew',
      tamper: (db) => db('deliveries').where({ state: 'rejected' }).update({ verdict_reason: '一切正常' }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'the reason of a rejection taken away',
      tamper: (db) => db('deliveries').where({ state: 'rejected' }).update({ verdict_reason: null }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'the verdict of a rejection written anew',
      tamper: (db) => db('deliveries').where({ state: 'rejected' }).update({ verdict: 'OK' }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'the verdict of an acceptance written anew',
      tamper: (db) => db('deliveries').where({ state: 'accepted' }).limit(1).update({ verdict: 'DUPLICATE' }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'a reason put where none was given',
      tamper: (db) => db('deliveries').where({ state: 'accepted' }).limit(1).update({ verdict_reason: '已核' }),
      code: 15,
      where: /^deliveries [a-z2-7]{40}$/,
    },
    {
      what: 'evidence beside the log written anew',
      tamper: async (db) => {
        await inTransaction(db, (tx) => appendLog(tx, AT, [line(1, { said: 'x'.repeat(9000) })]));
        await sequenceAll(db);
        await db('log_payloads')
          .where({ kind: 'evidence' })
          .update({ payload: Buffer.from('{}') });
      },
      code: 15,
      where: /^log_entries 1\/\d+$/,
    },
    {
      what: 'the row of log_head gone',
      tamper: (db) => db('log_head').delete(),
      code: 12,
      where: /^log_head$/,
    },
    {
      what: 'a receipt written anew',
      tamper: async (db) =>
        db('receipts')
          .limit(1)
          .update({ body: await packBody(Buffer.from('{"code":0}')) }),
      code: 12,
      where: /^receipts [a-z2-7]{40}$/,
    },
    {
      what: 'a receipt taken away',
      tamper: async (db) =>
        db('receipts')
          .where({ id: (await db('receipts').first()).id })
          .delete(),
      code: 12,
      where: /^receipts [a-z2-7]{40}$/,
    },
    {
      what: 'a batch that the log does not know',
      tamper: async (db) => {
        const row = await db('batches').where({ seq: 1 }).first();
        await db('batches').insert({ ...row, seq: 99, id: 'z'.repeat(40), state: 'SETTLED' });
      },
      code: 12,
      where: /^batches z{40}$/,
    },
    {
      what: 'a step that the state table does not have',
      tamper: async (db) => {
        const { id } = await db('batches').where({ seq: 1 }).first();
        const detail = { event: 'intent', from: 'SETTLED', to: 'SENDING', attempt: 2, epoch: 9 };
        const entry = { actor: 'x', action: 'batch.intent', batchId: id, detail };
        await inTransaction(db, (tx) => appendLog(tx, AT, [entry]));
        await db('batches').where({ seq: 1 }).update({ state: 'SENDING' });
        await sequenceAll(db);
      },
      code: 14,
      where: /^log_entries 1\/\d+$/,
    },
  ];

  test('rows beside the log that are gone are counted as undisclosed: erasing is allowed, and seen', async () => {
    const db = await copy();
    expect((await verify(db)).counts.undisclosed).toBe(0);
    const batches = Number((await db('log_payloads').where({ kind: 'body' }).delete()) ?? 0);
    expect(batches).toBeGreaterThan(1);
    expect(await verify(db)).toMatchObject({ exitCode: 0, counts: { undisclosed: batches } });
    await db('log_payloads').where({ kind: 'reason' }).delete();
    expect(await verify(db)).toMatchObject({ exitCode: 0, counts: { undisclosed: batches + 1 } });
    await inTransaction(db, (tx) => appendLog(tx, AT, [line(1, { said: 'x'.repeat(9000) })]));
    await signHead(db);
    await db('log_payloads').where({ kind: 'evidence' }).delete();
    expect(await verify(db)).toMatchObject({ exitCode: 0, counts: { undisclosed: batches + 2 } });
  });

  test.each(cases)('$what: exit $code', async ({ tamper, code, where }) => {
    const db = await copy();
    await tamper(db);
    const { exitCode, findings } = await verify(db);
    expect(findings.filter((finding) => finding.code === code).some((finding) => where.test(finding.where))).toBe(true);
    expect(exitCode, JSON.stringify(findings)).toBe(code);
  });

  test('a gap is said once, where it is', async () => {
    const db = await copy();
    await db('log_entries').where({ idx: 100 }).delete();
    const gaps = (await verify(db)).findings.filter(({ code }) => code === 12);
    expect(gaps).toMatchObject([{ where: 'log_entries 1/100' }]);
  });

  const SEVENTEEN = Array.from({ length: 16 }, (_, at) => `— other.example/${at} AAAAAAAA\n`).join('');
  test.each([
    ['CRLF', (note: string) => note.replaceAll('\n', '\r\n')],
    ['a size with a leading zero', (note: string) => note.replace('\n', '\n0')],
    ['17 signatures', (note: string) => note + SEVENTEEN],
  ])('a kept checkpoint with %s is a bad note: exit 10', async (_, malform) => {
    const db = await copy();
    const { note, size } = await db('checkpoints').orderBy('size').first();
    await db('checkpoints')
      .where({ size })
      .update({ note: malform(note) });
    const { exitCode, findings } = await verify(db);
    expect(findings).toMatchObject([
      { code: 10, where: `checkpoints 1/${size}`, en: expect.stringContaining('malformed') },
    ]);
    expect(exitCode).toBe(10);
  });

  test('everything recomputed and signed again with the real key: only a head that somebody kept tells', async () => {
    const db = await copy();
    const kept = await db('checkpoints').orderBy('size').first();
    const entry = Buffer.from((await entryOf(db, 5)).toString().replace('shell:test', 'shell:nobody'));
    await db('log_entries')
      .where({ idx: 5 })
      .update({ entry, leaf_hash: leafHash(entry), actor: 'shell:nobody' });
    await recompute(db, testSigner());
    expect((await verify(db)).findings.filter(({ code }) => code !== 14)).toEqual([]);
    const against = await verify(db, { against: kept.note });
    expect(against).toMatchObject({ exitCode: 11, findings: [{ where: 'saved head' }] });
  });

  test('two histories for two auditors: each head is a fork of the other log', async () => {
    const [one, other] = [await copy(), await copy()];
    await appendLines(one, 1, 500);
    await appendLines(other, 1, 600);
    for (const db of [one, other]) await signHead(db);
    const { note } = await one('checkpoints').orderBy('size', 'desc').first();
    expect((await verify(one, { against: note })).exitCode).toBe(0);
    expect(await verify(other, { against: note })).toMatchObject({ exitCode: 11 });
  });

  test('a saved head that is longer than the log, of another key, or broken is named', async () => {
    const [long, db] = [await copy(), await copy()];
    await appendLines(long, 1);
    await signHead(long);
    const { note } = await long('checkpoints').orderBy('size', 'desc').first();
    expect(await verify(db, { against: note })).toMatchObject({ exitCode: 12 });
    expect(await verify(db, { against: note.replaceAll('\n', '\r\n') })).toMatchObject({ exitCode: 10 });
    expect(await verify(db, { keys: [testSigner(8)] })).toMatchObject({ exitCode: 10 });
  });

  test('an old checkpoint shown as the newest is stale', async () => {
    const db = await copy();
    const verified = await verify(db, { now: new Date(SIGNED.getTime() + 9 * 86_400_000) });
    expect(verified).toMatchObject({ exitCode: 13 });
    expect(verified.findings[0]?.en).toContain('9 days old');
  });
});

/** What whoever owns the database can do: tiles, head and, with the key, checkpoints made to fit the entries. */
async function recompute(db: Db, signer?: NoteSigner): Promise<void> {
  const leaves: Buffer[] = (await db('log_entries').orderBy('idx')).map(({ leaf_hash }) => leaf_hash);
  const range = appendAll(EMPTY_RANGE, leaves);
  await db('log_head').update({ size: range.size, frontier: Buffer.concat(range.hashes) });
  await db('log_tiles').update({
    hashes: Buffer.concat(leaves.slice(0, 256)),
    root: rootOf(appendAll(EMPTY_RANGE, leaves.slice(0, 256))),
  });
  if (signer === undefined) return;
  for (const { size } of await db('checkpoints')) {
    const root = rootOf(appendAll(EMPTY_RANGE, leaves.slice(0, size)));
    const note = signCheckpoint({ origin: signer.name, size, root }, [signer]);
    await db('checkpoints').where({ size }).update({ root, note });
  }
}
