import { existsSync } from 'node:fs';
import { restore } from '../audit/restore.ts';
import { openDatabase } from '../store/database.ts';
import { migrate } from '../store/migrations.ts';
import { pausePlatform } from '../store/stops.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { notThere, plain, print, printJson } from './print.ts';
import { readSoundSettings } from './setup.ts';

interface Options {
  readonly reason: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** `hub restore FILE`: a backup in the place of the database; pushes wait until every platform was reconciled (docs/backup.md). */
export const restoreCommand: Define = (program, act) => {
  program
    .command('restore <file>')
    .description('用备份恢复数据库；恢复后暂停报送，先对账 (restore a backup; pushes wait until reconciled)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--overwrite', '确认替换现有数据 (yes, replace the data that is there)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act(runRestore));
};

async function runRestore(file: string, { reason, overwrite = false, json }: Options): Promise<number> {
  const { env, settings } = readSoundSettings();
  if (!existsSync(file))
    throw notThere('FILE_MISSING', `没有文件 ${file}`, 'there is no such file', '请检查路径 (check the path)');
  const db = await openDatabase(settings.databaseUrl);
  try {
    await migrate(db);
    const now = (): Date => new Date();
    const by = actor(env);
    const done = await restore(file, {
      ...{ db, hubId: settings.hubId, actor: by, reason, now, overwrite },
      pause: (tx, platform, why) =>
        pausePlatform(tx, platform, { actor: by, reason: why, now: now(), kind: 'person', period: null }),
    });
    if (json) printJson(done);
    else {
      print(`✓ 已恢复 ${plain(done.head.madeAt)} 的备份，${done.rows} 行 (restored, ${done.rows} rows)`);
      for (const platform of done.paused)
        print(
          `  ${platform} 已暂停：先 hub reconcile --platform ${platform}，再 hub resume --platform ${platform} --reason "…"`,
        );
      print(
        '  签名进程若拒绝签名，说明日志比它见过的短：按 docs/backup.md 处理 (the signer refuses a log that is shorter than it saw)',
      );
    }
    return 0;
  } finally {
    await db.destroy();
  }
}
