import { type CheckpointRow, readCheckpoints } from '../store/checkpoints.ts';
import type { Reader } from '../store/database.ts';
import { type LogHead, readEntries, readHead } from '../store/log-tree.ts';
import { type WalkedEntry, walkEntries } from '../store/log-walk.ts';
import { openCheckpoint, readCheckpoint } from './checkpoint.ts';
import { type Entry, type ReadEntry, readEntry, readEntryText } from './entry.ts';
import type { Finding, Findings } from './findings.ts';
import { appendAll, type CompactRange, EMPTY_RANGE, leafHash, leafHashOfText, rootOf, subtreesOf } from './merkle.ts';
import { type NoteKey, readNote, readVkey, verifyNote } from './note.ts';
import { prunedBelow } from './pruned.ts';
import { lookups } from './sequencer.ts';
import { TILE_HEIGHT } from './tile.ts';
import { storedTree } from './tree.ts';
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
  options: { readonly currentOnly?: boolean; readonly believeLog?: boolean } = {},
): Promise<Walked> {
  const head = await readHead(db);
  let sum: Walked = { range: EMPTY_RANGE, entries: 0, tiles: 0, checkpoints: 0 };
  let whole = true;
  const first = options.currentOnly === true ? head.logNo : 1;
  for (let logNo = first; logNo <= head.logNo; logNo += 1) {
    const { range, entries, tiles, checkpoints, cut } = await walk(db, {
      logNo,
      head,
      findings,
      keys,
      believeLog: options.believeLog === true,
    });
    whole = !cut;
    sum = {
      range,
      entries: sum.entries + entries,
      tiles: sum.tiles + tiles,
      checkpoints: sum.checkpoints + checkpoints,
    };
  }
  if (whole) checkHead(head, sum.range, findings);
  return sum;
}

interface Walk {
  readonly logNo: number;
  readonly head: LogHead;
  readonly findings: Findings;
  /** Nobody brought a key: those that the signer told the log of will do. */
  readonly believeLog: boolean;
  /** Grows by the keys that the log itself introduces. */
  readonly keys: NoteKey[];
}

/** What was walked. */
export interface Walked {
  readonly range: CompactRange;
  readonly entries: number;
  readonly tiles: number;
  readonly checkpoints: number;
}

/** One log from its first entry to its last. */
async function walk(db: Reader, context: Walk): Promise<Walked & { readonly cut: boolean }> {
  const { logNo, head, findings } = context;
  const current = logNo === head.logNo;
  const first = current ? head.minimumIndex : await prunedBelow(db, logNo);
  let range = await prunedRange(db, logNo, first);
  const tiles = tileCheck(db, logNo, first, findings);
  let checkpoints = 0;
  let expected = first;
  for (;;) {
    const page = await walkEntries(db, logNo, expected, PAGE);
    if (page.length === 0) break;
    const torn = await tornBytes(db, logNo, page);
    const leaves = page.map((placed, at) => examined(placed, torn.get(placed.index), expected + at, context));
    const gap = page.findIndex(({ index }, at) => index !== expected + at);
    if (gap >= 0) {
      findings.add(missing(logNo, expected + gap, page[gap]?.index ?? 0));
      return { range, entries: expected + gap - first, tiles: tiles.count(), checkpoints, cut: true };
    }
    checkpoints += await checkCheckpoints(db, range, leaves, context);
    const roots: Buffer[] = [];
    range = appendAll(range, leaves, (level, _, hash) => level === TILE_HEIGHT && roots.push(hash));
    await tiles.add(leaves, roots);
    expected += page.length;
  }
  checkpoints += await checkpointsBeyond(db, range.size, context);
  await tiles.end(range.size);
  return { range, entries: expected - first, tiles: tiles.count(), checkpoints, cut: false };
}

/** Pruned entries are known by their tiles. */
async function prunedRange(db: Reader, logNo: number, minimumIndex: number): Promise<CompactRange> {
  if (minimumIndex === 0) return EMPTY_RANGE;
  const tree = storedTree(db, logNo, minimumIndex);
  const hashes: Buffer[] = [];
  for (const subtree of subtreesOf(0, minimumIndex)) hashes.push(await tree(subtree));
  return { size: minimumIndex, hashes };
}

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

/** Checkpoints whose size lies within the next leaves: signature and root. */
async function checkCheckpoints(
  db: Reader,
  from: CompactRange,
  leaves: readonly Buffer[],
  context: Walk,
): Promise<number> {
  let range = from;
  let count = 0;
  for (;;) {
    const rows = await readCheckpoints(db, context.logNo, range.size, 100);
    const within = rows.filter(({ size }) => size <= from.size + leaves.length);
    for (const row of within) {
      range = appendAll(range, leaves.slice(range.size - from.size, row.size - from.size));
      checkCheckpoint(row, rootOf(range), context);
    }
    count += within.length;
    if (within.length < 100) return count;
  }
}

function checkCheckpoint(row: CheckpointRow, root: Buffer, { logNo, keys, findings }: Walk): void {
  const where = at('checkpoints', logNo, row.size);
  const read = readCheckpoint(row.note);
  if ('wrong' in read) {
    findings.add({ code: 10, where, zh: `检查点格式不对：${read.wrong}`, en: `malformed checkpoint: ${read.wrong}` });
    return;
  }
  const opened = openCheckpoint(row.note, keys);
  if ('wrong' in opened)
    findings.add({ code: 10, where, zh: `签名不成立：${opened.wrong}`, en: `bad signature: ${opened.wrong}` });
  if (read.size !== row.size || !read.root.equals(row.root) || read.origin !== row.origin)
    findings.add({ code: 15, where, zh: '检查点的列与签名文本不符', en: 'columns differ from the signed text' });
  if (read.root.equals(root)) return;
  const said = `${read.root.toString('base64')} ≠ ${root.toString('base64')}`;
  findings.add({
    code: 11,
    where,
    zh: `前 ${row.size} 条的树根与检查点不同：${said}`,
    en: `the root of the first ${row.size} entries is another: ${said}`,
  });
}

/** Checkpoints for entries that are not there any more. */
async function checkpointsBeyond(db: Reader, size: number, { logNo, findings }: Walk): Promise<number> {
  const rows = await readCheckpoints(db, logNo, size, PAGE);
  const last = rows.at(-1);
  if (last === undefined) return 0;
  findings.add({
    code: 12,
    where: at('checkpoints', logNo, last.size),
    zh: `已签 ${last.size} 条，只有 ${size} 条：尾部缺失`,
    en: `${last.size} entries were signed, ${size} are there: the tail is missing`,
  });
  return rows.length;
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
