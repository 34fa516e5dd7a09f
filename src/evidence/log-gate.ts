import { setTimeout as sleep } from 'node:timers/promises';
import { HubError } from '../errors.ts';
import { newestCheckpoint, readSignerStatus } from '../store/checkpoints.ts';
import type { Db } from '../store/database.ts';
import { instantOf, logBegan, oldestPending, readHead } from '../store/log-tree.ts';
import { readEntry } from './entry.ts';
import { sequenceAll } from './sequencer.ts';

/** Grace while the log cannot be sequenced or signed, ms (4 h): afterwards nothing is pushed. */
const GRACE_MS = 14_400_000;

/** How often the database is asked, and how long a stale log is given to recover by itself, ms. */
const ASK_EVERY_MS = 5000;
const PATIENCE_MS = 10_000;

const passed = new WeakMap<Db, number>();

/**
 * No log, no message: throws LOG_UNSEQUENCED, LOG_UNSIGNED or LOG_REFUSED before anything is sealed or sent when entries have
 * waited four hours for their place or their signature, or the signer refuses the database. Passes again by itself.
 */
export async function requireLog(db: Db, now: () => Date, patienceMs = PATIENCE_MS): Promise<void> {
  const askedAt = passed.get(db);
  if (askedAt !== undefined && performance.now() - askedAt < ASK_EVERY_MS) return;
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const trouble = await troubleOf(db, now());
    if (trouble === undefined) break;
    if (trouble.code === 'LOG_REFUSED' || performance.now() >= giveUpAt) throw trouble;
    await sleep(500);
  }
  passed.set(db, performance.now());
}

/** Why nothing may be pushed now; undefined where the log is sound. */
async function troubleOf(db: Db, now: Date): Promise<HubError | undefined> {
  const status = await readSignerStatus(db);
  if (status?.state === 'refusing') return refused(status.reason ?? '');
  if ((await waitingMs(db, now)) > GRACE_MS && !(await sequenceAll(db))) return unsequenced;
  if ((await unsignedMs(db, now)) > GRACE_MS) return unsigned(status === undefined);
  return undefined;
}

/** Age of the oldest entry that has no place yet. */
export async function waitingMs(db: Db, now: Date): Promise<number> {
  const row = await oldestPending(db);
  const read = row === undefined ? undefined : readEntry(row.entry);
  return read === undefined || 'wrong' in read ? 0 : now.getTime() - Date.parse(read.entry.t);
}

/** How long the oldest entry without signature has been without. */
export async function unsignedMs(db: Db, now: Date): Promise<number> {
  const [head, signed] = [await readHead(db), await newestCheckpoint(db)];
  const covered = signed?.logNo === head.logNo ? signed.size : 0;
  if (head.size <= covered) return 0;
  const instant = await instantOf(db, head.logNo, covered);
  // An entry that is gone was not put there a moment ago: pushes stop rather than trust it.
  const at = instant === undefined ? (await logBegan(db)).getTime() : Date.parse(instant);
  // Entries older than the log itself came from the plain log of before: nobody could have signed them.
  const since = signed === undefined ? Math.max(at, (await logBegan(db)).getTime()) : at;
  return now.getTime() - since;
}

const unsequenced = new HubError(
  'LOG_UNSEQUENCED',
  '报送日志 4 小时未能写入，已停止报送 (the log could not be written for 4 hours; nothing is pushed)',
  {
    remedy: 'retry',
    fix: '检查 hub serve 是否在运行、磁盘是否已满；恢复后自动继续 (is hub serve running, is the disk full? it goes on by itself)',
  },
);

const unsigned = (never: boolean): HubError =>
  new HubError(
    'LOG_UNSIGNED',
    '报送日志 4 小时未签名，已停止报送 (the log was not signed for 4 hours; nothing is pushed)',
    {
      remedy: 'retry',
      fix: never
        ? '尚无签名进程：运行 hub signer init，再以 pm2 启动 zhengxin-signer；签名后自动继续 (there is no signer yet: hub signer init, then start zhengxin-signer under pm2; it goes on by itself)'
        : '检查签名进程 zhengxin-signer（hub signer）是否在运行；签名后自动继续 (is the signer running? it goes on by itself once it signs)',
    },
  );

const refused = (reason: string): HubError =>
  new HubError('LOG_REFUSED', `签名进程拒绝签名，已停止报送：${reason} (the signer refuses; nothing is pushed)`, {
    remedy: 'give-up',
    fix: '请勿修改数据库；运行 hub log verify，按事故处理，确认后在签名主机运行 hub signer restart-log (leave the database as it is; hub log verify, treat it as an incident, then hub signer restart-log)',
  });
