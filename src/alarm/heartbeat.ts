import type { Hub } from '../hub-context.ts';
import { schedulerSilence } from '../store/alarm-signs.ts';
import { MINUTE } from './check.ts';
import { once } from './webhook-channel.ts';

const EVERY_MS = 5 * MINUTE;

/** A scheduler that has not stirred for this long is dead or stuck. */
export const SILENT_MS = 10 * MINUTE;

/**
 * Dead man's switch: calls HUB_HEARTBEAT_URL every five minutes, but only while the round before it went well and the scheduler stirs.
 * Whoever watches that address notices a hub that cannot tell any more.
 */
export async function beat(
  hub: Hub,
  memory: { beatAt: number },
  well: boolean,
): Promise<'beat' | 'ill' | 'not-yet' | 'failed'> {
  const { heartbeatUrl } = hub.settings.alarm;
  const now = hub.now().getTime();
  const early = now >= memory.beatAt && now - memory.beatAt < EVERY_MS;
  if (heartbeatUrl === undefined || early) return 'not-yet';
  const silent = await schedulerSilence(hub.db, hub.now());
  if (!well || (silent !== undefined && silent > SILENT_MS)) return 'ill';
  memory.beatAt = now;
  const exchange = await once(heartbeatUrl, { method: 'GET' });
  const good = exchange.outcome === 'answer' && exchange.status >= 200 && exchange.status < 300;
  if (!good)
    hub.trace.warn('heartbeat-failed', {
      reason: exchange.outcome === 'failure' ? exchange.reason : `${exchange.status}`,
    });
  return good ? 'beat' : 'failed';
}
