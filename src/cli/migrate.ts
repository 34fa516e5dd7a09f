import { openDatabase } from '../store/database.ts';
import { migrate } from '../store/migrations.ts';
import type { Define } from './command.ts';
import { print, printJson } from './print.ts';
import { readSoundSettings } from './setup.ts';

/** `hub migrate`: brings the database to this program's version; an older program refuses a newer database. */
export const migrateCommand: Define = (program, act) => {
  program
    .command('migrate')
    .description('把数据库升级到本版本 (bring the database to this version)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json }: { json?: boolean }) => {
        const db = await openDatabase(readSoundSettings().settings.databaseUrl);
        try {
          const ran = await migrate(db);
          if (json) printJson({ ran });
          else print(ran.length === 0 ? '数据库已是最新 (up to date)' : `已升级 (migrated): ${ran.join(', ')}`);
          return 0;
        } finally {
          await db.destroy();
        }
      }),
    );
};
