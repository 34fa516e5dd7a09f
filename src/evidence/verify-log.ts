import { newestCheckpoint, readSignerStatus } from '../store/checkpoints.ts';
import type { Reader } from '../store/database.ts';
import { findHead, type LogHead } from '../store/log-tree.ts';
import { headOfEntries } from '../store/log-walk.ts';
import { openCheckpoint } from './checkpoint.ts';
import { exitCodeOf, type Finding, type Findings, openFindings } from './findings.ts';
import { rootOf } from './merkle.ts';
import { type NoteKey, readVkey } from './note.ts';
import { rootAt } from './proof.ts';
import { checkPruned, prunedBefore } from './pruned.ts';
import { replayBatches } from './replay.ts';
import { storedTree } from './tree.ts';
import { verifyEntries } from './verify-entries.ts';

export interface VerifyOptions {
  readonly now: Date;
  /** Keys that are trusted; empty: those that the database itself names, which proves less. */
  readonly keys: readonly NoteKey[];
  /** A head that an auditor kept, whole signed note. */
  readonly against?: string;
}

export interface Verified {
  readonly exitCode: number;
  readonly findings: readonly Finding[];
  /** Findings that are not listed. */
  readonly more: number;
  readonly origin: string | null;
  readonly size: number;
  /** Base64. */
  readonly root: string;
  /** Size that the newest checkpoint covers. */
  readonly signedSize: number;
  readonly keysFrom: 'given' | 'database' | 'none';
  readonly counts: {
    readonly entries: number;
    readonly tiles: number;
    readonly checkpoints: number;
    readonly batches: number;
    readonly members: number;
    /** Requests and reasons whose salt was destroyed. */
    readonly undisclosed: number;
  };
  readonly entriesPerSecond: number;
}

const headGone: Finding = { code: 12, where: 'log_head', zh: '那一行不见了', en: 'its row is gone' };

/** A checkpoint older than this is stale (docs/evidence-format.md §9). */
const FRESH_MS = 8 * 86_400_000;

/**
 * Everything recomputed from the entries: places, leaf hashes, lookup columns, tiles, head, every checkpoint of every log of
 * this database, a head that somebody kept, and the states that the entries tell of. Reads in pages; memory stays flat.
 */
export async function verifyLog(db: Reader, options: VerifyOptions): Promise<Verified> {
  const findings = openFindings();
  const found = await findHead(db);
  if (found === undefined) findings.add(headGone);
  const head = found ?? (await headOfEntries(db));
  const keys = await trusted(db, options.keys);
  const started = performance.now();
  const { range, ...counts } = await verifyEntries(db, findings, keys, {
    believeLog: options.keys.length === 0,
    head,
    headGone: found === undefined,
  });
  const seconds = (performance.now() - started) / 1000;
  await checkAgainst(db, head, { ...options, keys, findings });
  const signed = await newestCheckpoint(db);
  checkFreshness(head, signed, { now: options.now, findings });
  if (head.size > 0 && signed === undefined) await checkUnsigned(db, findings);
  await checkPruned(db, head, findings);
  const replayed = await replayBatches(db, findings, await prunedBefore(db, head));
  return {
    exitCode: exitCodeOf(findings.list),
    findings: findings.list,
    more: findings.more(),
    origin: signed?.origin ?? null,
    size: head.size,
    root: rootOf(range).toString('base64'),
    signedSize: signed?.logNo === head.logNo ? signed.size : 0,
    keysFrom: options.keys.length > 0 ? 'given' : keys.length > 0 ? 'database' : 'none',
    counts: { ...counts, ...replayed, undisclosed: counts.undisclosed + replayed.undisclosed },
    entriesPerSecond: Math.round(counts.entries / Math.max(seconds, 0.001)),
  };
}

/** What the signer says of itself, where nobody brought a key: good against mistakes, not against whoever owns the database. */
async function trusted(db: Reader, given: readonly NoteKey[]): Promise<NoteKey[]> {
  if (given.length > 0) return [...given];
  const status = await readSignerStatus(db);
  return (status?.vkeys ?? []).map(readVkey).filter((key) => key !== undefined);
}

async function checkAgainst(
  db: Reader,
  head: LogHead,
  { against, keys, findings }: VerifyOptions & { readonly findings: Findings },
): Promise<void> {
  if (against === undefined) return;
  const where = 'saved head';
  const saved = openCheckpoint(against, keys);
  if ('wrong' in saved) {
    findings.add({
      code: 10,
      where,
      zh: `留存的检查点无效：${saved.wrong}`,
      en: `the saved head is bad: ${saved.wrong}`,
    });
    return;
  }
  const newest = await newestCheckpoint(db);
  if (newest !== undefined && newest.origin !== saved.origin) {
    const said = `${saved.origin} ≠ ${newest.origin}`;
    findings.add({
      code: 11,
      where,
      zh: `留存的检查点属于另一本日志：${said}`,
      en: `it belongs to another log: ${said}`,
    });
    return;
  }
  if (saved.size > head.size) {
    const [zh, en] = [
      `留存时有 ${saved.size} 条，现有 ${head.size} 条`,
      `${saved.size} entries then, ${head.size} now`,
    ];
    findings.add({ code: 12, where, zh, en });
    return;
  }
  const root = await rootAt(saved.size, storedTree(db, head.logNo, head.size)).catch(() => undefined);
  if (root?.equals(saved.root)) return;
  findings.add({
    code: 11,
    where,
    zh: `前 ${saved.size} 条已不是留存时的内容：历史被改写`,
    en: `the first ${saved.size} entries are not those of then: history was rewritten`,
  });
}

function checkFreshness(
  head: LogHead,
  signed: Awaited<ReturnType<typeof newestCheckpoint>>,
  { now, findings }: { readonly now: Date; readonly findings: Findings },
): void {
  if (head.size === 0 || signed === undefined) return;
  const age = now.getTime() - Date.parse(signed.signedAt);
  if (age <= FRESH_MS) return;
  const days = Math.floor(age / 86_400_000);
  findings.add({
    code: 13,
    where: `checkpoints ${signed.logNo}/${signed.size}`,
    zh: `最新检查点已有 ${days} 天`,
    en: `the newest checkpoint is ${days} days old`,
  });
}

/** A signer was at work here, and nothing that it signed is left. */
async function checkUnsigned(db: Reader, findings: Findings): Promise<void> {
  const signer = await readSignerStatus(db);
  if (signer === undefined) return;
  findings.add({
    code: 12,
    where: 'checkpoints',
    zh: `一个检查点也没有，而签名进程 ${signer.seenAt} 还在工作`,
    en: `there is no checkpoint at all, though the signer was at work at ${signer.seenAt}`,
  });
}
