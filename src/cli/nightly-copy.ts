import { setTimeout as sleep } from 'node:timers/promises';
import { copyIfMissing } from '../audit/nightly.ts';
import type { Hub } from '../hub-context.ts';
import { localTime } from './print.ts';

const LOOK_MS = 60_000;
/** After a failure the far end gets time to come back. */
const AGAIN_MS = 30 * 60_000;

/** Once a night, from HUB_BACKUP_AT on, until the copy of the day is over there; what lies there tells, not this process. */
export async function keepCopies(hub: Hub, signal: AbortSignal): Promise<void> {
  const { settings, now, trace, localDate, db } = hub;
  const { backup: to, databaseUrl, hubId, dataDir, timezone } = settings;
  if (to === undefined) return;
  const context = { db, databaseUrl, hubId, actor: 'scheduler', now, settings: to, dataDir, localDate, signal };
  let doneFor = '';
  while (!signal.aborted) {
    const [day = '', time = ''] = localTime(now(), timezone).split(' ');
    const due = time >= to.at && doneFor !== day;
    const good = due && (await copyIfMissing(context, trace));
    if (good) doneFor = day;
    await sleep(due && !good ? AGAIN_MS : LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
