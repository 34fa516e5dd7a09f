import { localText } from '../calendar/local-time.ts';
import { OUTCOME_WORDS } from '../duty/outcome.ts';
import { type Hub, openHub } from '../hub-context.ts';
import { dutyJobs, periodContext } from '../periods/period-context.ts';
import { type PeriodReport, reportPeriod } from '../periods/period-report.ts';
import { periodsThatCame } from '../periods/periods-that-came.ts';
import { listPeriods, type PeriodRow } from '../store/periods.ts';
import { periodName, positive } from './argument.ts';
import type { Define } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { plain, print, printJson, printTable } from './print.ts';
import { readSoundSetup } from './setup.ts';

interface DutyOptions {
  readonly period?: string;
  readonly platform?: string;
  readonly limit: number;
  readonly json?: boolean;
}

/** A report with the local times that people speak of. */
export interface ShownReport extends PeriodReport {
  /** Local `YYYY-MM-DD HH:MM`. */
  readonly planned: string;
  readonly due: string;
}

/** `hub duty`: how each period of each duty ended, and why. Exit 1 when one shown is overdue or missed. */
export const dutyCommand: Define = (program, act) => {
  program
    .command('duty')
    .description('各期报送结果及原因：按期、补报、逾期、未报 (outcome per duty and period, with causes)')
    .option('--period <period>', '一期，如 2026-W48 或 2026-11 (one period)', periodName)
    .option('--platform <name>', '平台 (platform)')
    .option('--limit <n>', '最多几期，新的在前 (at most, newest first)', positive, 24)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json, ...filter }: DutyOptions) => {
        const reports = await dutyReports(filter);
        if (json) printJson(reports);
        else printReports(reports, filter.period !== undefined);
        const bad = reports.some(({ outcome }) => outcome === 'overdue' || outcome === 'missed');
        return bad || (filter.period !== undefined && reports.length === 0) ? 1 : 0;
      }),
    );
};

async function dutyReports(filter: Omit<DutyOptions, 'json'>): Promise<ShownReport[]> {
  const hub = await openHub(readSoundSetup(), { console: 'off' });
  try {
    await refuseUnknown(hub.db, { platform: filter.platform });
    const shown: ShownReport[] = [];
    for (const row of await periodsOf(hub, filter)) {
      const report = await reportPeriod(row, periodContext(hub));
      const local = (at: string): string => localText(new Date(at), hub.settings.timezone);
      shown.push({ ...report, planned: local(report.plannedAt), due: local(report.dueAt) });
    }
    return shown;
  } finally {
    await hub.close();
  }
}

/** Those on record, and those that the plan owes though no service has opened them yet; newest first. */
async function periodsOf(hub: Hub, filter: Omit<DutyOptions, 'json'>): Promise<PeriodRow[]> {
  const { limit, period, platform } = filter;
  const rows = await listPeriods(hub.db, filter);
  for (const job of dutyJobs(hub.jobs).filter(({ platformName }) => platformName === (platform ?? platformName)))
    rows.push(...(await periodsThatCame(job, periodContext(hub))).filter((row) => isUnopened(row, period)));
  return rows.toSorted((a, b) => Date.parse(b.nominal) - Date.parse(a.nominal)).slice(0, limit);
}

const isUnopened = (row: PeriodRow, period: string | undefined): boolean =>
  row.id === 0 && row.period === (period ?? row.period);

function printReports(reports: readonly ShownReport[], details: boolean): void {
  if (reports.length === 0) {
    print('还没有到期的期次；今后的见 hub forecast (no period has come yet, see hub forecast)');
    return;
  }
  printTable(
    [
      '期次 period',
      '平台 platform',
      '应报 planned',
      '到期 due',
      '结果 outcome',
      '已收 accepted',
      '退回·隔离·待人工',
      '原因 cause',
    ],
    reports.map((report) => [
      report.period,
      report.platform,
      report.planned,
      report.due,
      outcomeText(report),
      report.counts.accepted,
      `${report.counts.rejected}·${report.counts.setAside}·${report.counts.held}`,
      report.causes[0]?.zh ?? report.movedBy,
    ]),
  );
  for (const report of details ? reports : []) printDetails(report);
}

function outcomeText({ outcome, nil, coveredBy, counts }: PeriodReport): string {
  const marks = [
    ...(nil === null ? [] : ['零报送 nil']),
    ...(coveredBy === null ? [] : [`并入 ${coveredBy}`]),
    // What waited here has left with the period that covers it.
    ...(counts.unconfirmed === 0 || coveredBy !== null ? [] : [`未确认 ${counts.unconfirmed}`]),
    ...(counts.late === 0 ? [] : [`迟报 ${counts.late}`]),
  ];
  return [`${OUTCOME_WORDS[outcome]} ${outcome}`, ...marks].join(' · ');
}

const COUNT_WORDS: { readonly [K in keyof PeriodReport['counts']]: string } = {
  batches: '批次',
  members: '报出',
  accepted: '已收',
  rejected: '退回',
  conflict: '不符',
  open: '无结果',
  withdrawn: '撤下',
  held: '待人工',
  setAside: '隔离',
  unconfirmed: '未确认',
  late: '迟报',
};

function printDetails({ period, platform, counts, causes, receipts, closedAt, logHead }: ShownReport): void {
  print(`\n${period} ${platform}${closedAt === null ? '  未结 (open)' : ''}`);
  print(
    `  ${Object.entries(counts)
      .map(([name, count]) => `${COUNT_WORDS[name as keyof typeof counts]} ${name} ${count}`)
      .join(' · ')}`,
  );
  if (logHead !== null) print(`  日志 log: ${logHead.size} · ${logHead.root} · ${logHead.origin}`);
  for (const { zh, en, fix } of causes) {
    print(`  ✗ ${plain(zh)} (${plain(en)})`);
    if (fix !== undefined) print(`    → ${plain(fix)}`);
  }
  if (receipts.length > 0)
    print(`  回执 receipts: ${receipts.slice(0, 5).map(plain).join(', ')}${receipts.length > 5 ? ' …' : ''}`);
}
