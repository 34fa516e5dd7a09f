import { causeOf } from '../delivery/breaker.ts';
import { maskPersonalData } from '../rules/personal-data.ts';
import {
  contradictedTickets,
  openBreakers,
  poisonPauses,
  recentOrphans,
  recentStrayNotices,
} from '../store/alarm-signs.ts';
import { type Check, DAY, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/** What the delivery protocol noticed about a platform: breaker open, stopped for poison, receipts that belong to nothing or contradict. */
export const platformCheck: Check = {
  name: 'platforms',
  kinds: ['breaker', 'pause', 'receipt', 'conflict'],
  everyMs: MINUTE,
  look: async ({ hub: { db, now } }) => [
    ...(await openBreakers(db)).map((row) => breaker(row.platform, causeOf(row), row.since)),
    ...(await poisonPauses(db)).map(({ platform, period, since }) => poison(platform, period, since)),
    ...(await recentOrphans(db, new Date(now().getTime() - DAY))).map(({ platform, n, oldest }) =>
      orphan(platform, n, oldest),
    ),
    ...(await recentStrayNotices(db, new Date(now().getTime() - DAY))).map(({ platform, n, oldest }) =>
      strayNotice(platform, n, oldest),
    ),
    ...(await contradictedTickets(db)).map(({ platform, n, oldest }) => conflict(platform, n, oldest)),
  ],
};

/** The reason may repeat words of the far end: masked, and cut. */
const breaker = (platform: string, cause: string, since: string): Finding => ({
  subject: `breaker:${platform}`,
  kind: 'breaker',
  level: 'urgent',
  zh: `平台 ${platform} 连续失败，已暂停发送，程序会定时试探${cause === '' ? '' : `：${maskPersonalData(cause).slice(0, 240)}`}`,
  en: `platform ${platform} keeps failing; sending rests and the hub probes it by itself`,
  fixZh: '检查网络、证书、令牌，或联系平台；恢复后自动继续，不会丢失',
  fixEn: 'look at network, certificate and token, or ask the platform; it goes on by itself and nothing is lost',
  command: `hub batches --platform ${platform}`,
  since,
});

const poison = (platform: string, period: string | null, since: string): Finding => ({
  subject: `pause:${platform}`,
  kind: 'pause',
  level: 'urgent',
  exhausted: true,
  zh: `平台 ${platform} 退回过多，${period ?? '本期'} 已整体暂停：多半是版式或映射变了，不是数据有误`,
  en: `platform ${platform} refused so many records that period ${period ?? ''} waits: probably the layout changed, not the data`,
  fixZh: '与平台核对版式，改正映射后恢复',
  fixEn: 'clear the layout with the platform, mend the mapping, then resume',
  command: `hub resume --platform ${platform} --reason 原因`,
  since,
});

const orphan = (platform: string, n: number, since: string): Finding => ({
  subject: `receipt:${platform}`,
  kind: 'receipt',
  level: 'warning',
  quietEnd: true,
  zh: `平台 ${platform} 发来 ${n} 份对不上号的回执，未改变任何状态`,
  en: `platform ${platform} sent ${n} receipts that belong to nothing of ours; no state was changed`,
  fixZh: '与平台核对是否发错了对象，或是否另有系统在报送',
  fixEn: 'ask the platform whether they were meant for somebody else, or whether another system reports as well',
  command: 'hub log',
  since,
});

const strayNotice = (platform: string, n: number, since: string): Finding => ({
  subject: `notice:${platform}`,
  kind: 'receipt',
  level: 'warning',
  quietEnd: true,
  zh: `平台 ${platform} 有 ${n} 份信用修复通知对不上记录或读不懂，没有据此撤下任何记录`,
  en: `${n} repair notices of ${platform} fit no record or cannot be read; nothing was withdrawn for them`,
  fixZh: '在日志中查看 notice.unmatched、notice.unreadable，与平台核对后用 hub repair 登记',
  fixEn:
    'see notice.unmatched and notice.unreadable in the log, clear them with the platform, enter what was meant by hub repair',
  command: 'hub log',
  since,
});

const conflict = (platform: string, n: number, since: string): Finding => ({
  subject: `conflict:${platform}`,
  kind: 'conflict',
  level: 'urgent',
  exhausted: true,
  zh: `平台 ${platform} 有 ${n} 条前后答复矛盾，须人工核对`,
  en: `${n} records at ${platform} have answers that contradict each other; a person must clear them`,
  fixZh: '与平台核对它实际持有的内容，再决定重报或撤回',
  fixEn: 'find out from the platform what it holds, then send again or withdraw',
  command: `hub quarantine list`,
  since,
});
