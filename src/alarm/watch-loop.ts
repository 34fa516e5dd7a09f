import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from '../hub-context.ts';
import { reconcileWeekly } from '../reconcile/weekly.ts';
import { beat } from './heartbeat.ts';
import { newMemory, tend } from './tend.ts';

const ROUND_MS = 60_000;

/**
 * Looks, tells and beats each minute until the signal, after `before` each time; the weekly comparison runs beside it. Nothing here stops business, and
 * nothing that fails here ends the loop.
 */
export async function watchUntil(
  hub: Hub,
  signal: AbortSignal,
  before: () => Promise<void> = async () => {},
): Promise<void> {
  const memory = newMemory();
  const pulse = { beatAt: Number.NEGATIVE_INFINITY };
  let comparing: Promise<void> | undefined;
  do {
    try {
      await before();
      const { broken } = await tend(hub, memory, signal);
      await beat(hub, pulse, broken.length === 0);
      comparing ??= guarded(hub, reconcileWeekly(hub, signal), signal).finally(() => {
        comparing = undefined;
      });
    } catch (error) {
      if (!signal.aborted) hub.trace.error('alarm-round-failed', { what: 'round', error: String(error) });
    }
  } while (await rest(signal));
  await comparing;
}

const guarded = (hub: Hub, work: Promise<void>, signal: AbortSignal): Promise<void> =>
  work.catch((error: unknown) => {
    if (!signal.aborted) hub.trace.error('reconcile-failed', { error: String(error) });
  });

const rest = (signal: AbortSignal): Promise<boolean> => sleep(ROUND_MS, true, { signal }).catch(() => false);
