import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/canonical.ts';
import {
  append,
  appendAll,
  EMPTY_RANGE,
  EMPTY_ROOT,
  leafHash,
  nodeHash,
  rootOf,
  rootOver,
  type Subtree,
} from '../../src/evidence/merkle.ts';
import {
  consistencyProof,
  inclusionProof,
  rootAt,
  verifyConsistency,
  verifyInclusion,
} from '../../src/evidence/proof.ts';

const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

/** The tree straight from its definition, for every size: what the fast code is held against. */
function defined(all: readonly Buffer[]): Buffer {
  const [first] = all;
  if (first === undefined) return EMPTY_ROOT;
  if (all.length === 1) return first;
  let width = 1;
  while (width * 2 < all.length) width *= 2;
  return nodeHash(defined(all.slice(0, width)), defined(all.slice(width)));
}

const numbered = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`${index}`)));

const subtreesIn =
  (all: readonly Buffer[]) =>
  async ({ level, index }: Subtree): Promise<Buffer> => {
    const part = all.slice(index * 2 ** level, (index + 1) * 2 ** level);
    expect(part).toHaveLength(2 ** level);
    return defined(part);
  };

/** Complete subtrees by level and index, remembered while the tree grows. */
function grown(all: readonly Buffer[]): (subtree: Subtree) => Promise<Buffer> {
  const nodes = new Map(all.map((leaf, index) => [`0/${index}`, leaf]));
  appendAll(EMPTY_RANGE, all, (level, index, hash) => void nodes.set(`${level}/${index}`, hash));
  return async ({ level, index }) => nodes.get(`${level}/${index}`) ?? Promise.reject(new Error(`${level}/${index}`));
}

describe('the published vectors', () => {
  test.each(roots.entries().toArray())('root of the first %i leaves', (size, root) => {
    expect(rootOver(leaves.slice(0, size).map((leaf) => leafHash(leaf))).toString('hex')).toBe(root);
  });

  test('a leaf and a node', () => {
    expect(leafHash(Buffer.from('L123456')).toString('hex')).toBe(
      '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
    );
    const node = Buffer.concat([Buffer.of(1), Buffer.from('N123'), Buffer.from('N456')]);
    expect(rootOver([]).equals(EMPTY_ROOT)).toBe(true);
    expect(sha256(node)).toBe('aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb');
  });
});

test('every tree up to 128 leaves has the root of its definition', () => {
  const all = numbered(128);
  let range = EMPTY_RANGE;
  for (const [index, leaf] of all.entries()) {
    range = append(range, leaf);
    expect(rootOf(range).equals(defined(all.slice(0, index + 1)))).toBe(true);
  }
});

test('every inclusion proof of every tree up to 128 leaves holds, and no other leaf, place, size or hash does', async () => {
  const all = numbered(128);
  const hashOf = grown(all);
  for (let size = 1; size <= all.length; size += 1) {
    const root = await rootAt(size, hashOf);
    for (let index = 0; index < size; index += 1) {
      const leaf = all[index] ?? EMPTY_ROOT;
      const proof = await inclusionProof(index, size, hashOf);
      const holds = verifyInclusion(leaf, index, proof, { size, root });
      const other = verifyInclusion(all[(index + 1) % size] ?? EMPTY_ROOT, index, proof, { size, root });
      const longer = verifyInclusion(leaf, index, [...proof, root], { size, root });
      const shorter = proof.length > 0 && verifyInclusion(leaf, index, proof.slice(1), { size, root });
      const beyond = verifyInclusion(leaf, size, proof, { size, root });
      if (!holds || (size > 1 && other) || longer || shorter || beyond) throw new Error(`leaf ${index} of ${size}`);
    }
  }
});

test('every consistency proof between trees up to 128 leaves holds, and none between strangers', async () => {
  const all = numbered(128);
  const hashOf = grown(all);
  const heads: { size: number; root: Buffer }[] = [];
  for (let size = 0; size <= all.length; size += 1) heads.push({ size, root: await rootAt(size, hashOf) });
  const stranger = leafHash(Buffer.from('stranger'));
  for (const first of heads) {
    for (const second of heads.slice(first.size)) {
      const proof = await consistencyProof(first.size, second.size, hashOf);
      const holds = verifyConsistency(first, second, proof);
      const forged = verifyConsistency({ ...first, root: stranger }, second, proof);
      const forgedNew = second.size > first.size && verifyConsistency(first, { ...second, root: stranger }, proof);
      const longer = verifyConsistency(first, second, [...proof, stranger]);
      // An empty tree is the beginning of every tree: nothing binds its successor.
      const wrong = forged || (forgedNew && first.size > 0) || longer;
      if (!holds || wrong) throw new Error(`${first.size} → ${second.size}`);
    }
  }
});

test('random trees up to 2,000 leaves: proofs hold, and a flipped bit anywhere breaks them', async () => {
  const all = numbered(2000);
  const hashOf = grown(all);
  const sizes = fc.integer({ min: 1, max: 2000 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, fc.nat(), fc.nat(), async (one, other, place, bit) => {
      const [first, second] = [Math.min(one, other), Math.max(one, other)];
      const index = place % second;
      const [oldRoot, root] = [await rootAt(first, hashOf), await rootAt(second, hashOf)];
      const inclusion = await inclusionProof(index, second, hashOf);
      const consistency = await consistencyProof(first, second, hashOf);
      const leaf = all[index] ?? EMPTY_ROOT;
      expect(verifyInclusion(leaf, index, inclusion, { size: second, root })).toBe(true);
      expect(verifyConsistency({ size: first, root: oldRoot }, { size: second, root }, consistency)).toBe(true);
      if (inclusion.length > 0)
        expect(verifyInclusion(leaf, index, flipped(inclusion, bit), { size: second, root })).toBe(false);
      if (consistency.length > 0)
        expect(
          verifyConsistency({ size: first, root: oldRoot }, { size: second, root }, flipped(consistency, bit)),
        ).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('the definition and the grown tree agree on subtrees', async () => {
  const all = numbered(77);
  expect((await rootAt(77, subtreesIn(all))).equals(defined(all))).toBe(true);
});

describe('the strict rules', () => {
  test('size 0 to size 0 with a wrong root is refused', () => {
    expect(verifyConsistency({ size: 0, root: EMPTY_ROOT }, { size: 0, root: EMPTY_ROOT }, [])).toBe(true);
    const wrong = leafHash(Buffer.from('x'));
    expect(verifyConsistency({ size: 0, root: wrong }, { size: 0, root: wrong }, [])).toBe(false);
  });

  test('an empty leaf and an empty root are refused, and so are hashes of another length', () => {
    const none = Buffer.alloc(0);
    expect(verifyInclusion(none, 0, [], { size: 1, root: none })).toBe(false);
    const short = Buffer.alloc(12, 1);
    expect(verifyConsistency({ size: 1, root: short }, { size: 1, root: short }, [])).toBe(false);
  });

  test('numbers that are no counts are refused', () => {
    const leaf = leafHash(Buffer.from('x'));
    for (const size of [-1, 0.5, Number.NaN, 2 ** 53, 0])
      expect(verifyInclusion(leaf, 0, [], { size, root: leaf })).toBe(false);
    expect(verifyInclusion(leaf, -1, [], { size: 1, root: leaf })).toBe(false);
  });
});

const flipped = (proof: readonly Buffer[], bit: number): Buffer[] =>
  proof.map((hash, at) => {
    if (at !== bit % proof.length) return hash;
    const copy = Buffer.from(hash);
    copy[bit % 32] = (copy[bit % 32] ?? 0) ^ (1 << (bit % 8));
    return copy;
  });
