import { type Breaker, causeOf, passage, restOf } from '../delivery/breaker.ts';
import { listBreakers } from '../store/breakers.ts';
import type { Db } from '../store/database.ts';
import { listOrphans } from '../store/receipts.ts';
import { listHolds, listPauses } from '../store/stops.ts';
import { localTime, plain, print } from './print.ts';

/** What stands in the way of deliveries now, a line each; nothing where nothing does. */
export async function printStops(db: Db, timezone: string): Promise<void> {
  for (const { platform, kind, actor, at, reason } of await listPauses(db)) {
    const why = kind === 'poison' ? '退回过多 too many refusals' : plain(actor);
    print(`⏸ ${platform} 已暂停 paused  ${localTime(at, timezone)}  ${why}：${plain(reason)}`);
  }
  for (const [platform, breaker] of await listBreakers(db)) {
    const said = breakerText(breaker, new Date(), timezone);
    if (said !== undefined) print(`⚡ ${platform} ${said}：${plain(causeOf(breaker))}`);
  }
  const holds = await listHolds(db);
  if (holds.length > 0) print(`✋ 扣下的记录 records held: ${new Set(holds.map(({ recordId }) => recordId)).size}`);
  const orphans = await listOrphans(db);
  if (orphans.length > 0)
    print(`❓ 无主回执 receipts that belong to nothing: ${orphans.length}，见 hub log (see hub log)`);
}

/** Undefined where everything may leave. */
export function breakerText(breaker: Breaker, now: Date, timezone: string): string | undefined {
  const rest = restOf(breaker, now);
  if (rest !== undefined) {
    const why = rest.asked ? '平台要求等待至 asked to wait until' : '熔断至 resting until';
    return `${why} ${localTime(rest.until, timezone)}`;
  }
  return passage(breaker, now) === 'all' ? undefined : '熔断期满，下次先试发一批 rested; one batch is tried next';
}
