import { EMPTY_ROOT, HASH_BYTES, nodeHash, type Subtree, subtreesOf } from './merkle.ts';

/** Gives the hash of a complete subtree; from memory, from rows, from files. */
export type SubtreeHash = (subtree: Subtree) => Promise<Buffer>;

/** Leaves `[begin, end)`. */
interface Range {
  readonly begin: number;
  readonly end: number;
}

/** Inclusion proof of RFC 6962 §2.1.1, leaf's sibling first. */
export const inclusionProof = (index: number, size: number, hashOf: SubtreeHash): Promise<Buffer[]> =>
  hashes(inclusionRanges(index, { begin: 0, end: size }), hashOf);

/** Consistency proof of RFC 6962 §2.1.2 between two sizes of one tree, 0 < first ≤ second. */
export async function consistencyProof(first: number, second: number, hashOf: SubtreeHash): Promise<Buffer[]> {
  if (first === 0 || first === second) return [];
  return hashes(consistencyRanges(first, { begin: 0, end: second }, true), hashOf);
}

/** Root of the first `size` leaves. */
export const rootAt = async (size: number, hashOf: SubtreeHash): Promise<Buffer> =>
  size === 0 ? EMPTY_ROOT : rangeHash({ begin: 0, end: size }, hashOf);

/** Largest power of two smaller than the length, where RFC 6962 splits a tree. */
function split({ begin, end }: Range): number {
  let width = 1;
  while (width * 2 < end - begin) width *= 2;
  return begin + width;
}

function inclusionRanges(index: number, range: Range): Range[] {
  if (range.end - range.begin <= 1) return [];
  const middle = split(range);
  const [left, right] = [
    { begin: range.begin, end: middle },
    { begin: middle, end: range.end },
  ];
  return index < middle ? [...inclusionRanges(index, left), right] : [...inclusionRanges(index, right), left];
}

/** `whole`: the first tree is one that the verifier has the root of, so its hash need not be told. */
function consistencyRanges(first: number, range: Range, whole: boolean): Range[] {
  if (first === range.end) return whole ? [] : [range];
  const middle = split(range);
  const [left, right] = [
    { begin: range.begin, end: middle },
    { begin: middle, end: range.end },
  ];
  if (first <= middle) return [...consistencyRanges(first, left, whole), right];
  return [...consistencyRanges(first, right, false), left];
}

async function hashes(ranges: readonly Range[], hashOf: SubtreeHash): Promise<Buffer[]> {
  const found: Buffer[] = [];
  for (const range of ranges) found.push(await rangeHash(range, hashOf));
  return found;
}

async function rangeHash({ begin, end }: Range, hashOf: SubtreeHash): Promise<Buffer> {
  let root: Buffer | undefined;
  for (const subtree of subtreesOf(begin, end).toReversed()) {
    const hash = await hashOf(subtree);
    root = root === undefined ? hash : nodeHash(hash, root);
  }
  return root ?? EMPTY_ROOT;
}

export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
}

/** RFC 9162 §2.1.3.2, with the strict rules of docs/evidence-format.md §2. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  proof: readonly Uint8Array[],
  { size, root }: Head,
): boolean {
  if (!isCount(index) || !isCount(size) || index >= size || !sound([leaf, root, ...proof])) return false;
  let [at, last, hash]: [number, number, Uint8Array] = [index, size - 1, leaf];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      hash = nodeHash(sibling, hash);
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(hash, root);
}

/** RFC 9162 §2.1.4.2, with the strict rules of docs/evidence-format.md §2: is `first` the beginning of `second`? */
export function verifyConsistency(first: Head, second: Head, proof: readonly Uint8Array[]): boolean {
  if (!isCount(first.size) || !isCount(second.size) || first.size > second.size) return false;
  if (!sound([first.root, second.root, ...proof])) return false;
  if (first.size === 0 || first.size === second.size) return proof.length === 0 && trivially(first, second);
  const power = Number.isInteger(Math.log2(first.size));
  const [seed, ...rest] = power ? [first.root, ...proof] : proof;
  return seed !== undefined && climb(first, second, seed, rest);
}

function trivially(first: Head, second: Head): boolean {
  const emptyIsEmpty = [first, second].every(({ size, root }) => size > 0 || same(root, EMPTY_ROOT));
  return emptyIsEmpty && (first.size < second.size || same(first.root, second.root));
}

function climb(first: Head, second: Head, seed: Uint8Array, proof: readonly Uint8Array[]): boolean {
  let [at, last] = [first.size - 1, second.size - 1];
  while (odd(at)) [at, last] = [half(at), half(last)];
  let [old, now] = [seed, seed];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (odd(at) || at === last) {
      [old, now] = [nodeHash(sibling, old), nodeHash(sibling, now)];
      while (!odd(at) && at !== 0) [at, last] = [half(at), half(last)];
    } else {
      now = nodeHash(now, sibling);
    }
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && same(old, first.root) && same(now, second.root);
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const odd = (value: number): boolean => value % 2 === 1;
const half = (value: number): number => Math.floor(value / 2);
const sound = (all: readonly Uint8Array[]): boolean => all.every((hash) => hash.length === HASH_BYTES);
const same = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
