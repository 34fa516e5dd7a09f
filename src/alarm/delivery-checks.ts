import { heldBatches, type PlatformCount, unsettledBatches } from '../store/alarm-signs.ts';
import { type Check, HOUR, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/** Batches that wait for a person, and the age of the oldest that has no end yet. */
export const deliveryCheck: Check = {
  name: 'deliveries',
  kinds: ['batch', 'delivery'],
  everyMs: MINUTE,
  look: async ({ hub }) => [
    ...(await heldBatches(hub.db)).map(held),
    ...(await unsettledBatches(hub.db)).flatMap((row) => old(row, hub.now())),
  ],
};

const held = ({ platform, n, oldest }: PlatformCount): Finding => ({
  subject: `batch:${platform}`,
  kind: 'batch',
  level: 'urgent',
  exhausted: true,
  zh: `平台 ${platform} 有 ${n} 个批次等待人工处理`,
  en: `${n} batches for ${platform} are held for a person`,
  fixZh: '查看原因，与平台核对后放行；不要手工重报',
  fixEn: 'see why, clear it with the platform, then release them; never report by hand',
  command: `hub batches --platform ${platform}`,
  since: oldest,
});

const OLD_MS = 48 * HOUR;

function old({ platform, n, oldest }: PlatformCount, now: Date): Finding[] {
  const hours = Math.floor((now.getTime() - Date.parse(oldest)) / HOUR);
  if (hours * HOUR < OLD_MS) return [];
  return [
    {
      subject: `delivery:${platform}`,
      kind: 'delivery',
      level: 'urgent',
      zh: `平台 ${platform} 有 ${n} 个批次尚无结果，最早的已 ${Math.floor(hours / 24)} 天`,
      en: `${n} batches for ${platform} have no outcome yet, the oldest for ${Math.floor(hours / 24)} days`,
      fixZh: '查看批次状态，向平台催要回执或排查网络；程序会继续自动查询',
      fixEn:
        'see the batches, ask the platform for its receipt or look at the network; the hub goes on asking by itself',
      command: `hub batches --platform ${platform}`,
      since: oldest,
    },
  ];
}
