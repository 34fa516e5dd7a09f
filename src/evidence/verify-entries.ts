import type { Reader } from '../store/database.ts';
import { cut, type LogHead, readEntries, readHead, readTiles } from '../store/log-tree.ts';
import { type WalkedEntry, walkEntries } from '../store/log-walk.ts';
import { type Entry, type ReadEntry, readEntry, readEntryText } from './entry.ts';
import type { Finding, Findings } from './findings.ts';
import { appendAll, type CompactRange, EMPTY_RANGE, HASH_BYTES, leafHash, leafHashOfText } from './merkle.ts';
import { type NoteKey, readNote, readVkey, verifyNote } from './note.ts';
import { prunedBelow } from './pruned.ts';
import { lookups } from './sequencer.ts';
import { TILE_HEIGHT, TILE_WIDTH } from './tile.ts';
import { checkCheckpoints, checkpointsBeyond } from './verify-checkpoints.ts';
import { isMoved, type MovedEvidence, verifyMoved } from './verify-moved.ts';
import { tileCheck } from './verify-tiles.ts';

/** Rows read at once. */
const PAGE = 512;

/**
 * Every log of this database recomputed from its entries: places, leaf hashes, lookup columns, tiles, head, checkpoints. Keys that
 * the log itself introduces are added to `keys`. Reads in pages; memory stays flat.
 */
export async function verifyEntries(
  db: Reader,
  findings: Findings,
  keys: NoteKey[],
  options: {
    readonly currentOnly?: boolean;
    readonly believeLog?: boolean;
    readonly head?: LogHead | undefined;
    readonly headGone?: boolean;
  } = {},
): Promise<Walked> {
  const head = options.head ?? (await readHead(db));
  let sum: Walked = { range: EMPTY_RANGE, entries: 0, tiles: 0, checkpoints: 0, undisclosed: 0 };
  let whole = true;
  const first = options.currentOnly === true ? head.logNo : 1;
  for (let logNo = first; logNo <= head.logNo; logNo += 1) {
    const { range, entries, tiles, checkpoints, undisclosed, cut } = await walk(db, {
      logNo,
      head,
      findings,
      keys,
      moved: [],
      believeLog: options.believeLog === true,
    });
    whole = !cut;
    sum = {
      range,
      entries: sum.entries + entries,
      tiles: sum.tiles + tiles,
      checkpoints: sum.checkpoints + checkpoints,
      undisclosed: sum.undisclosed + undisclosed,
    };
  }
  if (whole && options.headGone !== true) checkHead(head, sum.range, findings);
  return sum;
}

interface Walk {
  readonly logNo: number;
  readonly head: LogHead;
  readonly findings: Findings;
  /** Nobody brought a key: those that the signer told the log of will do. */
  readonly believeLog: boolean;
  /** Evidence of the page at hand that stands beside the log. */
  readonly moved: MovedEvidence[];
  /** Grows by the keys that the log itself introduces. */
  readonly keys: NoteKey[];
}

/** What was walked. */
export interface Walked {
  readonly range: CompactRange;
  readonly entries: number;
  readonly tiles: number;
  readonly checkpoints: number;
  /** Evidence beside the log whose salt is gone. */
  readonly undisclosed: number;
}

/** One log from its first entry to its last. */
async function walk(db: Reader, context: Walk): Promise<Walked & { readonly cut: boolean }> {
  const { logNo, head, findings } = context;
  const least = logNo === head.logNo ? head.minimumIndex : await prunedBelow(db, logNo);
  const first = Math.floor(least / TILE_WIDTH) * TILE_WIDTH;
  const walked = walkedLeaves(db, context);
  let [expected, undisclosed] = [first, 0];
  let whole = await walkPruned(db, first, walked, context);
  while (whole) {
    const page = await walkEntries(db, logNo, expected, PAGE);
    if (page.length === 0) break;
    const torn = await tornBytes(db, logNo, page);
    const leaves = page.map((placed, place) => examined(placed, torn.get(placed.index), expected + place, context));
    const gap = page.findIndex(({ index }, place) => index !== expected + place);
    if (gap >= 0) findings.add(missing(logNo, expected + gap, page[gap]?.index ?? 0));
    whole = gap < 0;
    undisclosed += await verifyMoved(db, context.moved.splice(0), findings);
    if (whole) await walked.add(leaves);
    expected += whole ? page.length : gap;
  }
  if (whole) await walked.end();
  return { ...walked.sum(), entries: expected - first, undisclosed, cut: !whole };
}

/** Leaves as they come, held against tiles and checkpoints. */
interface Leaves {
  add(leaves: readonly Buffer[], keysPruned?: boolean): Promise<void>;
  end(): Promise<void>;
  sum(): Pick<Walked, 'range' | 'tiles' | 'checkpoints'>;
}

function walkedLeaves(db: Reader, context: Walk): Leaves {
  const tiles = tileCheck(db, context.logNo, context.findings);
  let range = EMPTY_RANGE;
  let checkpoints = 0;
  return {
    add: async (leaves, keysPruned = false) => {
      checkpoints += await checkCheckpoints(db, range, leaves, { ...context, keysPruned });
      const roots: Buffer[] = [];
      range = appendAll(range, leaves, (level, _, hash) => level === TILE_HEIGHT && roots.push(hash));
      await tiles.add(leaves, roots);
    },
    end: async () => {
      checkpoints += await checkpointsBeyond(db, range.size, context);
      await tiles.end(range.size);
    },
    sum: () => ({ range, tiles: tiles.count(), checkpoints }),
  };
}

