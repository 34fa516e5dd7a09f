import { sha256, sha256Bytes } from '../canonical.ts';

/** Merkle tree hashing of RFC 6962 §2.1 over SHA-256; every hash is 32 bytes. */
export const HASH_BYTES = 32;

/** Root of the tree without leaves: SHA-256(""). */
export const EMPTY_ROOT: Buffer = sha256Bytes('');

let leafScratch = Buffer.alloc(1024);

/** SHA-256(0x00 ‖ entry) */
export function leafHash(entry: Uint8Array): Buffer {
  if (entry.length >= leafScratch.length) leafScratch = Buffer.alloc(entry.length * 2);
  leafScratch.set(entry, 1);
  return sha256Bytes(leafScratch.subarray(0, entry.length + 1));
}

/** The same in hex, of an entry that is text. */
export const leafHashOfText = (entry: string): string => sha256(`\0${entry}`);

const nodeScratch = Buffer.alloc(1 + 2 * HASH_BYTES);
nodeScratch[0] = 1;

/** SHA-256(0x01 ‖ left ‖ right) */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  nodeScratch.set(left, 1);
  nodeScratch.set(right, 1 + HASH_BYTES);
  return sha256Bytes(nodeScratch);
}

/**
 * The complete subtrees of a tree of `size` leaves, largest first: one hash per set bit of the size. Enough to append
 * and to tell the root; 64 hashes at most.
 */
export interface CompactRange {
  readonly size: number;
  readonly hashes: readonly Buffer[];
}

export const EMPTY_RANGE: CompactRange = { size: 0, hashes: [] };

/** The range with one leaf more; `onNode(level, index, hash)` is told of every complete subtree above the leaves. */
export function append(
  range: CompactRange,
  leaf: Buffer,
  onNode: (level: number, index: number, hash: Buffer) => void = () => {},
): CompactRange {
  const hashes = [...range.hashes];
  push(hashes, range.size, leaf, onNode);
  return { size: range.size + 1, hashes };
}

/** The range with many leaves more, in order. */
export function appendAll(
  range: CompactRange,
  leaves: readonly Buffer[],
  onNode: (level: number, index: number, hash: Buffer) => void = () => {},
): CompactRange {
  const hashes = [...range.hashes];
  let size = range.size;
  for (const leaf of leaves) {
    push(hashes, size, leaf, onNode);
    size += 1;
  }
  return { size, hashes };
}

function push(
  hashes: Buffer[],
  size: number,
  leaf: Buffer,
  onNode: (level: number, index: number, hash: Buffer) => void,
): void {
  let hash = leaf;
  let index = size;
  for (let level = 1; index % 2 === 1; level += 1) {
    hash = nodeHash(hashes.pop() ?? EMPTY_ROOT, hash);
    index = (index - 1) / 2;
    onNode(level, index, hash);
  }
  hashes.push(hash);
}

/** Root of the tree that a range describes. */
export function rootOf({ hashes }: CompactRange): Buffer {
  const last = hashes.at(-1);
  if (last === undefined) return EMPTY_ROOT;
  return hashes.slice(0, -1).reduceRight<Buffer>((right, left) => nodeHash(left, right), last);
}

/** Root over leaf hashes in order. */
export const rootOver = (leaves: readonly Buffer[]): Buffer => rootOf(appendAll(EMPTY_RANGE, leaves));

/** A complete subtree: leaves `[index·2^level, (index+1)·2^level)`. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/** The complete subtrees whose leaves are `[begin, end)`, in order; `begin` is a multiple of the largest of them. */
export function subtreesOf(begin: number, end: number): Subtree[] {
  const found: Subtree[] = [];
  let from = begin;
  while (from < end) {
    let level = 0;
    while (from + 2 ** (level + 1) <= end && from % 2 ** (level + 1) === 0) level += 1;
    found.push({ level, index: from / 2 ** level });
    from += 2 ** level;
  }
  return found;
}
