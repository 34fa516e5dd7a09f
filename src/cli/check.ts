import { coverageFault } from '../calendar/coverage-fault.ts';
import { localDay } from '../calendar/local-time.ts';
import type { Coverage, WorkCalendar } from '../calendar/work-calendar.ts';
import { NOTHING_PROVEN } from '../proven.ts';
import { checkOverdue } from './check-overdue.ts';
import type { Define } from './command.ts';
import { looseEnvFile } from './env-file.ts';
import { folderTroubles } from './job-folders.ts';
import { complain, faultLine, plain, print, printJson } from './print.ts';
import { readSetup } from './setup.ts';

/** `hub check`: settings, schemas and jobs, samples included; every fault at once, each with its line. Exit 78 on any. */
export const checkCommand: Define = (program, act) => {
  program
    .command('check')
    .description('检查设置、模式与作业，列出全部问题 (check settings, schemas and jobs; list every fault)')
    .option(
      '--overdue',
      '只看有无逾期与静默，供系统定时任务调用 (only: is anything overdue or silent; for the system cron)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json, overdue }: { json?: boolean; overdue?: boolean }) => {
        if (overdue) return checkOverdue(json ?? false);
        const { faults, ...setup } = readSetup(undefined, NOTHING_PROVEN);
        const { jobs, types, forms, calendar, settings } = setup;
        const held = settings.approvals ? await (await import('./check-held.ts')).readHeld(setup) : undefined;
        const good = faults.length === 0;
        const counts = { jobs: jobs.length, types: types.size, forms: forms.size };
        const folders = folderTroubles(jobs);
        const years = calendarYears(calendar, settings.timezone);
        const loose = looseEnvFile(process.cwd());
        if (json) {
          const waiting = settings.approvals ? { held: held ?? null } : {};
          printJson({ good, ...counts, calendar: years, faults, folders, envFile: loose ?? null, ...waiting });
        } else if (good) {
          print(
            `✓ 设置无误 (all good): 作业 jobs ${counts.jobs} · 记录类型 record types ${counts.types} · 报送版式 outbound forms ${counts.forms}`,
          );
          for (const { year, coverage } of years) sayCoverage(year, coverage);
          for (const { job, member, folder, zh, en } of folders)
            complain(`! ${job} ${member} ${plain(folder)}：${zh} (${en})`);
        } else {
          complain(`${faults.length} 处设置错误 (${faults.length} set-up faults)`);
          for (const fault of faults) complain(`  ${faultLine(fault)}`);
        }
        if (loose !== undefined && !json) complain(`! ${loose.zh} (${loose.en})\n  → ${plain(loose.fix)}`);
        if (held !== undefined && !json) (await import('./check-held.ts')).tellHeld(held);
        return good ? 0 : 78;
      }),
    );
};

interface YearCoverage {
  readonly year: number;
  readonly coverage: Coverage;
}

/** This year and the next: how far dates can be trusted. */
function calendarYears(calendar: WorkCalendar, zone: string): YearCoverage[] {
  const year = Number(localDay(new Date(), zone).slice(0, 4));
  return [year, year + 1].map((one) => ({ year: one, coverage: calendar.coverage(one) }));
}

function sayCoverage(year: number, coverage: Coverage): void {
  const fault = coverageFault(coverage, String(year));
  if (fault !== undefined) complain(`! ${fault.zh} (${fault.en})`);
}
