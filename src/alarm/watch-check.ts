import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays, yearOf } from '../calendar/day.ts';
import { type Check, type CheckContext, HOUR, stagesOf } from './check.ts';
import type { Finding } from './finding.ts';

/** What runs out on a known day: entries of jobs/alarms.yaml, and the work calendar's data. */
export const watchCheck: Check = {
  name: 'watch',
  kinds: ['watch', 'calendar'],
  everyMs: HOUR,
  look: async (context) => [...watched(context), ...calendar(context)],
};

function watched(context: CheckContext): Finding[] {
  const { hub } = context;
  const today = hub.localDate(hub.now());
  return hub.alarms.watch.flatMap(({ what, expires, mend }, index) => {
    const left = daysTo(today, expires);
    const said =
      left < 0
        ? [`已于 ${expires} 过期`, `expired on ${expires}`]
        : [`${left} 天后（${expires}）到期`, `ends in ${left} days, on ${expires}`];
    return stagesOf(`watch:${index}:${expires}`, left, context).map((stage) => ({
      subject: `watch:${index}:${expires}:${stage}`,
      kind: 'watch',
      level: stage === 7 ? 'urgent' : 'warning',
      quietEnd: true,
      zh: `${what}${said[0]}`,
      en: `${what} ${said[1]}`,
      fixZh: `${mend ?? '请更新'}，并修改 jobs/alarms.yaml 中的日期`,
      fixEn: 'renew it, then set the new date in jobs/alarms.yaml',
    }));
  });
}

const daysTo = (from: string, to: string): number => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);

const AHEAD_DAYS = 60;

/** A year without data, or one still waiting for its notice when it is a month away. */
function calendar(context: CheckContext): Finding[] {
  const { hub } = context;
  const today = hub.localDate(hub.now());
  const years = new Set([yearOf(today), yearOf(addDays(today, AHEAD_DAYS))]);
  return [...years].flatMap((year) => {
    const coverage = hub.calendar.coverage(year);
    const fault = coverageFault(coverage, String(year));
    const left = daysTo(today, `${year}-01-01`);
    if (fault === undefined || (coverage === 'provisional' && left > 30)) return [];
    const stages = stagesOf(`calendar:${year}`, Math.max(left, 0), context);
    return stages.map((stage) => ({
      subject: `calendar:${year}:${stage}`,
      kind: 'calendar',
      level: coverage === 'no-data' ? 'urgent' : 'warning',
      quietEnd: true,
      zh: fault.zh,
      en: fault.en,
      fixZh: '按放假通知录入',
      fixEn: 'enter the notice',
      command: 'hub calendar import 文件',
    }));
  });
}
