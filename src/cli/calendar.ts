import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { mergeTables, tableText } from '../calendar/calendar-table.ts';
import { calendarFile, loadCalendar } from '../calendar/load-calendar.ts';
import { localDay } from '../calendar/local-time.ts';
import { workCalendar } from '../calendar/work-calendar.ts';
import { type CalendarYearView, yearView } from '../calendar/year-view.ts';
import { sha256 } from '../canonical.ts';
import { SetupError, type SetupFault } from '../errors.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { actor } from './actor.ts';
import { calendarYear } from './argument.ts';
import type { Act, Define } from './command.ts';
import { withDatabase } from './open.ts';
import { notThere, plain, print, printJson, printTable } from './print.ts';
import { readSoundSettings } from './setup.ts';

/** `hub calendar show|import`: work days, and how certain each year is. */
export const calendarCommand: Define = (program, act) => {
  const group = program
    .command('calendar')
    .description('工作日历：放假、调休、三月三 (the work calendar: holidays and make-up days)');
  defineShow(group, act);
  defineImport(group, act);
};

function defineShow(group: Command, act: Act): void {
  group
    .command('show')
    .description('各年的放假与调休及其依据，哪些年份暂定或没有数据 (holidays, make-up days, sources, coverage)')
    .option('--year <year>', '只看一年 (one year)', calendarYear)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ year, json }: { year?: number; json?: boolean }) => {
        const { settings } = readSoundSettings();
        const { table, faults } = loadCalendar(calendarFile(settings.schemasDir));
        if (faults.length > 0) throw new SetupError(faults);
        const now = Number(localDay(new Date(), settings.timezone).slice(0, 4));
        const years = (year === undefined ? [now, now + 1] : [year]).map((one) => yearView(workCalendar(table), one));
        if (json) printJson(years);
        else for (const one of years) printYear(one);
        return years.some(({ coverage }) => coverage === 'no-data') ? 1 : 0;
      }),
    );
}

const COVERAGE = {
  covered: '✓ 依放假通知 (from the notices)',
  provisional: '! 暂定，待放假通知 (provisional)',
  'no-data': '✗ 没有数据，请用 hub calendar import 录入 (no data, enter it)',
} as const;

function printYear({ year, coverage, workdays, days }: CalendarYearView): void {
  print(`${year}  ${COVERAGE[coverage]}  工作日 work days ${workdays}`);
  if (days.length === 0) return;
  printTable(
    ['日期 date', '', '名称 name', '范围 scope', '依据 source'],
    days.map((day) => [
      `${day.date} ${day.weekday}`,
      day.kind === 'off' ? '休 off' : '班 work',
      day.name,
      day.scope,
      day.source,
    ]),
  );
}

function defineImport(group: Command, act: Act): void {
  group
    .command('import <file>')
    .description(
      '录入放假通知：JSON，格式同 schemas/calendar.json (enter a notice; same form as schemas/calendar.json)',
    )
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (file: string, { reason, json }: { reason: string; json?: boolean }) => {
        const counts = await importCalendar(file, reason);
        if (json) printJson(counts);
        else
          print(
            `✓ 已录入 ${counts.days} 天、${counts.years} 个年份 (entered); hub calendar show, hub forecast 可核对；运行中的服务一分钟内采用，设了 HUB_APPROVALS=on 的须先审批 (check; a running service takes it within a minute, with HUB_APPROVALS=on after the second person's yes)`,
          );
        return 0;
      }),
    );
}

/** Merges the file into the table; the log entry and the new file come together. */
async function importCalendar(path: string, reason: string): Promise<{ days: number; years: number }> {
  const fresh = readFresh(path);
  return withDatabase(async ({ db, settings, env }) => {
    const target = calendarFile(settings.schemasDir);
    const old = loadCalendar(target);
    if (old.faults.length > 0) throw new SetupError(old.faults);
    const text = tableText(mergeTables(old.table, fresh));
    const counts = { days: fresh.days.length, years: fresh.years.length };
    await inTransaction(db, async (tx) => {
      const detail = { ...counts, reason, sha256: sha256(text) };
      await appendLog(tx, new Date(), [{ actor: actor(env), action: 'calendar.imported', detail }]);
      writeFileSync(`${target}.new`, text, { flush: true });
      renameSync(`${target}.new`, target);
    });
    return counts;
  });
}

function readFresh(path: string) {
  try {
    readFileSync(path);
  } catch {
    throw notThere(
      'FILE_MISSING',
      `读不到文件 ${plain(path)}`,
      'the file cannot be read',
      '请检查路径 (check the path)',
    );
  }
  const { table, faults } = loadCalendar(path);
  const empty: SetupFault = { where: path, zh: '文件里没有一天或一年', en: 'there is no day and no year in it' };
  const all = faults.length === 0 && table.days.length + table.years.length === 0 ? [empty] : faults;
  if (all.length > 0) throw new SetupError(all);
  return table;
}
