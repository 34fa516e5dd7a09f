import { passage } from '../delivery/breaker.ts';
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
    const until = localTime(breaker.notBefore ?? breaker.until, timezone);
    print(`⚡ ${platform} 熔断或被要求等待至 resting until ${until}：${plain(breaker.reason ?? '')}`);
  }
  const holds = await listHolds(db);
  if (holds.length > 0) print(`✋ 扣下的记录 records held: ${new Set(holds.map(({ recordId }) => recordId)).size}`);
  const orphans = await listOrphans(db);
  if (orphans.length > 0)
    print(`❓ 无主回执 receipts that belong to nothing: ${orphans.length}，见 hub log (see hub log)`);
}
