import { askedToWait, causeOf, passage } from '../delivery/breaker.ts';
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
    if (passage(breaker, new Date()) === 'all') continue;
    const asked = askedToWait(breaker, new Date());
    const until = localTime(asked ?? breaker.until, timezone);
    const why = asked === undefined ? '熔断至 resting until' : '平台要求等待至 asked to wait until';
    print(`⚡ ${platform} ${why} ${until}：${plain(causeOf(breaker))}`);
  }
  const holds = await listHolds(db);
  if (holds.length > 0) print(`✋ 扣下的记录 records held: ${new Set(holds.map(({ recordId }) => recordId)).size}`);
  const orphans = await listOrphans(db);
  if (orphans.length > 0)
    print(`❓ 无主回执 receipts that belong to nothing: ${orphans.length}，见 hub log (see hub log)`);
}
