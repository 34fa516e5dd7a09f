import type { Hub } from '../hub-context.ts';
import type { PullReport, RunReport } from '../run-report.ts';
import { findRecords, libraryTotals } from '../store/ledger.ts';
import { listBatches } from '../store/outbox.ts';
import { countFaults, listQuarantine } from '../store/quarantine.ts';
import type { Account, PlatformAccount } from './demo-accounts.ts';
import { printPeriods } from './demo-periods.ts';
import { plain, print, printTable } from './print.ts';

export interface DemoSummary {
  readonly reports: readonly RunReport[];
  readonly platforms: readonly PlatformAccount[];
  readonly accounts: readonly Account[];
  /** The demo's data folder, as one would type it. */
  readonly folder: string;
  /** The file that makes `hub` in a shell mean the demo. */
  readonly settings: string;
}

/** What was pulled, set aside and why, delivered to whom with which receipts, whether it adds up, where to look next. */
export async function printSummary(hub: Hub, { reports, platforms, accounts, ...where }: DemoSummary): Promise<void> {
  printPulled(hub, reports);
  await printLibrary(hub);
  await printSetAside(hub);
  await printDelivered(hub, platforms);
  await printPeriods(hub);
  printAccounts(accounts);
  await printNext(hub, where);
}

function printPulled({ jobs }: Hub, reports: readonly RunReport[]): void {
  print('\n══ 归集 pulled');
  const rows = jobs.flatMap((job) => {
    const runs = reports.filter((report): report is PullReport => report.kind === 'pull' && report.job === job.name);
    if (runs.length === 0) return [];
    const sum = (name: keyof PullReport['counts']): number =>
      runs.reduce((total, { counts }) => total + counts[name], 0);
    return [[job.title.zh, sum('read'), sum('accepted'), sum('unchanged'), sum('quarantined')]];
  });
  printTable(['作业 job', '读到 read', '入库 accepted', '未变 unchanged', '隔离 quarantined'], rows);
}

async function printLibrary({ db, types }: Hub): Promise<void> {
  const totals = await libraryTotals(db);
  print('\n══ 证照库 library');
  printTable(
    ['类型 type', '记录 records', '版本 versions', '已撤下 withdrawn'],
    totals.map((total) => [
      types.get(total.type)?.title.zh ?? total.type,
      total.records,
      total.versions,
      total.withdrawn,
    ]),
  );
}

const TOP = 10;

async function printSetAside({ db }: Hub): Promise<void> {
  const faults = await countFaults(db);
  print('\n══ 仍在隔离，原因 still set aside, and why');
  printTable(
    ['条 n', '处室 division', '环节 stage', '原因与改法 why, and how to mend'],
    faults
      .slice(0, TOP)
      .map(({ count, division, stage, fault }) => [count, division, stage, `${fault.code} ${shorten(fault.zh)}`]),
  );
  if (faults.length > TOP) print(`…… 另有 ${faults.length - TOP} 种 (${faults.length - TOP} kinds more)`);
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);

async function printDelivered({ db }: Hub, platforms: readonly PlatformAccount[]): Promise<void> {
  print('\n══ 报送 delivered');
  const rows: (string | number)[][] = [];
  for (const { platform, totals, withheld } of platforms) {
    const of = (state: string, operation?: string): number =>
      totals
        .filter((total) => total.state === state && (operation ?? total.operation) === total.operation)
        .reduce((sum, { count }) => sum + count, 0);
    const batches = await listBatches(db, { platform, limit: 10_000 });
    const receipts = new Set(batches.flatMap(({ receiptId }) => receiptId ?? []));
    rows.push([
      platform,
      of('accepted', 'UPSERT'),
      of('accepted', 'WITHDRAW'),
      of('rejected'),
      `不属 ${withheld.notForPlatform} · 不公开 ${withheld.withheld} · 隔离 ${withheld.quarantined}`,
      batches.length,
      `${receipts.size}：${[...receipts].slice(0, 2).join(', ')}${receipts.size > 2 ? ' …' : ''}`,
    ]);
  }
  printTable(
    [
      '平台 platform',
      '已收 accepted',
      '撤下 withdrawn',
      '退回 rejected',
      '未报 withheld',
      '批次 batches',
      '回执 receipts',
    ],
    rows,
  );
}

function printAccounts(accounts: readonly Account[]): void {
  print('\n══ 核对 accounts');
  for (const { zh, en, wrong } of accounts) {
    print(`${wrong.length === 0 ? '✓' : '✗'} ${zh} (${en})`);
    for (const line of wrong.slice(0, TOP)) print(`    ${plain(line)}`);
    if (wrong.length > TOP) print(`    …… ${wrong.length}`);
  }
  const good = accounts.every(({ wrong }) => wrong.length === 0);
  print(
    good
      ? '每一条记录都有着落 (every record is accounted for)'
      : '有记录没有着落，见上 (some records are not accounted for, see above)',
  );
}

async function printNext({ db }: Hub, { folder, settings }: Pick<DemoSummary, 'folder' | 'settings'>): Promise<void> {
  const [ticket] = await listQuarantine(db, { limit: 1 });
  const [rejected] = await listQuarantine(db, { stage: 'platform', limit: 1, state: 'all' });
  const number = rejected?.number ?? undefined;
  const key =
    number !== undefined && (await findRecords(db, { numbers: [number] })).length > 0 ? number : '91450100MA5KA0017F';
  const hub = 'npx hub';
  print('\n══ 接着看 where to look next');
  print(
    `  set -a; . ${settings}; set +a    此终端的 hub 命令从此都指演示 (from here on hub in this shell means the demo)`,
  );
  print(`  ${hub} quarantine list`);
  if (ticket !== undefined) print(`  ${hub} quarantine show ${ticket.id}`);
  print(`  ${hub} ledger '${key}'`);
  print(`  ${hub} duty`);
  print(`  ${hub} preview`);
  print(`  ${hub} batches`);
  print(`  ${hub} log --limit 20`);
  print(`  ${folder}/trace/    运行日志 (traces)`);
  print('  README.md · README.zh-CN.md · docs/sandbox.md');
}
