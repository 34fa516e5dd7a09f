import { addDays, isoWeek, weekday } from '../calendar/day.ts';
import { localText } from '../calendar/local-time.ts';
import { OUTCOME_WORDS } from '../duty/outcome.ts';
import type { Hub } from '../hub-context.ts';
import { dutyJobs, periodContext } from '../periods/period-context.ts';
import { reportPeriod } from '../periods/period-report.ts';
import { inTransaction } from '../store/database.ts';
import { insertMissing, listPeriods } from '../store/periods.ts';
import { print, printTable } from './print.ts';

const HOUR = 3_600_000;

/**
 * The period of a simulated Friday, open from this moment for every platform. The demo plays two Fridays within a minute, on whatever
 * day it is: each period bears the name of the week that it stands for, and is planned now. Returns its name.
 */
export async function openDemoPeriod(hub: Hub, weeksBack: number): Promise<string> {
  const now = hub.now();
  const today = hub.localDate(now);
  const nominal = addDays(today, 5 - weekday(today) - 7 * weeksBack);
  const at = (hours: number): string => new Date(now.getTime() + hours * HOUR).toISOString();
  const period = isoWeek(nominal);
  const rows = dutyJobs(hub.jobs).map((job) => ({
    platform: job.platformName,
    duty: job.name,
    period,
    nominal,
    day: today,
    plannedAt: at(0),
    dueAt: at(9),
    graceUntil: at(33),
    nextPlannedAt: at(7 * 24),
    nextDueAt: at(7 * 24 + 9),
    movedBy: null,
    coverage: hub.calendar.coverage(Number(today.slice(0, 4))),
    backfilled: false,
  }));
  await inTransaction(hub.db, (tx) => insertMissing(tx, rows, now));
  return period;
}

/** Every period with its outcome, as `hub duty` shows it. */
export async function printPeriods(hub: Hub): Promise<void> {
  print('\n══ 报送期次 periods');
  const rows: (string | number | null)[][] = [];
  for (const row of (await listPeriods(hub.db)).toReversed()) {
    const { outcome, nil, counts, doneAt, causes } = await reportPeriod(row, periodContext(hub));
    rows.push([
      row.period,
      row.platform,
      `${OUTCOME_WORDS[outcome]} ${outcome}${nil === null ? '' : ' · 零报送 nil'}`,
      doneAt === null ? null : localText(new Date(doneAt), hub.settings.timezone),
      `${counts.accepted}·${counts.rejected}·${counts.setAside}`,
      counts.late,
      causes[0]?.zh ?? null,
    ]);
  }
  printTable(
    ['期次 period', '平台 platform', '结果 outcome', '完成 done', '已收·退回·隔离', '迟报 late', '原因 cause'],
    rows,
  );
}
