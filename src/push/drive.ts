import { setTimeout as sleep } from 'node:timers/promises';
import { isFinal } from '../delivery/delivery-state.ts';
import { HubError } from '../errors.ts';
import type { OutgoingBatch } from '../platform.ts';
import { type BatchRow, partsOf, readBatch } from '../store/outbox.ts';
import { askObstacle, obstacle } from './guard.ts';
import { isToSend, type Progress, type Push, stopFor } from './push-context.ts';
import { isHeld, recut } from './recut.ts';
import { advance, mayResend } from './send.ts';

/** How often a run asks or sends one batch again before it leaves it to the next run. */
const STEPS = 6;
/** ms that a run waits for the next try of a batch; longer waits are left to the next run. */
const PATIENCE_MS = 5000;

/** Sends a batch and follows it until it is settled, held, received, or this run can do no more for it. */
export async function drive(
  batch: BatchRow,
  outgoing: OutgoingBatch | undefined,
  context: Push,
  progress: Progress,
): Promise<void> {
  let now = batch;
  let sealed = outgoing;
  let tried = false;
  for (let step = 0; step < STEPS; step += 1) {
    if (!(await mayGoOn(now, step, sealed !== undefined, context, progress))) break;
    const asked = now.state === 'UNKNOWN';
    now = await advance(now, context, sealed);
    sealed = undefined;
    tried = true;
    // What certainly did not arrive is tried again by the next run, in its retry window.
    if (isAtRest(now, context) || (now.state === 'RETRY_WAIT' && !asked)) break;
  }
  progress.counts.batches += 1;
  if (isToSend(now)) now = await readBatch(context.db, now.seq);
  if (now.state === 'SPLIT') await driveParts(now, context, progress);
  else if (tried && now.state !== 'SETTLED' && now.state !== 'RECEIVED' && !waitsForCarrier(now, context))
    progress.unsettled ??= stopReason(now);
  context.onProgress?.(progress.counts);
}

const isAtRest = (batch: BatchRow, context: Push): boolean =>
  ['SETTLED', 'SPLIT', 'HELD', 'RECEIVED'].includes(batch.state) || waitsForCarrier(batch, context);

/** False when nothing more may be done for a batch now. `fresh`: just sealed by this run. */
async function mayGoOn(
  batch: BatchRow,
  step: number,
  fresh: boolean,
  context: Push,
  progress: Progress,
): Promise<boolean> {
  if (progress.stopped !== undefined) return false;
  const sends = isToSend(batch);
  // A fresh batch too: it waited for its turn on the wire, and much may have been decided meanwhile.
  if (batch.state !== 'SENDING') stopFor(await (sends ? obstacle(context) : askObstacle(context)), progress);
  if (progress.stopped !== undefined) return false;
  const asSealed = fresh && context.guard.held.size === 0;
  if (sends && !asSealed && ((await recut(batch, context)) || (await isHeld(batch, context)))) return false;
  if (sends && !mayResend(batch, context)) return false;
  // Much may be decided while it rests.
  return step === 0 || ((await rest(batch, context)) && progress.stopped === undefined);
}

/** Waits until the batch's next try, if that is soon. */
async function rest({ nextAt }: BatchRow, { now, signal }: Push): Promise<boolean> {
  const ms = nextAt === null ? 0 : Date.parse(nextAt) - now().getTime();
  if (ms > PATIENCE_MS) return false;
  if (ms > 0) await sleep(ms, undefined, { signal });
  return true;
}

/** It lies ready for people or a medium to carry it: nothing failed, nothing to ask again now. */
const waitsForCarrier = ({ state }: BatchRow, { platform }: Push): boolean =>
  platform.carried === true && state === 'UNKNOWN';

async function driveParts(parent: BatchRow, context: Push, progress: Progress): Promise<void> {
  for (const part of await partsOf(context.db, parent)) {
    if (progress.stopped === undefined && !isFinal(part.state)) await drive(part, undefined, context, progress);
  }
}

function stopReason(batch: BatchRow): HubError {
  const why = batch.reason ?? batch.state;
  if (batch.state === 'HELD') {
    return new HubError('BATCH_HELD', `批次 ${batch.id} 已暂停，等待人工处理：${why} (held for a person)`, {
      remedy: 'ask-platform',
      fix: `请与接收平台 ${batch.platform} 核对该批次，查看 hub batches ${batch.id}，再用 hub batches release 或 close 决定 (clear this batch with the platform, then release or close it)`,
    });
  }
  return new HubError('PLATFORM_UNSETTLED', `批次 ${batch.id} 未有结果：${why} (batch ${batch.state})`, {
    remedy: 'retry',
    fix: '无需重发：下次运行会先查询再续报；若持续失败请检查平台地址、口令和网络 (the next run asks first, then goes on; if it keeps failing, check address, token and network)',
  });
}
