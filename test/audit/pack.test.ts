import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type ExportContext, exportPack } from '../../src/audit/export-pack.ts';
import type { PackScope } from '../../src/audit/pack-scope.ts';
import { canonicalJson } from '../../src/canonical.ts';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import type { JsonObject } from '../../src/json.ts';
import { inTransaction } from '../../src/store/database.ts';
import { appendLog } from '../../src/store/log.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { databases } from '../support/databases.ts';
import { pythonAvailable, verifiers } from '../support/verifiers.ts';
import { type Bench, bench, rows } from './bench.ts';
import { type Forgery, forge } from './forge.ts';
import { ORIGIN, signHead, testSigner } from './signed.ts';

const NOW = '2026-11-28T00:00:00Z';
const signer = testSigner();
const work = mkdtempSync(join(tmpdir(), 'hub-packs-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const contextOf = (b: Bench): ExportContext => ({
  db: b.hub.db,
  hubId: b.hub.settings.hubId,
  timezone: 'Asia/Shanghai',
  actor: 'user:auditor',
  now: b.hub.now,
  signal: new AbortController().signal,
  waitMs: 0,
});

/** A log of some three hundred entries: two pushes, one rejection, an approval, and everyday entries between. */
async function history(): Promise<Bench> {
  const [sqlite] = databases;
  const b = await bench((await sqlite?.url()) ?? '');
  b.script.push('accept', 'reject-first');
  await b.take(...rows(1, 25));
  await b.push();
  await signHead(b.hub.db);
  const now = b.hub.now();
  const request = { kind: 'resync', digest: Buffer.alloc(32), detail: '{}', state: 'approved', asked_by: 'user:one' };
  const [id] = await b.hub.db('requests').insert({
    ...request,
    ...{ reason: '重报', asked_at: now.toISOString(), expires_at: now.toISOString(), decided_by: 'user:two' },
  });
  const approvals = [
    ['asked', 'user:one'],
    ['approved', 'user:two'],
  ].map(([step, actor = '']) => ({
    ...{ actor, action: `approval.${step}`, detail: { request: Number(id), kind: 'resync' } },
  }));
  const days = Array.from({ length: 270 }, (_, day) => ({ actor: 'hub', action: 'run.ended', detail: { day } }));
  await inTransaction(b.hub.db, (tx) => appendLog(tx, now, [...approvals, ...days]));
  await signHead(b.hub.db);
  await b.take(...rows(26, 30));
  await b.push();
  await signHead(b.hub.db);
  return b;
}

test('under another HUB_ID no pack is made: every batch in it would look forged', async () => {
  const b = await history();
  const out = join(work, 'foreign.zip');
  const made = exportPack({ kind: 'log', value: '' }, out, { ...contextOf(b), hubId: 'another-hub' });
  await expect(made).rejects.toMatchObject({ code: 'PACK_FOREIGN' });
  expect(existsSync(out)).toBe(false);
});

test('bytes that are damaged in the database are named, and no pack is left behind', async () => {
  const out = join(work, 'damaged.zip');
  for (const [table, where] of [
    ['batches', /^batches seq 1：/],
    ['receipts', /^receipts [a-z2-7]{40}：/],
  ] as const) {
    const b = await history();
    await b.hub
      .db(table)
      .limit(1)
      .update({ body: Buffer.from('not packed') });
    const made = exportPack({ kind: 'log', value: '' }, out, contextOf(b));
    await expect(made).rejects.toMatchObject({ code: 'BODY_DAMAGED', message: expect.stringMatching(where) });
    expect([existsSync(out), existsSync(`${out}.part`)]).toEqual([false, false]);
  }
});

