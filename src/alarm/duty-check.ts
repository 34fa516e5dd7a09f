import { instantAt } from '../calendar/local-time.ts';
import type { Hub } from '../hub-context.ts';
import { type OwedPeriod, overduePeriods } from '../store/alarm-signs.ts';
import { type Check, type CheckContext, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';
import { localMinute } from './local-minute.ts';

/**
 * A duty that is still open on the evening of its day: told at 20:00 and again at 23:30 (delivery.md §1.7). Periods that the hub
 * was not there for are one alarm per platform, however many they are, and only where they are not made up for soon.
 */
export const dutyCheck: Check = {
  name: 'duties',
  kinds: ['duty'],
  everyMs: MINUTE,
  look: async (context) => {
    const now = context.hub.now();
    const owed = await overduePeriods(context.hub.db, now);
    const missed = Map.groupBy(
      owed.filter(({ backfilled, createdAt }) => backfilled && now.getTime() - Date.parse(createdAt) >= CATCH_UP_MS),
      ({ platform }) => platform,
    );
    return [
      ...owed.filter(({ backfilled }) => !backfilled).flatMap((period) => evening(context, period)),
      ...[...missed].map(([platform, periods]) => missedOf(platform, periods, context.hub)),
    ];
  },
};

/** The hub makes up for what it missed as soon as it starts: nobody is called before it had the time. */
const CATCH_UP_MS = 30 * MINUTE;

const EVENINGS = [
  { clock: '20:00', last: false },
  { clock: '23:30', last: true },
] as const;

/** Both words at once are one: whoever comes late hears the later one only. */
function evening({ hub, isOpen }: CheckContext, owed: OwedPeriod): Finding[] {
  const { timezone } = hub.settings;
  const day = hub.localDate(new Date(owed.dueAt));
  const reached = EVENINGS.filter(({ clock }) => hub.now() >= instantAt(day, clock, timezone));
  const told = reached.filter(({ clock }, index) => index === reached.length - 1 || isOpen(subjectOf(owed, clock)));
  const today = hub.localDate(hub.now()) === day;
  return told.map(({ clock, last }) => finding(owed, { clock, last, today, due: localMinute(owed.dueAt, timezone) }));
}

const subjectOf = ({ platform, period }: OwedPeriod, clock: string): string => `duty:${platform}:${period}:${clock}`;

function missedOf(platform: string, periods: readonly OwedPeriod[], { settings: { timezone } }: Hub): Finding {
  const [first, last] = [periods[0], periods.at(-1)];
  const span = first === last ? `${first?.period}` : `${first?.period} … ${last?.period}`;
  const due = localMinute(first?.dueAt ?? '', timezone);
  return {
    subject: `duty:${platform}:missed`,
    kind: 'duty',
    level: 'urgent',
    zh: `报送 ${platform} 有 ${periods.length} 期（${span}）到期时程序未运行，至今未完成；最早的应于 ${due} 前完成`,
    en: `${periods.length} periods for ${platform} (${span}) fell due while the hub did not run and are not done; the oldest was due by ${due}`,
    fixZh: '程序会由旧到新逐期补报，每期各有报告；一直补不上的，查看原因并处理',
    fixEn:
      'the hub makes up for them, oldest first, each with its own report; see the cause where one does not get done',
    command: 'hub duty',
    over: {
      zh: `程序未运行时到期的 ${platform} 各期（${span}）已不再待报，每期是补报还是未报见 hub duty`,
      en: `the periods for ${platform} that fell due while the hub did not run (${span}) are open no more; how each ended is told by hub duty`,
    },
    ...(first === undefined ? {} : { since: first.dueAt }),
  };
}

const finding = (
  { platform, period, dueAt }: OwedPeriod,
  {
    clock,
    last,
    today,
    due,
  }: { readonly clock: string; readonly last: boolean; readonly today: boolean; readonly due: string },
): Finding => ({
  subject: `duty:${platform}:${period}:${clock}`,
  kind: 'duty',
  level: 'urgent',
  quietEnd: last,
  zh: `${period} 期应于 ${due} 前报送 ${platform}，至今未完成${last && today ? '（今日最后一次提醒）' : ''}`,
  en: `period ${period} was due at ${platform} by ${due} and is not done${last && today ? ' (last word of this day)' : ''}`,
  fixZh: '查看原因并处理；未报的会继续重试，也可手工补跑',
  fixEn: 'see the cause and mend it; the hub goes on trying, and the job can be run by hand',
  command: `hub duty --period ${period}`,
  over: {
    zh: `${period} 期报送 ${platform} 已不再待报，是报完还是未报见 hub duty --period ${period}`,
    en: `period ${period} at ${platform} is open no more; whether it was done or missed is told by hub duty --period ${period}`,
  },
  since: dueAt,
});
