import { type BackupContext, backup } from '../audit/backup.ts';
import { copyOffsite } from '../audit/offsite.ts';
import type { Settings } from '../settings.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printJson, wrongUsage } from './print.ts';
import { untilSignal } from './signal.ts';

/** `hub backup FILE`: a consistent copy while the hub goes on working (docs/backup.md). */
export const backupCommand: Define = (program, act) => {
  program
    .command('backup [file]')
    .description(
      '在线备份整个数据库到一个文件；不写文件则送往 HUB_BACKUP_TO (copy the whole database into a file, or without one to HUB_BACKUP_TO)',
    )
    .option('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (file: string | undefined, { reason, json }: { reason?: string; json?: boolean }) =>
        withDatabase(async ({ db, settings, env }) => {
          const { databaseUrl, hubId } = settings;
          const context = { db, databaseUrl, hubId, actor: actor(env), reason, now: () => new Date() };
          if (file === undefined) return copyNow(context, settings, json);
          const done = await backup(file, context);
          if (json) printJson(done);
          else {
            print(
              `✓ ${plain(done.file)}  ${done.rows} 行 rows，${done.bytes} 字节 bytes，日志 log ${done.logSize} 条 entries`,
            );
            print(`  SHA-256 ${done.sha256}`);
          }
          return 0;
        }),
      ),
    );
};

/** The nightly copy, now. */
async function copyNow(context: BackupContext, settings: Settings, json: boolean | undefined): Promise<number> {
  const { backup: to, dataDir, timezone } = settings;
  if (to === undefined)
    throw wrongUsage(
      '没有写文件，也没有设 HUB_BACKUP_TO',
      'no file is given and HUB_BACKUP_TO is not set',
      'hub backup FILE，或设 HUB_BACKUP_TO (name a file, or set HUB_BACKUP_TO)',
    );
  const localDate = (at: Date): string => localTime(at, timezone).slice(0, 10);
  const done = await untilSignal((signal) => copyOffsite({ ...context, settings: to, dataDir, localDate, signal }));
  if (json) printJson(done);
  else
    print(
      `✓ ${plain(done.name)} 已送达并核对 (copied and read back)，清除旧副本 ${done.removed.length} 份 (old ones removed)`,
    );
  return 0;
}
