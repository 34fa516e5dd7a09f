import { readEntry } from '../evidence/entry.ts';
import { inclusionProof } from '../evidence/proof.ts';
import { bundlePath, entryBundle, TILE_WIDTH, tilePath, tilesOf } from '../evidence/tile.ts';
import { readTileHashes, storedTree } from '../evidence/tree.ts';
import type { Reader } from '../store/database.ts';
import { type CheckpointRow, checkpointsAfter, type PackEntryRow, payloadOf } from '../store/evidence-rows.ts';
import { readEntries } from '../store/log-tree.ts';
import type { PackSink } from './pack-sink.ts';

interface PackLog {
  readonly db: Reader;
  readonly sink: PackSink;
  readonly head: CheckpointRow;
}

/** The newest note and every one before it, of all logs. */
export async function writeCheckpoints({ db, sink, head }: PackLog): Promise<void> {
  await sink.add('checkpoint', head.note);
  let after = { logNo: 0, size: -1 };
  for (;;) {
    const page = await checkpointsAfter(db, after, 500);
    for (const { logNo, size, note } of page) {
      const isOlder = logNo < head.logNo || (logNo === head.logNo && size < head.size);
      if (isOlder) await sink.add(`checkpoints/${logNo}/${size}`, note);
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

/** All hash tiles at the size of the head. */
export async function writeTiles({ db, sink, head: { logNo, size } }: PackLog): Promise<void> {
  for (const { level, n, width } of tilesOf(size)) {
    const hashes = await readTileHashes(db, { logNo, size }, level, n);
    await sink.add(tilePath(level, n, width), Buffer.concat(hashes));
  }
}

/** Bundles that hold disclosed entries; `all`: every bundle from the minimum index on. Says how many entries they hold. */
export async function writeBundles(
  { db, sink, head: { logNo, size } }: PackLog,
  wanted: { readonly indices: Iterable<number> } | { readonly allFrom: number },
): Promise<void> {
  for (const n of bundleNumbers(wanted, size)) {
    const width = Math.min(TILE_WIDTH, size - n * TILE_WIDTH);
    const entries = await readEntries(db, logNo, n * TILE_WIDTH, width);
    const sound = entries.filter(({ index }) => index < n * TILE_WIDTH + width);
    await sink.add(bundlePath(n, width), entryBundle(sound.map(({ entry }) => entry)));
    await writeMoved(
      { db, sink },
      sound.map(({ index, entry }) => ({ index, entry })),
    );
  }
}

function* bundleNumbers(
  wanted: { readonly indices: Iterable<number> } | { readonly allFrom: number },
  size: number,
): Generator<number> {
  if ('indices' in wanted) {
    const numbers = new Set(Array.from(wanted.indices, (index) => Math.floor(index / TILE_WIDTH)));
    yield* [...numbers].toSorted((a, b) => a - b);
    return;
  }
  for (let n = Math.floor(wanted.allFrom / TILE_WIDTH); n * TILE_WIDTH < size; n += 1) yield n;
}

/** Evidence that was too long for its entry. */
async function writeMoved({ db, sink }: Pick<PackLog, 'db' | 'sink'>, entries: readonly PackEntryRow[]): Promise<void> {
  for (const { entry } of entries) {
    const read = readEntry(entry);
    if ('wrong' in read || read.entry.evidence['moved'] !== 'payload') continue;
    const commit = read.entry.payloadCommit ?? '';
    const kept = await payloadOf(db, commit);
    if (kept?.payload === undefined || kept.payload === null) continue;
    await sink.add(`payloads/${commit}`, kept.payload);
    await sink.add(`payloads/${commit}.salt`, kept.salt);
  }
}

/** A tlog-proof for each disclosed entry. */
export async function writeProofs({ db, sink, head }: PackLog, entries: readonly PackEntryRow[]): Promise<void> {
  const hashOf = storedTree(db, head.logNo, head.size);
  for (const { index, entry } of entries) {
    const hashes = await inclusionProof(index, head.size, hashOf);
    const lines = ['c2sp.org/tlog-proof@v1', `extra ${entry.toString('base64')}`, `index ${index}`];
    const path = hashes.map((hash) => hash.toString('base64'));
    await sink.add(`proofs/${index}.tlog-proof`, `${[...lines, ...path].join('\n')}\n\n${head.note}`);
  }
}