describe('an evidence pack', () => {
  interface Packs {
    readonly whole: string;
    readonly zip: string;
    readonly single: string;
    readonly savedHead: string;
    readonly earlierHead: string;
  }

  let made: Promise<Packs> | undefined;
  /** Made by the test that asks first; the packs stay on the disk for all. */
  const packs = (): Promise<Packs> => {
    made ??= makePacks();
    return made;
  };

  async function makePacks(): Promise<Packs> {
    const b = await history();
    const take = async (scope: PackScope, name: string) =>
      (await exportPack(scope, join(work, name), contextOf(b))).out;
    const whole = await take({ kind: 'log', value: '' }, 'whole');
    const zip = await take({ kind: 'batch', value: (await listBatches(b.hub.db))[0]?.id ?? '' }, 'batch.zip');
    const single = await take({ kind: 'record', value: '(桂)印证字第450000001号' }, 'single');
    const savedHead = join(work, 'first.head');
    writeFileSync(savedHead, readFileSync(join(whole, 'checkpoint')));
    const earlier = forge(whole, join(work, 'look'))
      .names()
      .find((name) => name.startsWith('checkpoints/'));
    return { whole, zip, single, savedHead, earlierHead: join(whole, earlier ?? '') };
  }

  const verify = (pack: string, args: readonly string[] = []) =>
    Promise.all(verifiers.map(({ run }) => run(pack, ['--key', signer.vkey, '--no-seen', '--now', NOW, ...args])));

  test('verifies with both programs: the whole log, a batch in a zip, one record, with heads that were saved before', async () => {
    const { whole, zip, single, savedHead, earlierHead } = await packs();
    for (const pack of [whole, zip, single])
      for (const { code, findings } of await verify(pack, ['--head', savedHead, '--head', earlierHead]))
        expect({ pack, code, findings }).toEqual({ pack, code: 0, findings: [] });
  });

  test('tells the reason of a rejection, which its entry commits to, and says so where it was erased', async () => {
    const pack = forge((await packs()).whole, join(work, 'reasons'));
    const answers = pack
      .names()
      .filter((name) => name.endsWith('verdicts.json'))
      .flatMap((name) => JSON.parse(pack.read(name).toString()) as Answer[]);
    const rejected = answers.filter(({ state }) => state === 'rejected');
    expect(rejected).toMatchObject([
      { reason: expect.stringMatching(/./), salt: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);
    answered((row) => ({ ...row, reason: null }))(pack);
    for (const verdict of await verify(pack.folder))
      expect(verdict).toMatchObject({ code: 0, summary: { undisclosedReasons: 1 } });
  });

  test('about one record discloses that record and no other', async () => {
    const pack = forge((await packs()).single, join(work, 'one'));
    expect(pack.names().filter((name) => name.endsWith('/request'))).toEqual([]);
    const contents = pack.names().filter((name) => name.includes('/records/'));
    expect(contents).toHaveLength(1);
    expect(pack.read(contents[0] ?? '').toString()).toContain('（桂）印证字第450000001号');
    for (const name of pack
      .names()
      .filter((path) => /\.(?:json|tlog-proof)$/.test(path) && !path.includes('/records/')))
      expect(pack.read(name).toString()).not.toMatch(/有限公司|450000002/);
  });

  const flip = (bytes: Buffer, at: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const named = (pack: Forgery, pattern: RegExp): string => {
    const name = pack.names().find((path) => pattern.test(path));
    if (name === undefined) throw new Error(`no file like ${pattern}`);
    return name;
  };
  const change = (pattern: RegExp, at: number) => (pack: Forgery) => {
    const name = named(pack, pattern);
    pack.write(name, flip(pack.read(name), at));
    pack.cover();
  };
  const renote = (edit: (note: string) => string) => (pack: Forgery) => {
    pack.write('checkpoint', edit(pack.read('checkpoint').toString()));
    pack.cover();
  };
  const [line = ''] = signCheckpoint({ origin: ORIGIN, size: 0, root: Buffer.alloc(32) }, [signer])
    .split('\n')
    .slice(-2);
  const rewritten = (edit: (entries: Buffer[]) => Buffer[]) => (pack: Forgery) =>
    pack.rewrite(edit(pack.entries()), signer);
  const edited = (action: string, edit: (entry: JsonObject) => JsonObject) =>
    rewritten((entries) => {
      const index = entries.findIndex((entry) => JSON.parse(entry.toString()).action === action);
      const entry = canonicalJson(edit(JSON.parse(entries[index]?.toString() ?? '{}')));
      return entries.with(index, Buffer.from(entry));
    });

  const covered = (work: (pack: Forgery) => void) => (pack: Forgery) => {
    work(pack);
    pack.cover();
  };
  interface Answer {
    readonly state: string;
    readonly verdict: string | null;
    readonly reason: string | null;
  }
  /** Every answer, as somebody would like it to read. */
  const answered = (edit: (row: Answer) => Answer) =>
    covered((pack) => {
      for (const name of pack.names().filter((path) => path.endsWith('verdicts.json')))
        pack.json(name, (answers: Answer[]) => answers.map(edit));
    });
  /** Another sibling in an inclusion proof. */
  const misled = (pack: Forgery): void => {
    const name = named(pack, /^proofs\//);
    const text = pack.read(name).toString();
    pack.write(name, text.replace(/(\nindex \d+\n)[^\n]+/, `$1${Buffer.alloc(32).toString('base64')}`));
    pack.cover();
  };

  /** The same entry under an id that no other has: ids differ in every run. */
  const underOtherId = (entry: Buffer | undefined): Buffer =>
    Buffer.from(String(entry).replace(/"id":"(.)/, (_, first) => `"id":"${first === '0' ? '1' : '0'}`));

  interface Tampering {
    readonly what: string;
    readonly code: number;
    /** The finding names this file or place. */
    readonly where: RegExp;
    readonly do: (pack: Forgery) => void;
    readonly of?: 'single';
    readonly head?: true;
    readonly now?: string;
  }

  const tamperings: readonly Tampering[] = [
    {
      what: 'an entry with one bit flipped',
      code: 15,
      where: /tile\/entries\/000/,
      do: change(/^tile\/entries\/000$/, 40),
    },
    { what: 'a hash of a full tile flipped', code: 15, where: /tile\/0\/000/, do: change(/^tile\/0\/000$/, 33) },
    {
      what: 'a hash of a partial tile flipped',
      code: 15,
      where: /tile\/entries\/001/,
      do: change(/^tile\/0\/001\.p/, 33),
    },
    { what: 'a hash of an upper tile flipped', code: 15, where: /tile\/0\/000/, do: change(/^tile\/1\//, 3) },
    {
      what: 'a signature flipped',
      code: 10,
      where: /^checkpoint$/,
      do: renote((note) => note.replace(/.{6}\n$/, 'AAAA==\n')),
    },
    {
      what: 'a head with another root',
      code: 10,
      where: /^checkpoint$/,
      do: renote((note) => note.replace(/\n.{8}/, '\nAAAAAAAA')),
    },
    {
      what: 'a key id that is not known',
      code: 10,
      where: /^checkpoint$/,
      do: renote((note) => note.replace(/(— \S+ )..../, '$1AAAA')),
    },
    {
      what: 'seventeen signatures',
      code: 10,
      where: /^checkpoint$/,
      do: renote((note) => note + `${line}\n`.repeat(16)),
    },
    { what: 'CRLF in a note', code: 10, where: /^checkpoint$/, do: renote((note) => note.replaceAll('\n', '\r\n')) },
    {
      what: 'a size with a leading zero',
      code: 10,
      where: /^checkpoint$/,
      do: renote((note) => note.replace(/\n(\d+)\n/, '\n0$1\n')),
    },
    {
      what: 'the tail cut off',
      code: 12,
      where: /saved\.head/,
      head: true,
      do: rewritten((entries) => entries.slice(0, -4)),
    },
    {
      what: 'a bundle in the middle gone',
      code: 12,
      where: /tile\/entries\/000/,
      do: covered((p) => p.drop('tile/entries/000')),
    },
    { what: 'a tile gone', code: 12, where: /tile\/0\/000/, do: covered((p) => p.drop('tile/0/000')) },
    {
      what: 'a bundle cut inside an entry',
      code: 12,
      where: /tile\/entries\/000/,
      do: covered((p) => truncateSync(p.path('tile/entries/000'), 5000)),
    },
    {
      what: 'two entries swapped, tiles as they were',
      code: 15,
      where: /tile\/entries\/000/,
      do: (p) => {
        const [one = Buffer.alloc(0), two = Buffer.alloc(0), ...rest] = p.entries().slice(0, 256);
        const length = (entry: Buffer) => Buffer.of(entry.length >> 8, entry.length & 255);
        const bytes = [two, one, ...rest].flatMap((entry) => [length(entry), entry]);
        p.write('tile/entries/000', Buffer.concat(bytes));
        p.cover();
      },
    },
    {
      what: 'an entry put in, everything recomputed and signed with the real key',
      code: 11,
      where: /saved\.head/,
      head: true,
      do: rewritten((entries) => [...entries.toSpliced(200, 1), underOtherId(entries[280])]),
    },
    {
      what: 'an actor changed, everything recomputed and signed with the real key',
      code: 11,
      where: /saved\.head/,
      head: true,
      do: edited('run.ended', (entry) => ({ ...entry, actor: 'shell:other' })),
    },
    {
      what: 'an old state shown as the newest',
      code: 13,
      where: /^checkpoint$/,
      now: '2026-12-20T00:00:00Z',
      do: () => {},
    },
    {
      what: 'an entry that is too long',
      code: 15,
      where: /tile\/entries/,
      do: edited('run.ended', (entry) => ({ ...entry, evidence: { day: 'x'.repeat(9000) } })),
    },
    {
      what: 'an entry with a number in it',
      code: 15,
      where: /tile\/entries/,
      do: edited('run.ended', (entry) => ({ ...entry, evidence: { day: 5 } })),
    },
    {
      what: 'an arrow that the state table does not know',
      code: 14,
      where: /^entry \d+$/,
      do: edited('batch.intent', (entry) => ({
        ...entry,
        evidence: { ...(entry['evidence'] as JsonObject), event: 'refused' },
      })),
    },
    {
      what: 'an epoch that goes down',
      code: 14,
      where: /^entry \d+$/,
      do: edited('batch.outcome', (entry) => ({ ...entry, epoch: '0' })),
    },
    { what: 'another request under the same commitment', code: 15, where: /\/request$/, do: change(/\/request$/, 300) },
    { what: 'another salt', code: 15, where: /\/request$/, do: change(/\/salt$/, 3) },
    { what: 'a salt gone', code: 12, where: /\/salt$/, do: covered((p) => p.drop(named(p, /\/salt$/))) },
    { what: 'a receipt changed', code: 15, where: /\/receipts\/1$/, do: change(/\/receipts\/1$/, 20) },
    {
      what: 'a receipt gone',
      code: 12,
      where: /\/receipts\/$/,
      do: (p) => {
        const name = named(p, /\/receipts\/1$/);
        p.drop(name);
        p.drop(`${name}.json`);
        p.cover();
      },
    },
    {
      what: 'a rejection turned into an acceptance',
      code: 15,
      where: /verdicts\.json$/,
      do: (p) => {
        for (const name of p.names().filter((path) => path.endsWith('verdicts.json')))
          p.json(name, (verdicts: { state: string }[]) => verdicts.map((one) => ({ ...one, state: 'accepted' })));
        p.cover();
      },
    },
    {
      what: 'a member with another version',
      code: 15,
      where: /members\.json$/,
      do: (p) => {
        p.json(named(p, /members\.json$/), ([first, ...rest]: { version: number }[]) => [
          { ...first, version: 2 },
          ...rest,
        ]);
        p.cover();
      },
    },
    {
      what: 'a member left out',
      code: 15,
      where: /members\.json$/,
      do: (p) => {
        p.json(named(p, /members\.json$/), (members: unknown[]) => members.slice(1));
        p.cover();
      },
    },
    {
      what: 'a report that counts otherwise',
      code: 15,
      where: /report\.json/,
      do: covered((p) => p.json('report.json', () => ({ members: { 'credit-sharing': { accepted: 30 } } }))),
    },
    {
      what: 'an approval that names another entry',
      code: 15,
      where: /approvals\.json/,
      do: (p) => {
        p.json('approvals.json', (all: { entries: number[] }[]) => all.map((one) => ({ ...one, entries: [0] })));
        p.cover();
      },
    },
    {
      what: 'the reason of a rejection written anew',
      code: 15,
      where: /verdicts\.json$/,
      do: answered((row) => ({ ...row, reason: '一切正常' })),
    },
    {
      what: 'the verdict of a rejection written anew',
      code: 15,
      where: /verdicts\.json$/,
      do: answered((row) => ({ ...row, verdict: 'OK' })),
    },
    {
      what: 'a reason where none was given',
      code: 15,
      where: /verdicts\.json$/,
      do: answered((row) => (row.reason === null ? { ...row, reason: '已核' } : row)),
    },
    {
      what: 'the verdict of an acceptance written anew',
      code: 15,
      where: /verdicts\.json$/,
      do: answered((row) => (row.state === 'accepted' ? { ...row, verdict: 'DUPLICATE' } : row)),
    },
    {
      what: 'the report left out, and the manifest made to fit',
      code: 12,
      where: /^report\.json$/,
      do: covered((p) => p.drop('report.json')),
    },
    {
      what: 'the approvals left out, and the manifest made to fit',
      code: 12,
      where: /^approvals\.json$/,
      do: covered((p) => p.drop('approvals.json')),
    },
    { what: 'a file gone', code: 12, where: /ledger\.pdf/, do: (p) => p.drop('ledger.pdf') },
    { what: 'a file cut', code: 12, where: /ledger\.xlsx/, do: (p) => truncateSync(p.path('ledger.xlsx'), 100) },
    { what: 'a file that does not belong', code: 15, where: /payloads\/x/, do: (p) => p.write('payloads/x', 'x') },
    { what: 'no manifest', code: 12, where: /manifest\.json/, do: (p) => p.drop('manifest.json') },
    { what: 'no checkpoint', code: 12, where: /^checkpoint$/, do: (p) => p.drop('checkpoint') },
    { what: 'a proof that leads elsewhere', code: 15, where: /proofs\//, of: 'single', do: misled },
    {
      what: 'a record that reads otherwise',
      code: 15,
      where: /\/records\//,
      of: 'single',
      do: change(/\/records\//, 30),
    },
    {
      what: 'the newest entry withheld',
      code: 12,
      where: /^entry \d+$/,
      of: 'single',
      do: covered((p) => p.drop(named(p, /^tile\/entries\/001/))),
    },
    {
      what: 'a saved head with a bad signature',
      code: 10,
      where: /saved\.head/,
      head: true,
      do: (p) =>
        writeFileSync(
          join(p.folder, '..', 'saved.head'),
          p
            .read('checkpoint')
            .toString()
            .replace(/.{6}\n$/, 'AAAA==\n'),
        ),
    },
  ];

  test.each(tamperings)('with $what: exit $code from both', { timeout: 30_000 }, async (tampering) => {
    const { whole, single, savedHead } = await packs();
    const folder = mkdtempSync(join(work, 'forged-'));
    const head = join(folder, 'saved.head');
    writeFileSync(head, readFileSync(savedHead));
    const pack = forge(tampering.of === 'single' ? single : whole, join(folder, 'pack'));
    tampering.do(pack);
    const now = tampering.now === undefined ? [] : ['--now', tampering.now];
    const heads = tampering.head === undefined ? [] : ['--head', head];
    for (const { code, findings } of await verify(pack.folder, [...heads, ...now])) {
      expect({ code, findings: findings.slice(0, 5) }).toMatchObject({ code: tampering.code });
      const told = findings.filter((finding) => finding.code === tampering.code);
      expect(told.map(({ where }) => where).join('\n')).toMatch(new RegExp(tampering.where.source, 'm'));
    }
  });

  test('in a zip that is cut, that is no zip, or with a broken member is named so', async () => {
    const { zip } = await packs();
    const bytes = readFileSync(zip);
    const cut = join(work, 'cut.zip');
    writeFileSync(cut, bytes.subarray(0, bytes.length - 500));
    const none = join(work, 'none.zip');
    writeFileSync(none, 'not a zip');
    const broken = join(work, 'broken.zip');
    writeFileSync(broken, flip(bytes, bytes.indexOf('ledger.pdf') + 200));
    for (const [pack, code, said] of [
      [cut, 12, /cut short/],
      [none, 12, /no zip/],
      [broken, 15, /cannot be read/],
    ] as const)
      for (const verdict of await verify(pack)) {
        expect(verdict).toMatchObject({ code });
        expect(verdict.findings[0]?.said).toMatch(said);
      }
  });

  test('of another hub, or with a key that is missing or mistyped, is told apart', async () => {
    const { whole } = await packs();
    const other = testSigner(8, 'other.example.gov.cn/delivery-log');
    for (const { run } of verifiers) {
      const foreign = await run(whole, ['--key', other.vkey, '--no-seen', '--now', NOW]);
      expect(foreign).toMatchObject({
        code: 10,
        findings: [{ where: 'checkpoint', said: expect.stringContaining('another hub') }],
      });
      expect(await run(whole, ['--no-seen'])).toMatchObject({ code: 2, err: expect.stringContaining('--key') });
      const mistyped = signer.vkey.replace(/\+....../, '+000000');
      expect(await run(whole, ['--key', mistyped])).toMatchObject({
        code: 2,
        err: expect.stringContaining('mistyped'),
      });
    }
  });

  test('leaves its head behind, and a shorter or other history is noticed the next time', async () => {
    const { whole } = await packs();
    for (const { name, run } of verifiers) {
      const folder = mkdtempSync(join(work, 'seen-'));
      const args = ['--key', signer.vkey, '--now', NOW, '--seen', join(folder, 'hub.head')];
      expect(await run(whole, args), name).toMatchObject({ code: 0 });
      expect(readFileSync(join(folder, 'hub.head'))).toEqual(readFileSync(join(whole, 'checkpoint')));
      const shorter = forge(whole, join(folder, 'shorter'));
      shorter.rewrite(shorter.entries().slice(0, -4), signer);
      expect(await run(shorter.folder, args), name).toMatchObject({ code: 12 });
      expect(readFileSync(join(folder, 'hub.head'))).toEqual(readFileSync(join(whole, 'checkpoint')));
    }
  });

  test.skipIf(!pythonAvailable)('was verified by both programs', () => expect(verifiers).toHaveLength(2));
});
