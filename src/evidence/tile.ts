/** Hashes in a full tile; C2SP tlog-tiles. */
export const TILE_WIDTH = 256;
/** Tree levels that one tile spans. */
export const TILE_HEIGHT = 8;

/** `<N>` of a tile's path: 1234067 → `x001/x234/067`. */
function tileNumber(n: number): string {
  const groups: string[] = [];
  let rest = n;
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

const suffix = (width: number): string => (width === TILE_WIDTH ? '' : `.p/${width}`);

/** Path of a hash tile, `tile/<L>/<N>[.p/<W>]`. */
export const tilePath = (level: number, n: number, width = TILE_WIDTH): string =>
  `tile/${level}/${tileNumber(n)}${suffix(width)}`;

/** Path of an entry bundle, `tile/entries/<N>[.p/<W>]`. */
export const bundlePath = (n: number, width = TILE_WIDTH): string => `tile/entries/${tileNumber(n)}${suffix(width)}`;

/** Entries as a bundle: each with its length, big-endian uint16, before it. */
export function entryBundle(entries: readonly Uint8Array[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(entry.length);
    return [head, entry];
  });
  return Buffer.concat(parts);
}

export interface TileShape {
  readonly level: number;
  readonly n: number;
  readonly width: number;
}

/** Every tile of a tree of this size, level by level; the last of a level may be partial. */
export function tilesOf(size: number): TileShape[] {
  const tiles: TileShape[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH)) {
    const full = Math.floor(hashes / TILE_WIDTH);
    for (let n = 0; n < full; n += 1) tiles.push({ level, n, width: TILE_WIDTH });
    if (hashes % TILE_WIDTH > 0) tiles.push({ level, n: full, width: hashes % TILE_WIDTH });
  }
  return tiles;
}
