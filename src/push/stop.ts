import { localText } from '../calendar/local-time.ts';
import { askedToWait, CLOSED } from '../delivery/breaker.ts';
import { HubError } from '../errors.ts';
import { readBreaker, writeBreaker } from '../store/breakers.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { readRun } from '../store/runs.ts';
import {
  holdRecord,
  listPauses,
  type Pause,
  pauseOnce,
  releaseRecord,
  resumePlatform,
  stopRun,
  type Word,
} from '../store/stops.ts';
import { busyUntil } from './guard.ts';

/** A person's word, and the time zone in which the answer is told (HUB_TIMEZONE). */
export type InZone = Word & { readonly zone: string };

/** Emergency stop (delivery goes no further until a person says so); every word of a person is logged with its reason. */

/** Throws HubError PLATFORM_STOPPED where it is paused already, whoever did it. */
export async function pause(db: Db, platform: string, word: InZone): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { actor, reason, now, zone } = word;
    const [before] = await listPauses(tx, platform);
    if (before !== undefined) throw pausedBefore(before, localText(new Date(before.at), zone));
    if (!(await pauseOnce(tx, platform, { ...word, kind: 'person', period: null }))) return;
    await appendLog(tx, now, [{ actor, action: 'platform.paused', platform, detail: { reason } }]);
  });
}

/**
 * Ends every pause of a platform, and its breaker begins afresh. What the platform itself asked for (Retry-After) stays: returns
 * until when, where that is still to come. Throws HubError PLATFORM_RUNNING when nothing held it up, PLATFORM_BUSY when only that does.
 */
export async function resume(db: Db, platform: string, word: InZone): Promise<string | undefined> {
  const { actor, reason, now, zone } = word;
  return inTransaction(db, async (tx) => {
    const pauses = await resumePlatform(tx, platform, word);
    const breaker = await readBreaker(tx, platform);
    const { state } = breaker;
    const until = askedToWait(breaker, now);
    if (pauses === 0 && state === 'closed')
      throw until === undefined ? notStopped(platform) : busyUntil(platform, localText(new Date(until), zone));
    if (state === 'open') await writeBreaker(tx, platform, { ...CLOSED, notBefore: until ?? null }, now);
    const detail = { reason, pauses, breaker: state, ...(until === undefined ? {} : { notBefore: until }) };
    await appendLog(tx, now, [{ actor, action: 'platform.resumed', platform, detail }]);
    return until;
  });
}

export async function hold(db: Db, recordId: number, word: Word & { readonly platform: string | null }): Promise<void> {
  const { actor, reason, now, platform } = word;
  await inTransaction(db, async (tx) => {
    await holdRecord(tx, recordId, word);
    const at = platform === null ? {} : { platform };
    await appendLog(tx, now, [{ actor, action: 'record.held', ...at, recordId, detail: { reason } }]);
  });
}

/** Throws HubError RECORD_FREE when nobody held it. */
export async function release(db: Db, recordId: number, word: Word): Promise<void> {
  const { actor, reason, now } = word;
  await inTransaction(db, async (tx) => {
    const holds = await releaseRecord(tx, recordId, word);
    if (holds === 0) throw notHeld();
    await appendLog(tx, now, [{ actor, action: 'record.released', recordId, detail: { reason, holds } }]);
  });
}

/** A run that is under way ends before its next batch or page. Throws HubError RUN_UNKNOWN, RUN_OVER when it is not running. */
export async function stop(db: Db, runId: number, word: Word): Promise<void> {
  const { actor, reason, now } = word;
  await inTransaction(db, async (tx) => {
    const run = await readRun(tx, runId);
    if (run === undefined) throw noRun(runId);
    if (run.state !== 'running' || !(await stopRun(tx, runId, word))) throw notRunning(runId);
    await appendLog(tx, now, [{ actor, action: 'run.stopped', runId, detail: { reason, job: run.job } }]);
  });
}

const pausedBefore = ({ platform, kind, actor, reason }: Pause, since: string): HubError =>
  new HubError(
    'PLATFORM_STOPPED',
    `接收平台 ${platform} 自 ${since} 起已${kind === 'poison' ? '因退回过多自动' : `由 ${actor} `}暂停：${reason} (paused already since then)`,
    {
      remedy: 'give-up',
      fix: `无须再停；可以继续时运行 hub resume --platform ${platform} --reason "…" (nothing to do; resume it when it may go on)`,
    },
  );

const notStopped = (platform: string): HubError =>
  new HubError('PLATFORM_RUNNING', `接收平台 ${platform} 并未暂停 (nothing holds this platform up)`, {
    remedy: 'give-up',
    fix: '用 hub batches 查看各平台与批次 (see hub batches)',
  });

const notHeld = (): HubError =>
  new HubError('RECORD_FREE', '该记录并未扣下 (nobody holds this record)', {
    remedy: 'give-up',
    fix: '用 hub ledger 查看该记录 (see hub ledger)',
  });

const noRun = (run: number): HubError =>
  new HubError('RUN_UNKNOWN', `没有运行 ${run} (there is no run ${run})`, {
    remedy: 'give-up',
    fix: '用 hub runs 查看 (see hub runs)',
  });

const notRunning = (run: number): HubError =>
  new HubError('RUN_OVER', `运行 ${run} 不在进行中，或已被停止 (this run is not under way, or is stopped already)`, {
    remedy: 'give-up',
    fix: '用 hub runs 查看 (see hub runs)',
  });
