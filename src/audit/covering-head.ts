import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import { readEntry } from '../evidence/entry.ts';
import type { Reader } from '../store/database.ts';
import {
  allBatches,
  type CheckpointRow,
  entriesOfBatch,
  logsOfBatches,
  newestCheckpoint,
  type PackBatchRow,
} from '../store/evidence-rows.ts';
import { readHead } from '../store/log-tree.ts';
import type { PackScope, ResolvedScope } from './pack-scope.ts';

export type PackHead = CheckpointRow;

interface Covering {
  readonly db: Reader;
  readonly signal: AbortSignal;
  /** How long the signer may take, ms. */
  readonly waitMs: number;
}

const LOOK_AGAIN_MS = 500;

/**
 * The newest signed head of the log in which the batches of a scope stand; waits for the signer until it covers all of
 * them. Throws HubError LOG_UNSIGNED.
 */
export async function coveringHead(scope: ResolvedScope, context: Covering): Promise<PackHead> {
  const { db, signal, waitMs } = context;
  const ids = scope.batches.map(({ id }) => id);
  const logNo = Math.max((await newestLog(db, ids)) ?? (await readHead(db)).logNo);
  const needed = await lastIndex(db, logNo, ids);
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    const head = await newestCheckpoint(db, logNo);
    if (head !== undefined && head.size > needed) return head;
    if (performance.now() >= giveUpAt) throw unsigned(scope, head?.size ?? 0, needed);
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}

const AT_ONCE = 500;

async function newestLog(db: Reader, ids: readonly string[]): Promise<number | undefined> {
  const logs: number[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE)
    logs.push(...(await logsOfBatches(db, ids.slice(from, from + AT_ONCE))));
  return logs.length === 0 ? undefined : Math.max(...logs);
}

/** Place of the last entry of these batches; -1 where there is none. */
async function lastIndex(db: Reader, logNo: number, ids: readonly string[]): Promise<number> {
  let last = -1;
  for (const id of ids) last = Math.max(last, (await entriesOfBatch(db, logNo, id)).at(-1)?.index ?? -1);
  return last;
}

const unsigned = ({ kind, value }: PackScope, size: number, needed: number): HubError =>
  new HubError(
    'LOG_UNSIGNED',
    `日志签名到第 ${size} 条，${kind} ${value} 需要到第 ${needed + 1} 条 (the log is signed up to ${size} entries, the pack needs ${needed + 1})`,
    {
      remedy: 'retry',
      fix: '确认 hub signer 正在运行（每分钟签一次），然后重试；hub log head 可查看 (see that hub signer runs, it signs each minute, then try again)',
    },
  );

/** A pack of the whole log has every batch that its head covers, and so those that were sealed while the signer was waited for. */
export async function withSealedMeanwhile(db: Reader, scope: ResolvedScope, head: PackHead): Promise<ResolvedScope> {
  if (scope.kind !== 'log') return scope;
  const known = new Set(scope.batches.map(({ id }) => id));
  const batches: PackBatchRow[] = [];
  for (const batch of await allBatches(db))
    if (known.has(batch.id) || (await isCovered(db, batch, head))) batches.push(batch);
  return { ...scope, batches };
}

async function isCovered(db: Reader, { id }: PackBatchRow, { logNo, size }: PackHead): Promise<boolean> {
  const [first] = await entriesOfBatch(db, logNo, id);
  return first !== undefined && first.index < size;
}

/**
 * Batches whose story begins in the log as it now is; the others were pruned, or began before a restart. A pack of the whole log
 * leaves those to the archive. Throws HubError PACK_PRUNED where a pack is about them.
 */
export async function stillLogged(db: Reader, scope: ResolvedScope, { logNo }: PackHead): Promise<ResolvedScope> {
  const { minimumIndex } = await readHead(db);
  if (minimumIndex === 0 && logNo === 1) return scope;
  const kept: PackBatchRow[] = [];
  for (const batch of scope.batches) if (await beginsIn(db, logNo, batch.id)) kept.push(batch);
  if (kept.length < scope.batches.length && scope.kind !== 'log') throw pruned(scope);
  return { ...scope, batches: kept };
}

async function beginsIn(db: Reader, logNo: number, batchId: string): Promise<boolean> {
  const [first] = await entriesOfBatch(db, logNo, batchId);
  const read = first === undefined ? undefined : readEntry(first.entry);
  return read !== undefined && 'entry' in read && read.entry.action === 'batch.sealed';
}

const pruned = ({ kind, value }: PackScope): HubError =>
  new HubError('PACK_PRUNED', `${kind} ${value} 的日志条目已归档裁剪 (its log entries were archived and pruned)`, {
    remedy: 'give-up',
    fix: '证据在归档包里：hub log --json 中 log.pruned 条目载有归档的 SHA-256 (the proof is in the archive; the log.pruned entry holds its SHA-256)',
  });
