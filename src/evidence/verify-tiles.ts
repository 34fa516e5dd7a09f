import type { Reader } from '../store/database.ts';
import { readTiles, type TileRow } from '../store/log-tree.ts';
import type { Findings } from './findings.ts';
import { TILE_WIDTH } from './tile.ts';
import { rootOfComplete } from './tree.ts';

/** Holds the stored tiles against the leaves, as they come. */
export interface TileCheck {
  /** `roots`: of the tiles that these leaves complete, from whoever hashes the whole tree anyway. */
  add(leaves: readonly Buffer[], roots: readonly Buffer[]): Promise<void>;
  /** No more leaves: nothing may be stored beyond. */
  end(size: number): Promise<void>;
  count(): number;
}

/** Stored tiles of a level that are read at once. */
const AHEAD = 64;

interface Level {
  /** Hashes of the tile that is filling. */
  readonly hashes: Buffer[];
  n: number;
  stored: TileRow[];
}

export function tileCheck(db: Reader, logNo: number, findings: Findings): TileCheck {
  const levels: Level[] = [];
  let count = 0;

  const levelAt = (level: number): Level => {
    const fresh = levels[level] ?? { hashes: [], n: 0, stored: [] };
    levels[level] = fresh;
    return fresh;
  };

  /** The first hash after a tile that is now full: its place is the next level. */
  const complete = async (level: number, filling: Level, known?: Buffer): Promise<void> => {
    const hashes = filling.hashes.splice(0);
    const root = known ?? rootOfComplete(hashes);
    count += 1;
    await compare(filling, { hashes, root }, { db, logNo, level, findings });
    filling.n += 1;
    const above = levelAt(level + 1);
    above.hashes.push(root);
    if (above.hashes.length === TILE_WIDTH) await complete(level + 1, above);
  };

  return {
    add: async (leaves, roots) => {
      const lowest = levelAt(0);
      const ends = roots.values();
      for (const leaf of leaves) {
        lowest.hashes.push(leaf);
        if (lowest.hashes.length === TILE_WIDTH) await complete(0, lowest, ends.next().value);
      }
    },
    end: async () => {
      for (const [level, { n }] of levels.entries()) {
        const [extra] = await readTiles(db, logNo, level, { from: n, to: Number.MAX_SAFE_INTEGER });
        if (extra === undefined) continue;
        const where = `log_tiles ${logNo}/${level}/${extra.n}`;
        findings.add({ code: 15, where, zh: '多出的哈希块', en: 'a tile beyond the entries' });
      }
    },
    count: () => count,
  };
}

interface Stored {
  readonly db: Reader;
  readonly logNo: number;
  readonly level: number;
  readonly findings: Findings;
}

/** The next stored tile of a level against what the entries make. */
async function compare(
  filling: Level,
  { hashes, root }: { readonly hashes: readonly Buffer[]; readonly root: Buffer },
  { db, logNo, level, findings }: Stored,
): Promise<void> {
  const { n } = filling;
  if (filling.stored.length === 0) filling.stored = await readTiles(db, logNo, level, { from: n, to: n + AHEAD });
  const where = `log_tiles ${logNo}/${level}/${n}`;
  const stored = filling.stored[0];
  if (stored === undefined || stored.n !== n) {
    findings.add({ code: 12, where, zh: '缺少哈希块', en: 'the tile is missing' });
    return;
  }
  filling.stored.shift();
  if (!Buffer.concat(hashes).equals(stored.hashes)) {
    const at = hashes.findIndex((hash, place) => !hash.equals(stored.hashes.subarray(place * 32, (place + 1) * 32)));
    findings.add({ code: 15, where, zh: `第 ${at} 个哈希不对`, en: `hash ${at} is wrong` });
  }
  if (!stored.root.equals(root))
    findings.add({ code: 15, where, zh: '块的树根不对', en: 'the root of the tile is wrong' });
}
