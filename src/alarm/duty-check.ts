import { instantAt } from '../calendar/local-time.ts';
import type { Hub } from '../hub-context.ts';
import { type OwedPeriod, overduePeriods } from '../store/alarm-signs.ts';
import { type Check, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';
import { localMinute } from './local-minute.ts';

/** A duty that is still open on the evening of its day: told at 20:00 and again at 23:30 (delivery.md §1.7). */
export const dutyCheck: Check = {
  name: 'duties',
  kinds: ['duty'],
  everyMs: MINUTE,
  look: async ({ hub }) => (await overduePeriods(hub.db, hub.now())).flatMap((period) => evening(hub, period)),
};

const EVENINGS = [
  { clock: '20:00', last: false },
  { clock: '23:30', last: true },
] as const;

function evening(hub: Hub, owed: OwedPeriod): Finding[] {
  const { timezone } = hub.settings;
  const day = hub.localDate(new Date(owed.dueAt));
  const reached = EVENINGS.filter(({ clock }) => hub.now() >= instantAt(day, clock, timezone));
  return reached.map(({ clock, last }) => finding(owed, { clock, last, due: localMinute(owed.dueAt, timezone) }));
}

const finding = (
  { platform, period, dueAt }: OwedPeriod,
  { clock, last, due }: { readonly clock: string; readonly last: boolean; readonly due: string },
): Finding => ({
  subject: `duty:${platform}:${period}:${clock}`,
  kind: 'duty',
  level: 'urgent',
  quietEnd: last,
  zh: `${period} 期应于 ${due} 前报送 ${platform}，至今未完成${last ? '（今日最后一次提醒）' : ''}`,
  en: `period ${period} was due at ${platform} by ${due} and is not done${last ? ' (last word of this day)' : ''}`,
  fixZh: '查看原因并处理；未报的会继续重试，也可手工补跑',
  fixEn: 'see the cause and mend it; the hub goes on trying, and the job can be run by hand',
  command: `hub duty --period ${period}`,
  since: dueAt,
});
