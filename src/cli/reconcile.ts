import { HubError } from '../errors.ts';
import { type Hub, openHub } from '../hub-context.ts';
import type { Job, PullJob, PushJob } from '../job/job.ts';
import { type ReconcileReport, reconcileBureau, reconcilePlatform } from '../reconcile/reconcile.ts';
import { type OpenDifference, openDifferences } from '../store/reconciliations.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { localTime, notThere, plain, print, printJson, printTable } from './print.ts';
import { type ReadSetup, readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';

interface Options {
  readonly platform: string;
  readonly bureau?: boolean;
  readonly list?: string;
  readonly json?: boolean;
}

/** `hub reconcile`: bureau ↔ library ↔ platform; exit 1 when they differ. Nothing is repaired, the commands are printed. */
export const reconcileCommand: Define = (program, act) => {
  program
    .command('reconcile')
    .description(
      '三方对账：业务系统、证照库、平台 (compare bureau, library and platform; prints the commands that repair what differs)',
    )
    .requiredOption('--platform <name>', '哪个平台 (which platform)')
    .option(
      '--bureau',
      '连同业务系统：全量读取比对，不写入 (the bureaus too: read in full and compared, nothing is taken in)',
    )
    .option('--list <file>', '用平台导出的清单比对：CSV、XLSX、JSON (compare with a list exported from the platform)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (options: Options) => {
        const setup = readSoundSetup();
        return untilSignal((signal) => reconcileAll(setup, options, signal));
      }),
    );
};

async function reconcileAll(setup: ReadSetup, options: Options, signal: AbortSignal): Promise<number> {
  const hub = await openHub(setup, options.json ? { console: 'off' } : {});
  try {
    const job = platformJob(hub.jobs, options.platform);
    const how = { signal, by: actor(setup.env) };
    const list = options.list === undefined ? {} : { list: options.list };
    const reports = [await reconcilePlatform(hub, job, { ...how, ...list })];
    const pulls = options.bureau ? hub.jobs.filter((one): one is PullJob => one.kind === 'pull') : [];
    for (const pull of pulls) reports.push(await reconcileBureau(hub, pull, how));
    const done = reports.map((report) => report ?? busy());
    const shown = await Promise.all(done.map(async (report) => ({ report, differences: await listed(hub, report) })));
    if (options.json) printJson(shown.map(({ report, differences }) => ({ ...report, differences })));
    else for (const one of shown) printReport(one.report, one.differences, hub.settings.timezone);
    return done.every(({ state }) => state === 'good') ? 0 : 1;
  } finally {
    await hub.close();
  }
}

function platformJob(jobs: readonly Job[], platform: string): PushJob {
  const pushes = jobs.filter((job): job is PushJob => job.kind === 'push');
  const found = pushes.find(({ platformName }) => platformName === platform);
  if (found !== undefined) return found;
  const known = pushes.map(({ platformName }) => platformName).join('、');
  throw notThere(
    'PLATFORM_UNKNOWN',
    `没有平台 ${platform}，现有 ${known}`,
    `there is no platform ${platform}; known are ${known}`,
    '用 hub jobs 查看 (see hub jobs)',
  );
}

function busy(): never {
  throw new HubError('RECONCILE_OVERLAPPING', '另一进程正在对账 (another process is comparing right now)', {
    remedy: 'retry',
    fix: '等它结束后再试 (try again when it has ended)',
  });
}

const SHOWN = 1000;

async function listed({ db }: Hub, { kind, scope, id, state }: ReconcileReport): Promise<OpenDifference[]> {
  if (state !== 'different') return [];
  return (await openDifferences(db, { kind, scope }, SHOWN)).filter(({ seenIn }) => seenIn === id);
}

function printReport(report: ReconcileReport, differences: readonly OpenDifference[], timezone: string): void {
  const { kind, scope, id, missing, extra, stale, moving, error } = report;
  const [ours, theirs] =
    kind === 'platform' ? ['证照库 library', '平台 platform'] : ['证照库 library', '业务系统 bureau'];
  print(`对账 ${id} ${ours} ↔ ${theirs} ${scope}`);
  if (error !== undefined) {
    print(`  ✗ ${plain(error.message)}`);
    print(`  → ${plain(error.fix)}`);
    return;
  }
  const mark = report.state === 'good' ? '✓ 一致 (they agree)' : '✗ 不一致 (they differ)';
  const onTheWay = moving === 0 ? '' : ` · 在途 on the way ${moving}`;
  print(`  ${mark}: 缺 missing ${missing} · 多 extra ${extra} · 旧 stale ${stale}${onTheWay}`);
  if (report.groups.length > 0) {
    printTable(
      ['类型 type', '期次 period', ours, theirs, '摘要 digests'],
      report.groups.map(({ type, period, ours: a, theirs: b }) => [
        ...[type, period, a.records, b.records],
        a.digest === b.digest ? `= ${a.digest.slice(0, 12)}` : `≠ ${a.digest.slice(0, 12)} ${b.digest.slice(0, 12)}`,
      ]),
    );
  }
  if (differences.length > 0) printDifferences(differences, timezone);
  for (const remark of report.remarks) print(`  ! ${remark}`);
  for (const command of report.commands) print(`  → ${command}`);
}

const CAUSES: { readonly [cause: string]: string } = {
  absent: '没有 absent',
  hidden: '被下架 hidden',
  unknown: '来历不明 unknown',
  rejected: '曾退回 rejected',
  'still-shown': '应撤未撤 still shown',
  older: '旧版本 older version',
  newer: '更新的版本 newer version',
  content: '内容不同 other content',
};

const printDifferences = (differences: readonly OpenDifference[], timezone: string): void =>
  printTable(
    ['差异', '原因 cause', '编号 number', '类型 type', '版本 version', '对方 theirs', '自 since'],
    differences.map((one) => [
      ...[one.state, CAUSES[one.cause] ?? one.cause, one.number ?? one.name.slice(0, 12), one.type],
      ...[one.version, one.heldVersion, localTime(one.firstSeenAt, timezone)],
    ]),
  );
