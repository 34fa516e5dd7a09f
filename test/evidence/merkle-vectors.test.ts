import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyConsistency, verifyInclusion } from '../../src/evidence/proof.ts';
import { pythonAvailable } from '../support/verifiers.ts';

/** The cases of transparency-dev/merkle; source, licence and form stand in the head of the file. */
type Row = readonly [
  file: string,
  first: string,
  second: string,
  one: string,
  other: string,
  proof: readonly string[] | null,
  wantErr: boolean,
];
const vectors: {
  readonly bytes: { readonly [name: string]: string };
  readonly inclusion: readonly Row[];
  readonly consistency: readonly Row[];
} = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors/merkle-proofs.json'), 'utf8'));

/** Expects success with roots of 12 bytes; docs/evidence-format.md §2 takes hashes of 32 bytes alone. */
const REFUSED_BY_LENGTH = ['additional/sizes-are-equal-one-and-proof-is-empty'];

const bytesOf = (name: string): Buffer => {
  const bytes = vectors.bytes[name];
  if (bytes === undefined) throw new Error(`no bytes ${name}`);
  return Buffer.from(bytes, 'base64');
};
const filesOf = (rows: readonly Row[]): string[] => rows.map(([file]) => file);
const wanted = (rows: readonly Row[]): string[] => filesOf(rows.filter(([, , , , , , wantErr]) => !wantErr));

/** The inclusion cases as a program reads them: hex, and numbers as text since some are beyond 2^53. */
const inclusionCases = vectors.inclusion.map(([file, index, size, root, leaf, proof]) => ({
  ...{ file, index, size, root: bytesOf(root).toString('hex'), leaf: bytesOf(leaf).toString('hex') },
  proof: (proof ?? []).map((name) => bytesOf(name).toString('hex')),
}));

test('there are 98 cases of each kind', () => {
  expect(new Set(filesOf(vectors.inclusion)).size).toBe(98);
  expect(new Set(filesOf(vectors.consistency)).size).toBe(98);
});

test('every published inclusion case is judged as its authors judge it', () => {
  const held = vectors.inclusion.filter(([, index, size, root, leaf, proof]) =>
    verifyInclusion(bytesOf(leaf), Number(index), (proof ?? []).map(bytesOf), {
      size: Number(size),
      root: bytesOf(root),
    }),
  );
  expect(filesOf(held)).toEqual(wanted(vectors.inclusion));
});

test('every published consistency case is, but one whose roots are no hashes', () => {
  const held = vectors.consistency.filter(([, size1, size2, root1, root2, proof]) =>
    verifyConsistency(
      { size: Number(size1), root: bytesOf(root1) },
      { size: Number(size2), root: bytesOf(root2) },
      (proof ?? []).map(bytesOf),
    ),
  );
  const strict = wanted(vectors.consistency).filter((file) => !REFUSED_BY_LENGTH.includes(file));
  expect(filesOf(held)).toEqual(strict);
  expect(strict.length).toBe(wanted(vectors.consistency).length - REFUSED_BY_LENGTH.length);
});

/**
 * The verifiers of a pack know inclusion proofs only (they recompute consistency from tiles), and take hashes of 32 bytes alone
 * where they read a proof or a checkpoint: both rules stand here beside their function.
 */
const JUDGE_MJS = `
const held = cases.filter(({ index, size, root, leaf, proof }) => {
  if ([root, leaf, ...proof].some((hash) => hash.length !== 64)) return false;
  const bytes = (text) => Buffer.from(text, 'hex');
  return rootByProof(bytes(leaf), Number(index), Number(size), proof.map(bytes))?.equals(bytes(root)) === true;
});
console.log(JSON.stringify(held.map(({ file }) => file)));`;
const JUDGE_PY = `
import json, sys
sys.path.insert(0, sys.argv[1])
from verify import root_from_inclusion
held = []
for one in json.load(sys.stdin):
    if any(len(text) != 64 for text in [one["root"], one["leaf"]] + one["proof"]):
        continue
    proof = [bytes.fromhex(text) for text in one["proof"]]
    root = root_from_inclusion(bytes.fromhex(one["leaf"]), int(one["index"]), int(one["size"]), proof)
    if root == bytes.fromhex(one["root"]):
        held.append(one["file"])
print(json.dumps(held))`;

const audit = join(import.meta.dirname, '../../src/audit');

function answered(program: string, args: readonly string[], input: string): unknown {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

test('verify.mjs judges the published inclusion cases so', () => {
  const started = 'process.exitCode = main(process.argv.slice(2));';
  const source = readFileSync(join(audit, 'verify.mjs'), 'utf8');
  expect(source.trimEnd().endsWith(started)).toBe(true);
  const library = source.trimEnd().slice(0, -started.length);
  const program = `${library}\nconst cases = ${JSON.stringify(inclusionCases)};${JUDGE_MJS}`;
  expect(answered(process.execPath, ['--input-type=module', '-'], program)).toEqual(wanted(vectors.inclusion));
});

test.runIf(pythonAvailable)('verify.py judges the published inclusion cases so', () => {
  const held = answered('python3', ['-c', JUDGE_PY, audit], JSON.stringify(inclusionCases));
  expect(held).toEqual(wanted(vectors.inclusion));
});
