import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { runSandbox, type SandboxOptions, startSandbox } from '../sandbox/sandbox.ts';
import { localDate, positive } from './argument.ts';
import type { Define } from './command.ts';
import { print, printJson } from './print.ts';
import { aborted, untilSignal } from './signal.ts';

interface Options {
  readonly dir: string;
  readonly seed?: string;
  readonly today?: string;
  readonly licences?: number;
  readonly penalties?: number;
  readonly enterprises?: number;
  readonly dirty?: number;
  readonly controlPort?: number;
  readonly json?: boolean;
}

/** `hub sandbox`: simulated bureaus and platforms on loopback, for rehearsals (docs/sandbox.md). */
export const sandboxCommand: Define = (program, act) => {
  program
    .command('sandbox')
    .description('模拟业务系统与接收平台，供联调演练 (simulated bureaus and platforms to rehearse with)')
    .option('--dir <folder>', '它的全部数据放在这里 (where it keeps everything)', 'data/sandbox')
    .option('--seed <seed>', '同一种子给出同样的数据 (the same seed gives the same records)')
    .option('--today <date>', '模拟的第一天 (first simulated day)', localDate)
    .option('--licences <n>', '许可证条数 (licences)', positive)
    .option('--penalties <n>', '处罚条数 (penalties)', positive)
    .option('--enterprises <n>', '企业登记条数 (enterprises)', positive)
    .option('--dirty <share>', '问题数据的比例 0–1 (share of dirty records)', share)
    .option(
      '--control-port <n>',
      '控制接口端口，默认任意空闲端口 (port of the control API; default: a free one)',
      positive,
    )
    .option('--json', '以 JSON 打印地址 (print the addresses as JSON)')
    .action(
      act(async ({ json, ...options }: Options) => {
        await untilSignal((signal) =>
          json ? playForProgram(toSandbox(options), signal) : runSandbox({ ...toSandbox(options), print, signal }),
        );
        return 0;
      }),
    );
};

function toSandbox({
  dir,
  seed,
  today,
  licences,
  penalties,
  enterprises,
  dirty,
  controlPort,
}: Options): SandboxOptions {
  return {
    dir: resolve(dir),
    today:
      today ?? new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai', dateStyle: 'short' }).format(new Date()),
    size: { ...(licences && { licences }), ...(penalties && { penalties }), ...(enterprises && { enterprises }) },
    ...(seed === undefined ? {} : { seed }),
    ...(dirty === undefined ? {} : { dirty }),
    ...(controlPort === undefined ? {} : { ports: { control: controlPort } }),
  };
}

/** One JSON document with the addresses; ends with the signal, or with the process that started it. */
async function playForProgram(options: SandboxOptions, signal: AbortSignal): Promise<void> {
  const sandbox = await startSandbox(options);
  try {
    printJson({ control: sandbox.control, env: sandbox.env, today: sandbox.today() });
    await Promise.race([aborted(signal), orphaned()]);
  } finally {
    await sandbox.close();
  }
}

const orphaned = (): Promise<void> =>
  new Promise((resolve) => {
    process.once('disconnect', () => resolve());
  });

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('请写 0 到 1 的数 (write a number from 0 to 1)');
}
