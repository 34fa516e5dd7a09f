import type { Command } from 'commander';
import { endOf } from '../audit/as-of.ts';
import { prune } from '../audit/prune.ts';
import { actor } from './actor.ts';
import type { Act } from './command.ts';
import { withDatabase } from './open.ts';
import { print, printJson, wrongUsage } from './print.ts';

interface Options {
  readonly before: string;
  readonly archive: string;
  readonly key: string[];
  readonly reason: string;
  readonly json?: boolean;
}

/** `hub log prune`: the bodies of old entries go, after an archive that verifies and a second person's yes (docs/backup.md). */
export function defineLogPrune(log: Command, act: Act): void {
  log
    .command('prune')
    .description('裁剪旧日志条目的正文，哈希保留 (drop the bodies of old entries; their hashes stay)')
    .requiredOption('--before <index|day>', '此条或此日之前 (before this entry or day)')
    .requiredOption('--archive <pack>', '整个日志的证据包，须核验通过 (a pack of the whole log that verifies)')
    .requiredOption('--key <vkey...>', '纸面上的公钥 (the public key as handed over on paper)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act((_: Options, command: Command) => runPrune(command.optsWithGlobals<Options>())));
}

const runPrune = ({ before, archive, key: keys, reason, json }: Options): Promise<number> =>
  withDatabase(async ({ db, settings, env }) => {
    const place = placeOf(before, settings.timezone);
    const done = await prune(place, archive, { db, actor: actor(env), reason, now: () => new Date(), keys });
    if (json) printJson(done);
    else {
      print(
        `✓ 已裁剪第 ${done.below} 条之前的正文，共 ${done.dropped} 条 (dropped ${done.dropped} bodies below ${done.below})`,
      );
      print(`  归档 archive SHA-256 ${done.archive}`);
    }
    return 0;
  });

const DAY_MS = 24 * 3_600_000;

/** A place, or the instant at which a local day begins. */
function placeOf(text: string, timezone: string): number | string {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const noon = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T12:00:00Z`) : Number.NaN;
  const dayBefore = Number.isNaN(noon) ? undefined : new Date(noon - DAY_MS).toISOString().slice(0, 10);
  const end = dayBefore === undefined || endOf(text, timezone) === undefined ? undefined : endOf(dayBefore, timezone);
  if (end !== undefined) return new Date(Date.parse(end) + 1).toISOString();
  throw wrongUsage(
    `--before ${text} 不是条目序号或日期`,
    `--before ${text} is neither an index nor a day`,
    '写 100000 或 2026-01-01 (write an index or a day)',
  );
}
