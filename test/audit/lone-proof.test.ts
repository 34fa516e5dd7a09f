import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { signCheckpoint } from '../../src/evidence/checkpoint.ts';
import { type ProvenMember, proofFile, proveEntry, proveMember } from '../../src/evidence/prove.ts';
import { deliveriesOf, sealedAt } from '../../src/store/log-replay.ts';
import { databases, temporaryFolder } from '../support/databases.ts';
import { verifiers } from '../support/verifiers.ts';
import { bench, rows } from './bench.ts';
import { signHead, testSigner } from './signed.ts';

const signer = testSigner();

/** What `hub log prove --out` writes about the third record of a batch of seven. */
async function proofs() {
  const [sqlite] = databases;
  const b = await bench((await sqlite?.url()) ?? '');
  await b.take(...rows(1, 7));
  await b.push();
  await signHead(b.hub.db);
  const [delivered] = await deliveriesOf(b.hub.db, 3);
  if (delivered === undefined) throw new Error('not delivered');
  const member = await proveMember(b.hub.db, delivered);
  const place = await sealedAt(b.hub.db, delivered.batchId);
  const [sealed, other] = [
    await proveEntry(b.hub.db, 1, place?.index ?? 0),
    await proveEntry(b.hub.db, 1, (place?.index ?? 0) + 1),
  ];
  return { member, sealed, text: proofFile(sealed), otherText: proofFile(other) };
}

/** The files as they lie on an auditor's desk. */
function desk(proof: string, member?: ProvenMember) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'p.tlog-proof'), proof);
  if (member !== undefined) writeFileSync(join(folder, 'p.member.json'), JSON.stringify(member));
  const place = member === undefined ? [] : ['--member', join(folder, 'p.member.json')];
  return (args: readonly string[] = [], key = signer.vkey) =>
    Promise.all(
      verifiers.map(({ run }) => run(join(folder, 'p.tlog-proof'), ['--key', key, '--no-seen', ...place, ...args])),
    );
}

describe('a .tlog-proof given to the verifiers', () => {
  test('proves its entry, and the place of a record in the batch that it sealed', async () => {
    const { member, sealed, text } = await proofs();
    const summary = {
      index: sealed.index,
      action: 'batch.sealed',
      batch: member.batchId,
      size: sealed.checkpoint.size,
    };
    for (const verdict of await desk(text, member)()) expect(verdict).toMatchObject({ code: 0, findings: [], summary });
    for (const verdict of await desk(text)()) expect(verdict).toMatchObject({ code: 0, findings: [], summary });
  });

  test('is refused where anything in it was changed, each with its own code', async () => {
    const { member, sealed, text, otherText } = await proofs();
    const line = (pattern: RegExp, by: string): string => text.replace(pattern, by);
    const zeroes = Buffer.alloc(32).toString('base64');
    const forged = [
      [15, 'p.tlog-proof', desk(line(/(\nindex \d+\n)[^\n]+/, `$1${zeroes}`))],
      [15, 'p.tlog-proof', desk(line(/\nindex \d+/, `\nindex ${sealed.index + 1}`))],
      [15, 'p.tlog-proof', desk(line(/extra \S+/, 'extra e30='))],
      [15, 'p.tlog-proof', desk('c2sp.org/tlog-proof@v1\n')],
      [10, 'p.tlog-proof', desk(line(/.{6}\n$/, 'AAAA==\n'))],
      [15, 'p.member.json', desk(text, { ...member, row: member.row + 1 })],
      [15, 'p.member.json', desk(text, { ...member, payloadDigest: '00'.repeat(32) })],
      [15, 'p.member.json', desk(text, { ...member, members: member.members + 1 })],
      [15, 'p.member.json', desk(text, { ...member, batchId: 'a'.repeat(40) })],
      [15, 'p.member.json', desk(otherText, member)],
    ] as const;
    for (const [code, where, verify] of forged)
      for (const { code: exit, findings } of await verify()) {
        expect({ where, exit }).toEqual({ where, exit: code });
        for (const finding of findings) expect(finding.where).toContain(where);
      }
  });

  test('of another hub, or against a head of its size with another root, is told', async () => {
    const { text, sealed } = await proofs();
    const other = testSigner(8, 'other.example.gov.cn/delivery-log');
    for (const verdict of await desk(text)([], other.vkey)) expect(verdict).toMatchObject({ code: 10 });
    const { origin, size } = sealed.checkpoint;
    const head = join(temporaryFolder(), 'saved.head');
    writeFileSync(head, signCheckpoint({ origin, size, root: Buffer.alloc(32) }, [signer]));
    for (const verdict of await desk(text)(['--head', head])) expect(verdict).toMatchObject({ code: 11 });
  });
});

test('each verifier says with --help how it is used, and ends well', () => {
  const audit = join(import.meta.dirname, '../../src/audit');
  for (const [program, file] of [
    [process.execPath, 'verify.mjs'],
    ['python3', 'verify.py'],
  ] as const) {
    if (!verifiers.some(({ name }) => name === file)) continue;
    const { status, stdout } = spawnSync(program, [join(audit, file), '--help'], { encoding: 'utf8' });
    expect({ file, status }).toEqual({ file, status: 0 });
    for (const option of ['--key', '--head', '--member', '--seen', '--no-seen', '--now', '--json'])
      expect(stdout).toContain(option);
  }
});
