import { coverageFault } from '../calendar/coverage-fault.ts';
import { addDays, yearOf } from '../calendar/day.ts';
import { endingSecrets } from '../store/alarm-signs.ts';
import { type Check, type CheckContext, daysBetween, HOUR, stagesOf } from './check.ts';
import type { Finding } from './finding.ts';

/** What runs out on a known day: entries of jobs/alarms.yaml, secrets that platforms issued, and the work calendar's data. */
export const watchCheck: Check = {
  name: 'watch',
  kinds: ['watch', 'calendar'],
  everyMs: HOUR,
  look: async (context) => [...watched(context), ...(await secrets(context)), ...calendar(context)],
};

/**
 * The hub renews issued secrets by itself when it uses them shortly before their end; one that lives for weeks may end between two
 * Fridays. One that lives for days is renewed with every use and worth no word: only stages that are less than half its life.
 */
async function secrets(context: CheckContext): Promise<Finding[]> {
  const { hub } = context;
  return (await endingSecrets(hub.db)).flatMap(({ name, endsAt, issuedAt }) => {
    const day = hub.localDate(new Date(endsAt));
    const left = daysBetween(hub.now(), new Date(endsAt));
    const life = daysBetween(new Date(issuedAt), new Date(endsAt));
    const subject = `watch:secret:${name}:${day}`;
    return stagesOf(subject, left, context)
      .filter((stage) => life > 2 * stage)
      .map(
        (stage): Finding => ({
          ...{
            subject: `${subject}:${stage}`,
            kind: 'watch',
            level: stage === 7 ? 'urgent' : 'warning',
            quietEnd: true,
          },
          zh:
            left < 0 ? `平台签发的密钥 ${name} 已于 ${day} 失效` : `平台签发的密钥 ${name} ${left} 天后（${day}）失效`,
          en:
            left < 0
              ? `the issued secret ${name} ended on ${day}`
              : `the issued secret ${name} ends in ${left} days, on ${day}`,
          fixZh:
            '把作业的 auth.hmac.refresh.before 设得比两次报送的间隔长，到时即自动换新；已失效的请向平台索取新密钥写入 .env',
          fixEn:
            'make auth.hmac.refresh.before of the job longer than the time between two pushes, so that it is renewed in time; where it has ended ask the platform for a new one',
        }),
      );
  });
}

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
