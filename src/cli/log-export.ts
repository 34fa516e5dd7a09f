import type { Command } from 'commander';
import { exportPack } from '../audit/export-pack.ts';
import type { PackScope } from '../audit/pack-scope.ts';
import { actor } from './actor.ts';
import type { Act } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { withDatabase } from './open.ts';
import { plain, print, printJson, wrongUsage } from './print.ts';
import { untilSignal } from './signal.ts';

interface Options {
  readonly all?: boolean;
  readonly period?: string;
  readonly record?: string;
  readonly batch?: string;
  readonly enterprise?: string;
  readonly platform?: string;
  readonly out: string;
  readonly json?: boolean;
}

/** The signer signs each minute. */
const SIGNER_WAIT_MS = 90_000;

/** `hub log export`: an evidence pack that an auditor verifies without the hub (docs/evidence-pack.md). */
export function defineLogExport(log: Command, act: Act): void {
  log
    .command('export')
    .description('导出证据包，可脱离本系统核验 (an evidence pack that verifies without the hub)')
    .option('--period <period>', '一个期次，如 2026-W48 (of one period)')
    .option('--record <key|number>', '一条记录：主键或编号 (about one record)')
    .option('--batch <id>', '一个批次 (of one batch)')
    .option('--enterprise <code>', '一家企业：信用代码或名称 (about one enterprise)')
    .option('--all', '整个日志 (the whole log)')
    .option('--platform <name>', '只含一个平台 (of one platform)')
    .requiredOption('--out <path>', '文件夹，或以 .zip 结尾的文件 (a folder, or a file ending in .zip)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act((_: Options, command: Command) => runExport(command.optsWithGlobals<Options>())));
}

/** `hub log` has `--batch` and `--json` too, and takes them before its subcommands do. */
function runExport(options: Options): Promise<number> {
  const scope = scopeOf(options);
  return withDatabase(async ({ db, settings, env }) => {
    await refuseUnknown(db, { platform: options.platform });
    const { hubId, timezone } = settings;
    const context = { db, hubId, timezone, actor: actor(env), now: () => new Date(), waitMs: SIGNER_WAIT_MS };
    const done = await untilSignal((signal) => exportPack(scope, options.out, { ...context, signal }));
    if (options.json) printJson(done);
    else {
      print(`✓ 证据包 evidence pack  ${plain(done.out)}`);
      print(
        `  批次 batches ${done.batches} · 记录 members ${done.members} · 日志条目 entries ${done.entries} · 文件 files ${done.files}`,
      );
      print(`  日志 log ${done.origin} · 条目 size ${done.size} · 根 root ${done.root}`);
      print('  核验 verify: node verify.mjs <包 pack> --key <vkey> · python3 verify.py <包 pack> --key <vkey>');
    }
    return 0;
  });
}

function scopeOf({ all, period, record, batch, enterprise, platform }: Options): PackScope {
  const given = [
    ...(all === true ? [{ kind: 'log', value: '' } as const] : []),
    ...(period === undefined ? [] : [{ kind: 'period', value: period.toUpperCase() } as const]),
    ...(record === undefined ? [] : [{ kind: 'record', value: record } as const]),
    ...(batch === undefined ? [] : [{ kind: 'batch', value: batch } as const]),
    ...(enterprise === undefined ? [] : [{ kind: 'enterprise', value: enterprise } as const]),
  ];
  const [scope, ...more] = given;
  if (scope !== undefined && more.length === 0) return { ...scope, platform };
  throw wrongUsage(
    '请给出一个范围：--period、--record、--batch、--enterprise 或 --all',
    'give one scope: --period, --record, --batch, --enterprise or --all',
    '例如 hub log export --period 2026-W48 --out 2026-W48.zip (for example)',
  );
}
