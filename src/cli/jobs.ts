import { isDeepStrictEqual } from 'node:util';
import { addDays } from '../calendar/day.ts';
import { localDay } from '../calendar/local-time.ts';
import type { WorkCalendar } from '../calendar/work-calendar.ts';
import { type PlanContext, planDuty } from '../duty/plan.ts';
import type { Job } from '../job/job.ts';
import { dueTimes } from '../job/schedule.ts';
import { type DutyJob, isDutyJob } from '../periods/period-context.ts';
import type { Define } from './command.ts';
import { localTime, plain, print, printRows } from './print.ts';
import { type ReadSetup, readSoundSetup } from './setup.ts';

const NEXT = 3;
const DAY_MS = 86_400_000;

/** `hub jobs`: every job, and when it runs next. */
export const jobsCommand: Define = (program, act) => {
  program
    .command('jobs')
    .description('全部作业及下次运行时间 (every job and its next times)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json }: { json?: boolean }) => {
        const files = readSoundSetup();
        const { calendar, settings } = files;
        const { jobs: running, held } = settings.approvals ? await inForce(files) : { jobs: files.jobs };
        const known = new Set(files.jobs.map(({ name }) => name));
        const jobs = [...files.jobs, ...running.filter(({ name }) => !known.has(name))];
        const rows = jobs.map((job) => ({
          waits: waitsOf(job, { files: known, running }),
          name: job.name,
          kind: job.kind,
          title: job.title,
          ...(job.kind === 'pull'
            ? { type: job.type, division: job.division }
            : { platform: job.platformName, types: job.types }),
          cron: job.schedule?.cron ?? null,
          next: nextTimes(job, calendar, settings.timezone).map((at) => at.toISOString()),
        }));
        printRows(rows, {
          json,
          none: `${settings.jobsDir} 里没有作业 (no jobs there)`,
          head: ['作业 job', '标题 title', 'cron', '下次 next', ...(held === undefined ? [] : ['待批 waits'])],
          cells: (row) => [
            ...[row.name, row.title.zh, row.cron, localTime(row.next[0] ?? null, settings.timezone)],
            ...(held === undefined ? [] : [row.waits === null ? '' : WAITS[row.waits]]),
          ],
        });
        if (held !== undefined) (await import('./check-held.ts')).tellHeld(held);
        if (!json) print(`时区 (time zone): ${plain(settings.timezone)}`);
        return 0;
      }),
    );
};

async function inForce(files: ReadSetup) {
  const { setup, held } = await (await import('./check-held.ts')).readInForce(files);
  return { jobs: setup.jobs, held };
}

const WAITS = {
  changed: '改动待批，仍按原批准的运行 changed',
  new: '新增待批，尚未运行 new',
  removed: '已删除，待批前仍运行 removed',
} as const;

/** How a job of the files stands to what runs: null where it is the same, so that what is shown is in force. */
function waitsOf(
  job: Job,
  { files, running }: { readonly files: ReadonlySet<string>; readonly running: readonly Job[] },
): keyof typeof WAITS | null {
  if (!files.has(job.name)) return 'removed';
  const now = running.find(({ name }) => name === job.name);
  if (now === undefined) return 'new';
  const content = ({ file: _, ...rest }: Job) => rest;
  return isDeepStrictEqual(content(now), content(job)) ? null : 'changed';
}

/** Looks ahead further and further, as far as five years: 29 February comes seldom. */
function nextTimes(job: Job, calendar: WorkCalendar, timezone: string): Date[] {
  const { schedule } = job;
  const now = new Date();
  if (schedule === undefined) return isDutyJob(job) ? nextPeriods(job, now, { calendar, zone: timezone }) : [];
  for (const days of [31, 366, 366 * 5]) {
    const due = dueTimes(schedule, now, new Date(now.getTime() + days * DAY_MS), timezone);
    if (due.length >= NEXT) return due.slice(0, NEXT);
  }
  return [];
}

/** A duty's own days: the Friday rule, not a cron expression, decides them. */
function nextPeriods({ duty }: DutyJob, now: Date, context: PlanContext): Date[] {
  const today = localDay(now, context.zone);
  const start = [today, duty.goLive].toSorted().at(-1) ?? today;
  return planDuty(duty, addDays(start, -21), addDays(start, 150), context)
    .map(({ plannedAt }) => plannedAt)
    .filter((at) => at > now)
    .slice(0, NEXT);
}
