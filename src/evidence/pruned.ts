import type { Reader } from '../store/database.ts';
import { instantOf, type LogHead, newestPruning } from '../store/log-tree.ts';
import { readEntry } from './entry.ts';
import type { Findings } from './findings.ts';

/** Place below which the log itself says that bodies were pruned; 0 where it says nothing of it. */
export async function prunedBelow(db: Reader, logNo: number): Promise<number> {
  const bytes = await newestPruning(db, logNo);
  const read = bytes === undefined ? undefined : readEntry(bytes);
  return read === undefined || 'wrong' in read ? 0 : Number(read.entry.evidence['below'] ?? 0);
}

/** Bodies may only be missing where an entry of the log says that they were pruned. */
export async function checkPruned(db: Reader, head: LogHead, findings: Findings): Promise<void> {
  if (head.minimumIndex <= (await prunedBelow(db, head.logNo))) return;
  findings.add({
    code: 12,
    where: 'log_head',
    zh: `第 ${head.minimumIndex} 条之前没有正文，日志中却没有 log.pruned 条目为据`,
    en: `entries below ${head.minimumIndex} have no body, and no log.pruned entry says why`,
  });
}

/** An entry has its place within this time, else pushes stop (docs/signer.md). */
const PLACED_WITHIN_MS = 4 * 3_600_000;

/** Instant before which entries may have been pruned; undefined where none were. */
export async function prunedBefore(db: Reader, head: LogHead): Promise<Date | undefined> {
  for (let logNo = head.logNo; logNo > 0; logNo -= 1) {
    const below = logNo === head.logNo ? head.minimumIndex : await prunedBelow(db, logNo);
    const at = below === 0 ? undefined : await instantOf(db, logNo, below);
    if (at !== undefined) return new Date(Date.parse(at) + PLACED_WITHIN_MS);
  }
  return undefined;
}
