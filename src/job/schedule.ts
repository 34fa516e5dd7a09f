import { parse, validateDetailed } from 'node-cron';
import { instantOfWall, wallTime } from '../calendar/local-time.ts';
import type { Job, Schedule } from './job.ts';

/**
 * The instants after `from` and up to `to` at which `schedule` is due, oldest first. The cron expression speaks
 * local time of `zone` (IANA name) and the host's own zone plays no part. A local time that summer time leaves
 * out is due when the clock has jumped; one that happens twice is due the first time.
 */
export function dueTimes(schedule: Pick<Schedule, 'cron'>, from: Date, to: Date, zone: string): Date[] {
  const { minute, hour, month, dayOfMonth, dayOfWeek } = parse(schedule.cron);
  const due = new Set<number>();
  // A change of the clock moves a time by some hours at most: what lies further outside need not be looked at.
  const [first, last] = [wallTime(from.getTime(), zone) - MARGIN, wallTime(to.getTime(), zone) + MARGIN];
  for (const day of from < to ? localDays(first, last) : []) {
    if (!month.includes(day.getUTCMonth() + 1)) continue;
    // Both day fields must fit, as node-cron has it; classic cron takes either.
    if (!dayOfMonth.includes(day.getUTCDate()) || !dayOfWeek.includes(day.getUTCDay())) continue;
    const walls = hour.flatMap((h) => minute.map((m) => day.getTime() + h * HOUR + m * MINUTE));
    for (const wall of walls) if (wall >= first && wall <= last) due.add(instantOfWall(wall, zone));
  }
  return [...due]
    .filter((at) => at > from.getTime() && at <= to.getTime())
    .toSorted((a, b) => a - b)
    .map((at) => new Date(at));
}

/** What is wrong with a cron expression, or nothing: five fields of numbers, names, lists, ranges and steps. */
export function cronFault(cron: string): { readonly zh: string; readonly en: string } | undefined {
  const { valid, errors, fields } = validateDetailed(cron);
  const five = cron.trim().split(/\s+/).length === 5;
  if (!five)
    return {
      zh: `“${cron}” 应为五段（分 时 日 月 周）`,
      en: `"${cron}" needs five fields (minute hour day month weekday)`,
    };
  if (!valid) {
    const parts = errors.map(({ field, value }) => `${field} ${value ?? ''}`.trim()).join(', ');
    return { zh: `“${cron}” 中 ${parts} 无效`, en: `"${cron}" is not valid in ${parts}` };
  }
  const odd = [...(fields?.dayOfMonth ?? []), ...(fields?.dayOfWeek ?? [])].find((value) => typeof value === 'string');
  if (odd === undefined) return undefined;
  return { zh: `“${odd}” 不支持，请写明日期或星期`, en: `"${odd}" is not supported; name the days or weekdays` };
}

/** What a job owes at one moment. */
export interface Owed {
  /** Due times to settle now, oldest first; the newest one is run and stands for the others. */
  readonly due: readonly Date[];
  /** The newest time that came before the catch-up span, hence is never run. */
  readonly tooLate: Date | undefined;
}

/**
 * Due times after `since`, the newest one that the database knows of. A job it does not know yet owes what its
 * catch-up span holds. A duty's periods are no such times: periods/ knows them.
 */
export function owed(job: Job, since: Date | undefined, now: Date, zone: string): Owed {
  const { schedule } = job;
  if (schedule === undefined) return { due: [], tooLate: undefined };
  const reach = now.getTime() - schedule.catchUpS * 1000;
  const from = new Date(Math.max(reach, since?.getTime() ?? reach));
  const due = dueTimes(schedule, from, now, zone);
  // A fortnight back is enough to tell an operator that times were missed.
  const before = since === undefined ? from : new Date(Math.max(since.getTime(), reach - 14 * DAY));
  return { due, tooLate: dueTimes(schedule, before, from, zone).at(-1) };
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MARGIN = 3 * HOUR;

/** Every date between two wall times, as midnight of a Date whose UTC fields are the local ones. */
function* localDays(first: number, last: number): Generator<Date> {
  for (let day = first - (first % DAY); day <= last; day += DAY) yield new Date(day);
}
