import { sha256Bytes } from '../canonical.ts';

/** Merkle tree head over the outbound digests of a batch in row order, hashed as RFC 6962 §2.1 (32 bytes). */
export function manifestRoot(digests: readonly Uint8Array[]): Buffer {
  if (digests.length === 0) return sha256Bytes('');
  let level: Buffer[] = digests.map((digest) => sha256Bytes(Buffer.concat([LEAF, digest])));
  while (level.length > 1) level = pairs(level);
  return level[0] ?? Buffer.alloc(0);
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

/** Joining neighbours level by level and passing an odd last one up gives the RFC's tree. */
function pairs(level: readonly Buffer[]): Buffer[] {
  const above: Buffer[] = [];
  for (let index = 0; index < level.length; index += 2) {
    const [left, right] = [level[index] ?? NODE, level[index + 1]];
    above.push(right === undefined ? left : sha256Bytes(Buffer.concat([NODE, left, right])));
  }
  return above;
}
