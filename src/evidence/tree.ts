import { HubError } from '../errors.ts';
import type { Reader } from '../store/database.ts';
import { cut, readLeaves, readTileRoots, readTiles } from '../store/log-tree.ts';
import { nodeHash, type Subtree } from './merkle.ts';
import type { SubtreeHash } from './proof.ts';
import { TILE_HEIGHT, TILE_WIDTH } from './tile.ts';

/** Subtree hashes of the log in the database, read tile by tile; a tile is read once. Throws HubError LOG_BROKEN. */
export function storedTree(db: Reader, logNo: number, size: number): SubtreeHash {
  const tiles = new Map<string, Promise<readonly Buffer[]>>();
  const tile = (level: number, n: number): Promise<readonly Buffer[]> => {
    const name = `${level}/${n}`;
    const known = tiles.get(name) ?? readTileHashes(db, { logNo, size }, level, n);
    tiles.set(name, known);
    return known;
  };
  return async ({ level, index }) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const width = 2 ** (level % TILE_HEIGHT);
    const first = index * width;
    const n = Math.floor(first / TILE_WIDTH);
    const hashes = await tile(tileLevel, n);
    const part = hashes.slice(first - n * TILE_WIDTH, first - n * TILE_WIDTH + width);
    if (part.length < width) throw broken({ level, index });
    return rootOfComplete(part);
  };
}

/** Hashes of a tile of the log at this size: a full one as stored, a partial one from what lies below it. */
export async function readTileHashes(
  db: Reader,
  { logNo, size }: { readonly logNo: number; readonly size: number },
  level: number,
  n: number,
): Promise<readonly Buffer[]> {
  const begin = n * TILE_WIDTH;
  const end = Math.min(begin + TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level));
  if (end - begin === TILE_WIDTH) {
    const [row] = await readTiles(db, logNo, level, { from: n, to: n + 1 });
    if (row === undefined || row.hashes.length !== TILE_WIDTH * 32)
      throw broken({ level: level * TILE_HEIGHT, index: begin });
    return cut(row.hashes);
  }
  const found =
    level === 0
      ? (await readLeaves(db, logNo, begin, end)).map(({ index, leaf }) => ({ at: index, hash: leaf }))
      : (await readTileRoots(db, logNo, level - 1, { from: begin, to: end })).map(({ n: at, root }) => ({
          at,
          hash: root,
        }));
  const gap = found.findIndex(({ at }, place) => at !== begin + place);
  if (gap >= 0 || found.length !== end - begin)
    throw broken({ level: level * TILE_HEIGHT, index: begin + (gap >= 0 ? gap : found.length) });
  return found.map(({ hash }) => hash);
}

/** Root over a power of two of hashes. */
export function rootOfComplete(hashes: readonly Buffer[]): Buffer {
  let level = hashes;
  while (level.length > 1) {
    const below = level;
    level = Array.from({ length: below.length / 2 }, (_, at) => nodeHash(at2(below, at * 2), at2(below, at * 2 + 1)));
  }
  return at2(level, 0);
}

function at2(hashes: readonly Buffer[], at: number): Buffer {
  const hash = hashes[at];
  if (hash === undefined) throw new Error(`no hash ${at} of ${hashes.length}`);
  return hash;
}

const broken = ({ level, index }: Subtree): HubError =>
  new HubError(
    'LOG_BROKEN',
    `报送日志缺少第 ${level} 层第 ${index} 个哈希 (the log lacks hash ${index} of tree level ${level})`,
    {
      remedy: 'give-up',
      fix: '请勿修改数据库；运行 hub log verify 查明缺口，并按事故处理 (leave the database as it is; hub log verify names the gap)',
    },
  );
