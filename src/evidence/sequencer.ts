import { HubError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { dropLease, type Lease, raiseLease, renewLease, takeLease, thisProcess } from '../store/leases.ts';
import {
  dropPending,
  insertEntries,
  insertTiles,
  type LogHead,
  moveHead,
  type PendingRow,
  type PlacedEntry,
  pendingSpan,
  readHead,
  readLeaves,
  readPending,
  readTileRoots,
  type TileRow,
} from '../store/log-tree.ts';
import { readEntry } from './entry.ts';
import { appendAll, leafHash } from './merkle.ts';
import { TILE_WIDTH } from './tile.ts';
import { rootOfComplete } from './tree.ts';

/** Rows that one transaction takes. */
const AT_ONCE = 1000;

/**
 * Gives waiting entries their place in the tree: one transaction reads the head, all rows present, appends them, and
 * moves the head if nobody else did. Returns how many it placed. Throws LOG_OVERTAKEN when another sequencer was faster.
 */
export async function sequence(db: Db, epoch: number): Promise<number> {
  const placed = await inTransaction(db, async (tx) => {
    const head = await readHead(tx, { lock: true });
    if (head.epoch > epoch) throw overtaken();
    failpoint('L1-head');
    const rows = await readPending(tx, AT_ONCE);
    if (rows.length === 0) return 0;
    failpoint('L2-pending');
    const entries = rows.map((row, at) => place(row, head.size + at));
    await insertEntries(tx, head.logNo, entries);
    failpoint('L3-entries');
    const range = appendAll(
      { size: head.size, hashes: head.frontier },
      entries.map(({ leaf }) => leaf),
    );
    await completeTiles(tx, head, range.size);
    failpoint('L4-tiles');
    if (!(await moveHead(tx, head, { size: range.size, frontier: range.hashes, epoch }))) throw overtaken();
    failpoint('L5-moved');
    await dropPending(
      tx,
      rows.map(({ id }) => id),
    );
    failpoint('L6-dropped');
    return rows.length;
  });
  failpoint('S7-sequenced');
  return placed;
}

function place({ id, entry }: PendingRow, index: number): PlacedEntry {
  const read = readEntry(entry);
  if ('wrong' in read) throw new Error(`log_pending ${id}: ${read.wrong}`);
  return { index, entry, leaf: leafHash(entry), ...lookups(read.entry) };
}

/** The lookup columns, as the bytes have them; verification holds the columns against them. */
export function lookups(entry: {
  readonly t: string;
  readonly actor: string;
  readonly action: string;
  readonly platform?: string;
  readonly batch?: string;
  readonly evidence: { readonly [name: string]: unknown };
}): Pick<PlacedEntry, 'at' | 'actor' | 'action' | 'platform' | 'batchId' | 'runId' | 'recordId'> {
  return {
    at: entry.t,
    actor: entry.actor,
    action: entry.action,
    platform: entry.platform ?? null,
    batchId: entry.batch ?? null,
    runId: numberOf(entry.evidence['run']),
    recordId: numberOf(entry.evidence['record']),
  };
}

const numberOf = (value: unknown): number | null =>
  typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : null;

/** Tiles of every level that the new entries have filled; a full tile is never written again. */
async function completeTiles(tx: Tx, { logNo, size }: LogHead, newSize: number): Promise<void> {
  for (let level = 0; TILE_WIDTH ** (level + 1) <= newSize; level += 1) {
    const span = TILE_WIDTH ** (level + 1);
    const [from, to] = [Math.floor(size / span), Math.floor(newSize / span)];
    const tiles: TileRow[] = [];
    for (let n = from; n < to; n += 1) tiles.push(await fullTile(tx, logNo, level, n));
    if (tiles.length > 0) await insertTiles(tx, logNo, tiles);
  }
}

async function fullTile(tx: Tx, logNo: number, level: number, n: number): Promise<TileRow> {
  const [from, to] = [n * TILE_WIDTH, (n + 1) * TILE_WIDTH];
  const hashes =
    level === 0
      ? (await readLeaves(tx, logNo, from, to)).map(({ leaf }) => leaf)
      : (await readTileRoots(tx, logNo, level - 1, { from, to })).map(({ root }) => root);
  if (hashes.length !== TILE_WIDTH) throw new Error(`tile ${level}/${n} has ${hashes.length} hashes`);
  return { level, n, hashes: Buffer.concat(hashes), root: rootOfComplete(hashes) };
}

const overtaken = (): HubError =>
  new HubError('LOG_OVERTAKEN', '报送日志正由另一进程排序 (another process sequences the log)', {
    remedy: 'retry',
    fix: '无需处理，由那个进程继续 (nothing to do: the other process goes on)',
  });

const LEASE = 'log';
const LEASE_MS = 60_000;

/** Takes the one lease for sequencing; undefined where a living process has it. */
export async function takeLogLease(db: Db): Promise<Lease | undefined> {
  const lease = await takeLease(db, LEASE, thisProcess(), LEASE_MS);
  if (lease === undefined) return undefined;
  const { epoch } = await readHead(db);
  return epoch > lease.epoch ? raiseLease(db, lease, epoch + 1) : lease;
}

export const renewLogLease = (db: Db, lease: Lease): Promise<boolean> => renewLease(db, lease, LEASE_MS);

/** How long a caller waits for another process to place what is waiting, ms. */
const PATIENCE_MS = 5000;

/**
 * Everything that waits now is in the tree when this resolves with true: sequenced here, or by the process that holds the
 * lease. False where that process did not within five seconds.
 */
export async function sequenceAll(db: Db): Promise<boolean> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  const newest = (await pendingSpan(db))?.newest ?? 0;
  while (((await pendingSpan(db))?.oldest ?? Number.POSITIVE_INFINITY) <= newest) {
    const lease = await takeLogLease(db);
    if (lease !== undefined) {
      try {
        while ((await sequence(db, lease.epoch)) > 0);
        return true;
      } finally {
        await dropLease(db, lease);
      }
    }
    if (performance.now() > giveUpAt) return false;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return true;
}
