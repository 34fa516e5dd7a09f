import { addDays } from '../calendar/day.ts';
import { localDay, localText } from '../calendar/local-time.ts';
import { planDuty } from '../duty/plan.ts';
import { HubError } from '../errors.ts';
import { feedingPulls } from '../job/feeding-pulls.ts';
import type { PullJob } from '../job/job.ts';
import { dueTimes } from '../job/schedule.ts';
import { type LastLook, lastLook } from '../store/pull-runs.ts';
import type { DutyJob, PeriodContext } from './period-context.ts';

/** A source that was not read to its end for the period that has come: what is new in it, nobody knows. */
export interface UnsettledPull {
  readonly job: string;
  readonly isRunning: boolean;
  /** `归集 pull-x …`, what is wrong; and the code of the run that failed. */
  readonly zh: string;
  readonly en: string;
}

/**
 * Pull jobs of this platform's types whose last run did not end well, is still under way in any process, or lies before the newest
 * period that has come. While there is one, nobody can say that nothing is new (零报送).
 */
export async function unsettledPulls(job: DutyJob, context: PeriodContext): Promise<UnsettledPull[]> {
  const found: UnsettledPull[] = [];
  for (const pull of feedingPulls(job, context.jobs)) {
    const look = await lastLook(context.db, pull.name);
    const wrong = wrongOf(look, (startedAt) => isFresh(startedAt, job, pull, context), context.zone);
    if (wrong === undefined) continue;
    const [zh, en] = wrong;
    found.push({
      job: pull.name,
      isRunning: look?.state === 'running',
      zh: `归集 ${pull.name} ${zh}`,
      en: `${pull.name} ${en}`,
    });
  }
  return found;
}

function wrongOf(
  look: LastLook | undefined,
  isFreshAt: (startedAt: string) => boolean,
  zone: string,
): readonly [string, string] | undefined {
  if (look === undefined) return ['从未运行', 'has never run'];
  const at = localText(new Date(look.startedAt), zone);
  const { state, error } = look;
  if (state === 'running') return [`自 ${at} 起正在运行`, `has been running since ${at}`];
  if (state !== 'done') {
    const [zh, en] = WORDS[state];
    const why = error === undefined ? '' : ` ${error}`;
    return [`${at} 的运行${zh}${why}`, `${en} at ${at}${error === undefined ? '' : `: ${error}`}`];
  }
  return isFreshAt(look.startedAt)
    ? undefined
    : [`本期尚未运行，上次为 ${at}`, `has not run in this period, last at ${at}`];
}

const WORDS = {
  failed: ['未成功', 'failed'],
  held: ['被暂停，待人工核实', 'was held'],
  died: ['中断', 'was cut off'],
} as const;

/** Days back within which two periods and a monthly time lie. */
const BACK = 75;

/** After the plan of the period before the newest one that has come, or after the pull's own last time where it is due more seldom. */
function isFresh(startedAt: string, { duty }: DutyJob, { schedule }: PullJob, context: PeriodContext): boolean {
  const { zone, now } = context;
  const today = localDay(now, zone);
  const ever = { ...duty, goLive: addDays(today, -2 * BACK) };
  const plans = planDuty(ever, addDays(today, -BACK), addDays(today, 35), context);
  const begun = plans.filter(({ plannedAt }) => plannedAt <= now).at(-2)?.plannedAt ?? now;
  const at = new Date(startedAt);
  if (at >= begun) return true;
  return schedule !== undefined && dueTimes(schedule, at, now, zone).length === 0;
}

/** Codes under which a push ends that would have been a nil return. */
export const NIL_WITHHELD = 'NIL_WITHHELD';
export const NIL_WAITING = 'NIL_WAITING';

/** Nothing is pending, but nobody knows whether nothing is new. */
export function nilWithheld({ name }: DutyJob, pulls: readonly UnsettledPull[]): HubError {
  const [waits, said] = [
    pulls.every(({ isRunning }) => isRunning),
    (word: 'zh' | 'en') => pulls.map((one) => one[word]),
  ];
  return new HubError(
    waits ? NIL_WAITING : NIL_WITHHELD,
    `不能作零报送，本期未结：${said('zh').join('；')} (no nil return, the period stays open: ${said('en').join('; ')})`,
    { remedy: 'retry', fix: waits ? WAIT : mend(pulls, name) },
  );
}

/** Nothing, where the pull is only under way. */
export const WAIT = '无需处理：归集结束后会自动续报 (nothing to do: it goes on by itself when the pull has ended)';

/** What a person does about it. */
export function mend(pulls: readonly UnsettledPull[], push: string): string {
  const names = pulls.filter(({ isRunning }) => !isRunning).map(({ job }) => job);
  const runs = `hub run ${names.join(' ')} --reason "…"`;
  return `先看 hub runs --job ${names[0]}，排除原因后运行 ${runs}；归集成功后自动续报，也可 hub run ${push} --reason "…" (mend the source, run the pull; the push then goes on by itself)`;
}
