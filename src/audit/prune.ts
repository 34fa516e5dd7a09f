import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { secondPerson, waitingFor } from '../accounts/requests.ts';
import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { rootAt } from '../evidence/proof.ts';
import { TILE_WIDTH } from '../evidence/tile.ts';
import { storedTree } from '../evidence/tree.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { dropEntries, indexSince, type LogHead, lowestEntry, raiseMinimum, readHead } from '../store/log-tree.ts';
import { digestOf } from './backup.ts';

export interface PruneContext {
  readonly db: Db;
  readonly actor: string;
  readonly reason: string;
  readonly now: () => Date;
  /** Public keys that the archive must be signed with. */
  readonly keys: readonly string[];
}

export interface Pruned {
  /** Entries below have no body any more. */
  readonly below: number;
  readonly dropped: number;
  /** SHA-256 of the archive. */
  readonly archive: string;
}

/**
 * Drops the bodies of old entries (docs/evidence-format.md §4): only below a place that an archive, a pack of the whole log
 * that verifies now, reaches beyond, and only after a second person's yes. Tiles stay, so every proof is still possible.
 * `before`: a place, or an instant (UTC text). Throws HubError PRUNE_…, APPROVAL_OPEN.
 */
export async function prune(before: number | string, archive: string, context: PruneContext): Promise<Pruned> {
  const { db, actor: by, reason, now } = context;
  const head = await readHead(db);
  const place = typeof before === 'number' ? before : await indexSince(db, head, before);
  // A tile is the smallest piece that can stand for its entries.
  const below = Math.floor(place / TILE_WIDTH) * TILE_WIDTH;
  if (below <= head.minimumIndex) throw nothing(place, head);
  const digest = await digestOfPack(archive);
  await refuseUnsound(archive, { head, below }, context);
  const matter = { kind: 'log.prune', detail: { log: head.logNo, below, archive: digest } };
  const taken = await inTransaction(db, async (tx) => {
    const second = await secondPerson(tx, { ...matter, by, reason, now: now() });
    if ('waiting' in second) return second;
    await raiseMinimum(tx, head.logNo, below);
    const detail = { ...matter.detail, reason, request: second.approved.id };
    await appendLog(tx, now(), [{ actor: by, action: 'log.pruned', detail }]);
    return second;
  });
  if ('waiting' in taken) throw waitingFor(taken.waiting);
  return { below, dropped: await dropBelow(db, head.logNo, below), archive: digest };
}

const AT_ONCE = 1000;

/** In small steps; one that was interrupted goes on with the next pruning. */
async function dropBelow(db: Db, logNo: number, below: number): Promise<number> {
  let dropped = 0;
  for (let from = await lowestEntry(db, logNo); from < below; from += AT_ONCE) {
    const to = Math.min(from + AT_ONCE, below);
    dropped += await inTransaction(db, (tx) => dropEntries(tx, logNo, from, to));
  }
  return dropped;
}

/** Of a zip: its bytes. Of a folder: its manifest, which holds the digest of every file. */
const digestOfPack = async (archive: string): Promise<string> =>
  statSync(archive).isDirectory()
    ? sha256(readFileSync(join(archive, 'manifest.json')))
    : (await digestOf(archive)).sha256;

async function refuseUnsound(
  archive: string,
  { head, below }: { readonly head: LogHead; readonly below: number },
  { db, keys, now }: PruneContext,
): Promise<void> {
  const { code, findings, summary } = await verifyPack(archive, keys, now());
  const [first] = findings;
  if (code !== 0) throw unsound(archive, first === undefined ? `exit ${code}` : `${first.where}: ${first.said}`);
  if (!summary.complete)
    throw unsound(archive, '不是整个日志的证据包 (it is no pack of the whole log; make one with --all)');
  if (summary.from > head.minimumIndex || summary.size < below)
    throw unsound(
      archive,
      `它含第 ${summary.from} 到 ${summary.size} 条 (it holds entries ${summary.from} to ${summary.size})`,
    );
  const root = await rootAt(summary.size, storedTree(db, head.logNo, summary.size));
  if (root.toString('base64') !== summary.root) throw unsound(archive, '它是另一个日志 (it is of another log)');
}

interface Verdict {
  readonly code: number;
  readonly findings: readonly { readonly where: string; readonly said: string }[];
  readonly summary: { readonly complete: boolean; readonly from: number; readonly size: number; readonly root: string };
}

/** The auditor's own program, as a process of its own. */
function verifyPack(pack: string, keys: readonly string[], now: Date): Promise<Verdict> {
  const verifier = fileURLToPath(new URL('./verify.mjs', import.meta.url));
  const args = [
    verifier,
    pack,
    '--json',
    '--no-seen',
    '--now',
    now.toISOString(),
    ...keys.flatMap((key) => ['--key', key]),
  ];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout) as Verdict);
      else reject(unsound(pack, stderr.trim(), error));
    });
  });
}

const unsound = (archive: string, why: string, cause?: unknown): HubError =>
  new HubError('PRUNE_UNARCHIVED', `${archive} 不能作为归档：${why} (it does not do as an archive)`, {
    remedy: 'give-up',
    fix: '用 hub log export --all --out FILE.zip 做新的归档，核验后妥善保存，再裁剪 (make a new archive, keep it safe, then prune)',
    cause,
  });

const nothing = (place: number, { minimumIndex }: LogHead): HubError =>
  new HubError(
    'PRUNE_EMPTY',
    `第 ${place} 条之前没有可裁剪的整块，现已裁剪到第 ${minimumIndex} 条 (no whole tile of entries lies between ${minimumIndex} and ${place})`,
    {
      remedy: 'give-up',
      fix: '日志按 256 条一块裁剪；选更晚的位置或日期 (entries go 256 at a time: choose a later place or day)',
    },
  );
