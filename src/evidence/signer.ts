import { HubError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import {
  type CheckpointRow,
  keepCheckpoint,
  newestCheckpoint,
  readSignerStatus,
  type SignerStatus,
  writeSignerStatus,
} from '../store/checkpoints.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { findHead, type LogHead, readEntries, readHead } from '../store/log-tree.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { readEntry } from './entry.ts';
import { exitCodeOf, type FindingCode, openFindings } from './findings.ts';
import { EMPTY_ROOT, leafHash, rootOf } from './merkle.ts';
import type { NoteSigner } from './note.ts';
import { consistencyProof, rootAt, verifyConsistency } from './proof.ts';
import type { SignerMemory } from './signer-files.ts';
import { storedTree } from './tree.ts';
import { verifyEntries } from './verify-entries.ts';

/** What came of an attempt to sign. */
export type Signed =
  | { readonly outcome: 'signed'; readonly checkpoint: CheckpointRow }
  /** Nothing new since the last one. */
  | { readonly outcome: 'idle' }
  /** The database is not the continuation of what was signed before. */
  | { readonly outcome: 'refused'; readonly refusal: Refusal };

export interface Refusal {
  /** Exit code of docs/evidence-format.md §9. */
  readonly code: FindingCode;
  readonly reason: string;
}

/**
 * Signs the log as it stands, if it is consistent with the last checkpoint that this signer remembers: proved from the
 * tiles, and every new entry hashed again (`whole`: every old one too). Otherwise refuses, says so in the log and in `log_signer`, and signs nothing.
 */
export async function signLog(
  db: Db,
  memory: SignerMemory,
  now: Date,
  options: { readonly whole?: boolean } = {},
): Promise<Signed> {
  const keys = memory.keys(now);
  const signed = await headlessOr(db, async () => {
    const wrong = options.whole === true ? await wrongAnywhere(db, memory) : undefined;
    return wrong ?? attempt(db, memory, keys, now);
  });
  await report(db, keys, signed, now);
  return signed;
}

/** Without its head row the log has no size that could be signed. */
const headlessOr = async (db: Db, sign: () => Promise<Signed>): Promise<Signed> =>
  (await findHead(db)) === undefined ? refuse(12, 'log_head 的那一行不见了 (the row of log_head is gone)') : sign();

async function attempt(db: Db, memory: SignerMemory, keys: readonly NoteSigner[], now: Date): Promise<Signed> {
  const [key] = keys;
  if (key === undefined) return refuse(10, '没有有效的签名密钥 (no key is valid now)');
  const last = lastOf(memory, key.name);
  if ('wrong' in last) return refuse(10, `签名进程自己的检查点无效：${last.wrong} (its own last checkpoint is bad)`);
  const head = await readHead(db);
  if (head.logNo !== numberOf(key.name)) {
    const reason = `数据库在第 ${head.logNo} 本日志，密钥属于第 ${numberOf(key.name)} 本 (the database is at log ${head.logNo}, the key belongs to another)`;
    return refuse(11, reason);
  }
  const published = await newestCheckpoint(db);
  if (memory.last() === undefined && published?.logNo === head.logNo) {
    const reason = `已有检查点（${published.size} 条），签名进程却没有自己的记录 (checkpoints exist, but this signer remembers none: its file beside the key is gone, or the key is new)`;
    return refuse(12, reason);
  }
  try {
    const found = await examine(db, head, last, key.name);
    if ('outcome' in found) return found;
    return await sign(db, memory, keys, { checkpoint: found, logNo: head.logNo, now });
  } catch (error) {
    if (error instanceof HubError && error.code === 'LOG_BROKEN') return refuse(12, error.message);
    throw error;
  }
}

/** Old entries too: an edit far back shows in no new root while tiles and head stay as they were. */
async function wrongAnywhere(db: Db, memory: SignerMemory): Promise<Signed | undefined> {
  const findings = openFindings();
  // Logs of before a restart were signed by keys that this signer no longer has; its own log begins with their last head.
  await verifyEntries(db, findings, [...memory.known()], { currentOnly: true });
  const [first] = findings.list.filter(({ code }) => code === exitCodeOf(findings.list));
  if (first === undefined) return undefined;
  return refuse(first.code, `${first.where}：${first.zh} (${first.en})`);
}

const refuse = (code: Refusal['code'], reason: string): Signed => ({ outcome: 'refused', refusal: { code, reason } });

function lastOf(memory: SignerMemory, origin: string): Checkpoint | { readonly wrong: string } {
  const note = memory.last();
  return note === undefined ? { origin, size: 0, root: EMPTY_ROOT } : openCheckpoint(note, memory.known());
}

/** `…/delivery-log-2` is log 2. */
export const numberOf = (origin: string): number => Number(/-(\d+)$/.exec(origin)?.[1] ?? 1);

/** Origin of the log after this one. */
export const nextOrigin = (origin: string): string => `${origin.replace(/-\d+$/, '')}-${numberOf(origin) + 1}`;

/** The checkpoint to sign, or why not. */
async function examine(db: Db, head: LogHead, last: Checkpoint, origin: string): Promise<Checkpoint | Signed> {
  const { logNo, size, frontier } = head;
  if (size < last.size) {
    const reason = `数据库只有 ${size} 条，已签过 ${last.size} 条：是否恢复了旧备份，或尾部被删 (the database has ${size} entries, ${last.size} were signed: an old backup, or a tail that was cut off)`;
    return refuse(12, reason);
  }
  const tree = storedTree(db, logNo, size);
  const root = await rootAt(size, tree);
  const proof = await consistencyProof(last.size, size, tree);
  if (!verifyConsistency(last, { size, root }, proof)) {
    const reason = `前 ${last.size} 条与已签的检查点不一致 (the first ${last.size} entries are not those that were signed)`;
    return refuse(11, reason);
  }
  if (!rootOf({ size, hashes: frontier }).equals(root))
    return refuse(15, `log_head 的树根与条目不符 (the head of the database is not the root of its entries)`);
  const bad = await firstBadEntry(db, logNo, last.size, size);
  if (bad !== undefined) return refuse(15, bad);
  return size === last.size && size === 0 ? { outcome: 'idle' } : { origin, size, root };
}

const PAGE = 1000;

/** Every entry `[from, to)` hashed again from its bytes. */
async function firstBadEntry(db: Db, logNo: number, from: number, to: number): Promise<string | undefined> {
  for (let at = from; at < to; at += PAGE) {
    const rows = await readEntries(db, logNo, at, Math.min(PAGE, to - at));
    for (const { index, entry, leaf } of rows) {
      if (!leafHash(entry).equals(leaf))
        return `第 ${index} 条的内容与其哈希不符 (entry ${index} is not what its hash says)`;
      const read = readEntry(entry);
      if ('wrong' in read) return `第 ${index} 条：${read.wrong} (entry ${index} is malformed)`;
    }
  }
  return undefined;
}

/** Remembered before it is published: what anybody ever saw is never denied by this signer. */
async function sign(
  db: Db,
  memory: SignerMemory,
  keys: readonly NoteSigner[],
  { checkpoint, logNo, now }: { readonly checkpoint: Checkpoint; readonly logNo: number; readonly now: Date },
): Promise<Signed> {
  const { origin, size, root } = checkpoint;
  const published = await newestCheckpoint(db);
  if (published !== undefined && published.logNo === logNo && published.size >= size)
    return (await strangeCheckpoint(db, published, memory)) ?? { outcome: 'idle' };
  const note = signCheckpoint(checkpoint, keys);
  memory.remember(note);
  failpoint('S8-remembered');
  const row = { logNo, size, root, origin, note, signedAt: now.toISOString() };
  await inTransaction(db, (tx) => keepCheckpoint(tx, row));
  failpoint('S8-signed');
  return { outcome: 'signed', checkpoint: row };
}

/** Checkpoints that somebody else put there would keep this signer silent and pushes going. */
async function strangeCheckpoint(
  db: Db,
  { size, note }: CheckpointRow,
  memory: SignerMemory,
): Promise<Signed | undefined> {
  const opened = openCheckpoint(note, memory.known());
  if ('wrong' in opened)
    return refuse(
      10,
      `${size} 条的检查点不是本签名进程所签：${opened.wrong} (the checkpoint of ${size} entries is not its own)`,
    );
  // Another process with the same key may have signed meanwhile: asked again, the head has come as far.
  const now = (await readHead(db)).size;
  return now >= size
    ? undefined
    : refuse(12, `数据库只有 ${now} 条，检查点已有 ${size} 条 (the database has ${now} entries, a checkpoint ${size})`);
}

/** The signer's row, and an entry when its state or its keys have changed. */
async function report(db: Db, keys: readonly NoteSigner[], signed: Signed, now: Date): Promise<void> {
  const before = await readSignerStatus(db);
  const reason = signed.outcome === 'refused' ? signed.refusal.reason : null;
  const status: SignerStatus = {
    seenAt: now.toISOString(),
    state: reason === null ? 'signing' : 'refusing',
    reason,
    vkeys: keys.map(({ vkey }) => vkey),
  };
  await inTransaction(db, async (tx) => {
    await writeSignerStatus(tx, status);
    const lines = changes(before, status).map((line) => ({ actor: 'signer', ...line }));
    if (lines.length > 0) await appendLog(tx, now, lines);
  });
}

function changes(before: SignerStatus | undefined, { state, reason, vkeys }: SignerStatus) {
  const sameKeys = JSON.stringify(before?.vkeys) === JSON.stringify(vkeys);
  const started = sameKeys ? [] : [{ action: 'signer.started', detail: { vkeys } }];
  const refused = state === 'refusing' && before?.reason !== reason;
  const recovered = state === 'signing' && before?.state === 'refusing';
  return [
    ...started,
    ...(refused ? [{ action: 'signer.refused', detail: { reason } }] : []),
    ...(recovered ? [{ action: 'signer.recovered', detail: {} }] : []),
  ];
}