/** Pruned entries are known by the hashes in their tiles. */
async function walkPruned(
  db: Reader,
  first: number,
  walked: Leaves,
  { logNo, findings, believeLog }: Walk,
): Promise<boolean> {
  for (let n = 0; n * TILE_WIDTH < first; ) {
    const tiles = await readTiles(db, logNo, 0, { from: n, to: Math.min(n + TILES, first / TILE_WIDTH) });
    for (const tile of tiles) {
      if (tile.n !== n || tile.hashes.length !== TILE_WIDTH * HASH_BYTES) break;
      await walked.add(cut(tile.hashes), believeLog);
      n += 1;
    }
    if (n * TILE_WIDTH === first || (tiles.length > 0 && tiles.at(-1)?.n === n - 1)) continue;
    findings.add({ code: 12, where: at('log_tiles', logNo, `0/${n}`), zh: '缺少哈希块', en: 'the tile is missing' });
    return false;
  }
  return true;
}

/** Tiles read at once. */
const TILES = 16;

const at = (table: string, logNo: number, index: number | string): string => `${table} ${logNo}/${index}`;

const missing = (logNo: number, index: number, next: number): Finding => ({
  code: 12,
  where: at('log_entries', logNo, index),
  zh: `缺第 ${index} 条，下一条是第 ${next} 条`,
  en: `entry ${index} is missing, the next one there is ${next}`,
});

/** The bytes of entries that are no UTF-8, or that hold its replacement character themselves. */
async function tornBytes(db: Reader, logNo: number, page: readonly WalkedEntry[]): Promise<Map<number, Buffer>> {
  const torn = new Map<number, Buffer>();
  for (const { index, text } of page) {
    if (!text.includes('\ufffd')) continue;
    for (const { entry } of await readEntries(db, logNo, index, 1)) torn.set(index, entry);
  }
  return torn;
}

/** What the bytes of an entry say and hash to. */
const hashed = (text: string, torn: Buffer | undefined): { readonly leaf: string; readonly read: ReadEntry } =>
  torn === undefined
    ? { leaf: leafHashOfText(text), read: readEntryText(text) }
    : { leaf: leafHash(torn).toString('hex'), read: readEntry(torn) };

/** The leaf hash of an entry, from its bytes; what is wrong with it goes to the findings. */
function examined(placed: WalkedEntry, torn: Buffer | undefined, index: number, context: Walk): Buffer {
  const { findings, keys } = context;
  const { leaf, read } = hashed(placed.text, torn);
  const where = (): string => at('log_entries', context.logNo, index);
  if (leaf !== placed.leaf)
    findings.add({
      code: 15,
      where: where(),
      zh: '内容与 leaf_hash 不符',
      en: 'the entry is not what its leaf_hash says',
    });
  if ('wrong' in read) {
    findings.add({
      code: 15,
      where: where(),
      zh: `不是合格的条目：${read.wrong}`,
      en: `malformed: ${read.wrong}`,
    });
    return Buffer.from(leaf, 'hex');
  }
  const columns = lookups(read.entry);
  if (!sameLookups(placed, columns)) findings.add(wrongColumn(where(), placed, columns));
  if (context.believeLog && read.entry.action === 'signer.started') keys.push(...told(read.entry));
  if (isMoved(read.entry)) context.moved.push({ where: where(), commit: read.entry.payloadCommit ?? '' });
  if (read.entry.action === 'signer.rotated') keys.push(...introduced(read.entry, keys));
  return Buffer.from(leaf, 'hex');
}

type Lookups = ReturnType<typeof lookups>;

const sameLookups = (one: Lookups, other: Lookups): boolean =>
  one.at === other.at &&
  one.actor === other.actor &&
  one.action === other.action &&
  one.platform === other.platform &&
  one.batchId === other.batchId &&
  one.runId === other.runId &&
  one.recordId === other.recordId;

function wrongColumn(where: string, placed: WalkedEntry, told: Lookups): Finding {
  const names = ['at', 'actor', 'action', 'platform', 'batchId', 'runId', 'recordId'] as const;
  const name = names.find((column) => placed[column] !== told[column]) ?? 'at';
  const said = `${String(placed[name])} ≠ ${String(told[name])}`;
  return { code: 15, where, zh: `查询列 ${name} 与条目不符：${said}`, en: `lookup column ${name} differs: ${said}` };
}

/** Keys that a signer said it signs with. */
function told({ evidence: { vkeys } }: Entry): NoteKey[] {
  const texts = Array.isArray(vkeys) ? vkeys.filter((text) => typeof text === 'string') : [];
  return texts.map((text) => readVkey(text)).filter((key) => key !== undefined);
}

/** A key that an already trusted one names in a signed note. */
function introduced({ evidence }: Entry, keys: readonly NoteKey[]): NoteKey[] {
  const { note, newKey } = evidence;
  if (typeof note !== 'string' || typeof newKey !== 'string') return [];
  const read = readNote(note);
  const key = readVkey(newKey);
  if ('wrong' in read || key === undefined || !read.text.split('\n').includes(newKey)) return [];
  return 'wrong' in verifyNote(read, keys) ? [] : [key];
}

function checkHead(head: LogHead, range: CompactRange, findings: Findings): void {
  if (head.size !== range.size) {
    findings.add({
      code: 12,
      where: 'log_head',
      zh: `log_head 说有 ${head.size} 条，实有 ${range.size} 条`,
      en: `log_head says ${head.size} entries, ${range.size} are there`,
    });
  } else if (!Buffer.concat(head.frontier).equals(Buffer.concat(range.hashes))) {
    findings.add({
      code: 15,
      where: 'log_head',
      zh: '前沿哈希与条目不符',
      en: 'the frontier is not that of the entries',
    });
  }
}
