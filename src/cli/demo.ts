import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKeyFile, signerFiles } from '../evidence/signer-files.ts';
import { verifyLog } from '../evidence/verify-log.ts';
import { type Hub, openHub } from '../hub-context.ts';
import type { Job, PushJob } from '../job/job.ts';
import { runJob } from '../run-job.ts';
import type { RunReport } from '../run-report.ts';
import { type Environment, NO_SETTINGS } from '../settings.ts';
import type { Define } from './command.ts';
import { accountOfPlatform, accountOfPulls, type PlatformAccount } from './demo-accounts.ts';
import { freshDemoFolder, writeDemoSettings } from './demo-folder.ts';
import { openDemoPeriod } from './demo-periods.ts';
import { type SandboxProcess, startSandboxProcess } from './demo-sandbox.ts';
import { printSummary } from './demo-summary.ts';
import { print } from './print.ts';
import { printReport } from './run.ts';
import { serve } from './serve.ts';
import { type ReadSetup, readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';

/** `hub demo`: the sandbox and a whole simulated week, from nothing. Exit 0 when every record is accounted for. */
export const demoCommand: Define = (program, act) => {
  program
    .command('demo')
    .description('演示：用模拟系统走完一整周，数据放 data/demo (a whole simulated week; data in data/demo)')
    .option('--end', '结束后不保持打开 (end, even on a terminal)')
    .action(
      act(({ end }: { end?: boolean }) => untilSignal((signal) => demo(signal, process.stdin.isTTY === true && !end))),
    );
};

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function demo(signal: AbortSignal, stay: boolean): Promise<number> {
  const dir = resolve('data/demo');
  freshDemoFolder(dir);
  print(
    '证信通演示：模拟的业务系统和接收平台，全部数据均为虚构 (simulated bureaus and platforms; all data is made up)',
  );
  const sandbox = await startSandboxProcess(join(dir, 'sandbox'), daysAgo(7));
  try {
    const env = demoEnvironment(dir, sandbox);
    const settings = writeDemoSettings(dir, env);
    const setup = readSoundSetup(env);
    createKeyFile(setup.settings.signerKey, `${setup.settings.hubId}/delivery-log`);
    const good = await playAndAccount(setup, { sandbox, settings }, signal);
    if (stay) {
      becomeDemo(dir, env);
      await stayOpen(setup, sandbox, signal);
    }
    return good ? 0 : 1;
  } finally {
    await sandbox.close();
  }
}

/** The sandbox's first day lies a week back, so that its second Friday is today and nothing is dated tomorrow. */
const daysAgo = (days: number): string =>
  new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(
    Date.now() - days * 86_400_000,
  );

/** Nothing of the operator's own settings: neither their database nor their addresses, whatever their `.env` says. */
const demoEnvironment = (dir: string, sandbox: Pick<SandboxProcess, 'env'>) => ({
  ...NO_SETTINGS,
  ...sandbox.env,
  HUB_DATA_DIR: dir,
  HUB_DATABASE_URL: `sqlite:${join(dir, 'hub.db')}`,
  HUB_JOBS_DIR: join(ROOT, 'jobs'),
  HUB_SCHEMAS_DIR: join(ROOT, 'schemas'),
  HUB_ID: 'zhengxin-demo',
  HUB_LISTEN: '127.0.0.1:0',
});

async function playAndAccount(
  setup: ReadSetup,
  { sandbox, settings }: { readonly sandbox: SandboxProcess; readonly settings: string },
  signal: AbortSignal,
): Promise<boolean> {
  const hub = await openHub(setup, { console: 'off', signer: signerFiles(setup.settings.signerKey) });
  try {
    const reports = await playWeek(hub, sandbox, signal);
    const pushes = hub.jobs.filter((job): job is PushJob => job.kind === 'push');
    const platforms: PlatformAccount[] = [];
    for (const job of pushes) platforms.push(await accountOfPlatform(hub, job, { sandbox, signal }));
    const accounts = [accountOfPulls(reports), ...platforms.flatMap(({ account }) => account)];
    const [folder, file] = [setup.settings.dataDir, settings].map((path) => relative(process.cwd(), path));
    await printSummary(hub, { reports, platforms, accounts, folder: folder ?? '', settings: file ?? '' });
    return (await logIsGood(hub)) && accounts.every(({ wrong }) => wrong.length === 0);
  } finally {
    await hub.close();
  }
}

/** The log of the week, recomputed as an auditor would; the demo's key stands in its own folder. */
async function logIsGood({ db, settings, now }: Hub): Promise<boolean> {
  const keys = signerFiles(settings.signerKey).known();
  const { exitCode, size, signedSize, counts, findings } = await verifyLog(db, { now: now(), keys });
  const said = `报送日志 ${size} 条（已签 ${signedSize}），批次 ${counts.batches}、成员 ${counts.members} 与日志一致`;
  print(
    exitCode === 0
      ? `\n✓ ${said} (the delivery log verifies)`
      : `\n✗ 报送日志有 ${findings.length} 处不符 (the log is wrong)`,
  );
  return exitCode === 0;
}

/** Two Fridays, with one answer lost and some records rejected on the way. */
async function playWeek(hub: Hub, sandbox: SandboxProcess, signal: AbortSignal): Promise<readonly RunReport[]> {
  const runAll = async (kind: Job['kind'], period?: string): Promise<RunReport[]> => {
    const reports: RunReport[] = [];
    for (const job of hub.jobs.filter((candidate) => candidate.kind === kind)) {
      const report = await runJob(hub, job.name, {
        by: 'demo',
        signal,
        reason: '演示 (demo)',
        ...(period === undefined ? {} : { period }),
      });
      printReport(report);
      reports.push(report);
    }
    return reports;
  };
  print('\n— 第一周：首次归集 (week 1: first pulls)');
  const first = await runAll('pull');
  print(
    '\n— 第一个周五：首次报送；一个平台丢一次答复，另一个退回几条 (Friday 1: one answer is lost, a few records are rejected)',
  );
  await sandbox.ask('POST', '/platforms/credit-publicity/script', [{ answer: 'lose' }]);
  await sandbox.ask('POST', '/platforms/credit-sharing/script', [{ answer: 'reject', ratio: 0.004 }]);
  const sent = await runAll('push', await openDemoPeriod(hub, 1));
  print(
    '\n— 一周过去：处室改正了隔离的数据，又有新办、变更、注销和撤销 (a week goes by: divisions mend, bureaus go on)',
  );
  await sandbox.ask('POST', '/bureaus/mend');
  await sandbox.ask('POST', '/bureaus/advance', { days: 7 });
  print('\n— 第二周：再次归集 (week 2: pulls)');
  const second = await runAll('pull');
  print('\n— 第二个周五：再次报送 (Friday 2: pushes)');
  return [...first, ...sent, ...second, ...(await runAll('push', await openDemoPeriod(hub, 0)))];
}

/** The threads that run jobs and watch read the set-up anew, from the environment and the working directory of this process. */
function becomeDemo(dir: string, env: Environment): void {
  Object.assign(process.env, env);
  process.chdir(dir);
}

async function stayOpen(setup: ReadSetup, sandbox: SandboxProcess, signal: AbortSignal): Promise<void> {
  print(`\n模拟系统仍在运行，控制接口 (the sandbox stays open, control API): ${sandbox.control}/state`);
  print('按 Ctrl-C 结束 (Ctrl-C ends it)\n');
  await serve(setup, signal, { signerKey: setup.settings.signerKey });
}
