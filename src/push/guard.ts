import { breakerAfter, causeOf, type Passage, passage, restOf, signOf } from '../delivery/breaker.ts';
import { HubError } from '../errors.ts';
import type { Answer, QueryAnswer } from '../platform.ts';
import { readBreaker, requestsLately, writeBreaker } from '../store/breakers.ts';
import type { Db, Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { pausedSince, readStops, type Stops } from '../store/stops.ts';
import type { Deliver, Guard } from './deliver.ts';

export async function openGuard(db: Db, platform: string): Promise<Guard> {
  return { breaker: await readBreaker(db, platform), held: new Set() };
}

export const passageNow = ({ guard, now }: Pick<Deliver, 'guard' | 'now'>): Passage => passage(guard.breaker, now());

/** Why nothing may be sent now, or undefined. Reads what people decided in the meantime. */
export async function obstacle(context: Deliver): Promise<HubError | undefined> {
  const { db, platformName, runId, guard } = context;
  const stops = await readStops(db, platformName, runId);
  guard.held = stops.held;
  return stopped(stops, platformName) ?? resting(context) ?? closed(context);
}

/** Why nothing may even be asked now: the run is stopped, or the breaker is open. */
export async function askObstacle(context: Deliver): Promise<HubError | undefined> {
  const { stopped: reason } = await readStops(context.db, context.platformName, context.runId);
  return reason === undefined ? resting(context) : runStopped(reason);
}

/** Records refused since then stopped the platform: then a run did not end well, even where nothing is left to send. */
export async function refusedTooMany({ db, platformName, runId }: Deliver, since: Date): Promise<HubError | undefined> {
  if (!(await pausedSince(db, platformName, since.toISOString()))) return undefined;
  return stopped(await readStops(db, platformName, runId), platformName);
}

function stopped({ paused, stopped: reason }: Stops, platform: string): HubError | undefined {
  if (reason !== undefined) return runStopped(reason);
  if (paused === undefined) return undefined;
  const resume = `hub resume --platform ${platform} --reason "…"`;
  const fix =
    paused.kind === 'poison'
      ? `用 hub quarantine list 看退回原因，与平台核对、改正映射后运行 ${resume}，再用 hub resync --platform ${platform} --failed --reason "…" 重报退回的 (see why, mend the mapping with the platform, resume it, then resync what was refused)`
      : `确认可以继续后运行 ${resume} (resume it when it may go on)`;
  return new HubError('PLATFORM_PAUSED', `接收平台 ${platform} 已暂停报送：${paused.reason} (paused)`, {
    remedy: 'give-up',
    fix,
  });
}

export const runStopped = (reason: string): HubError =>
  new HubError('RUN_STOPPED', `本次运行已被停止：${reason} (this run was stopped)`, {
    remedy: 'give-up',
    fix: '下次运行会从此处继续 (the next run goes on from here)',
  });

function resting({ guard, now, platformName, terms }: Deliver): HubError | undefined {
  const rest = restOf(guard.breaker, now());
  if (rest === undefined) return undefined;
  const until = terms.clock(new Date(rest.until));
  if (rest.asked) return busyUntil(platformName, until);
  return new HubError(
    'PLATFORM_RESTING',
    `接收平台 ${platformName} 连续失败，${until} 前不再发送：${causeOf(guard.breaker)} (breaker open)`,
    {
      remedy: 'retry',
      fix: '请检查平台地址、证书、口令与网络；到时自动试发一批，也可 hub resume 立即重试 (check address, certificate, token and network; one batch is tried by itself then)',
    },
  );
}

/** `until`: local time. Nothing is sent before the moment that the platform named (delivery.md I15), whoever wishes it. */
export const busyUntil = (platform: string, until: string): HubError =>
  new HubError('PLATFORM_BUSY', `接收平台 ${platform} 要求 ${until} 之后再来 (asked us to wait until then)`, {
    remedy: 'retry',
    fix: '到时会自动续报，无须操作；等不及请与平台联系，或先用 hub preview 看期限 (it goes on by itself then; where that is too late, ask the platform)',
  });

function closed({ terms, now, platformName }: Deliver): HubError | undefined {
  if (terms.isOpen(now())) return undefined;
  return new HubError('PLATFORM_CLOSED', `接收平台 ${platformName} 现在不在报送时段 (outside its sending window)`, {
    remedy: 'retry',
    fix: '到开放时段会自动续报；时段见作业的 platform.sendingWindow (it goes on by itself when the window opens)',
  });
}

const LONGEST_WAIT_S = 24 * 3600;

/** Takes down how a request ended, in the transaction of its outcome; a good answer on a closed breaker writes nothing. */
export async function noteAnswer(tx: Tx, answer: Answer | QueryAnswer, context: Deliver): Promise<void> {
  if (context.platform.carried) return;
  const { guard, platformName, now } = context;
  const sign = signOf(answer);
  const reason = 'reason' in answer ? answer.reason : '';
  const at = now();
  const lately = sign === 'good' ? { requests: 0, failed: 0 } : await requestsLately(tx, platformName, at);
  const moved = breakerAfter(guard.breaker, sign, { lately, now: at, reason }) ?? guard.breaker;
  const asked = 'retryAfterS' in answer ? answer.retryAfterS : undefined;
  const after = asked === undefined ? moved : { ...moved, notBefore: inSeconds(at, asked) };
  if (after === guard.breaker) return;
  await writeBreaker(tx, platformName, after, at);
  if (after.state !== guard.breaker.state || after.until !== guard.breaker.until) {
    const { state, failures, waitS } = after;
    const action = state === 'open' ? 'breaker.opened' : 'breaker.closed';
    const detail = { failures, waitS, page: sign === 'page', reason };
    await appendLog(tx, at, [{ actor: context.actor, action, platform: platformName, runId: context.runId, detail }]);
  }
  guard.breaker = after;
}

const inSeconds = (at: Date, seconds: number): string =>
  new Date(at.getTime() + Math.min(LONGEST_WAIT_S, Math.max(1, seconds)) * 1000).toISOString();
