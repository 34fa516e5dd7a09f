import { type Overdue, overdue } from '../alarm/overdue.ts';
import { databaseTrouble } from '../database-trouble.ts';
import { HubError } from '../errors.ts';
import { openDatabase } from '../store/database.ts';
import { hasTables } from '../store/migrations.ts';
import { missingFile } from './open.ts';
import { print, printJson } from './print.ts';
import { readSoundSettings } from './setup.ts';

/**
 * `hub check --overdue`: one sentence per overdue duty or silent scheduler, exit 1 on any, and where the hub was never started.
 * Reads the database only, changes nothing.
 */
export async function checkOverdue(json: boolean): Promise<number> {
  const found = await look();
  if (json) printJson(found);
  else if (found.good) print('✓ 没有逾期，调度正常 (nothing is overdue, the scheduler stirs)');
  else for (const sentence of found.sentences) print(sentence);
  return found.good ? 0 : 1;
}

async function look(): Promise<Overdue> {
  const { settings } = readSoundSettings();
  const path = missingFile(settings.databaseUrl);
  if (path !== undefined) return neverStarted(`没有数据库 ${path} (there is no database there)`);
  const db = await openDatabase(settings.databaseUrl, { readonly: true });
  try {
    if (!(await hasTables(db))) return neverStarted('数据库是空的 (the database is empty)');
    return await overdue(db, new Date(), settings.timezone);
  } catch (error) {
    throw databaseTrouble(error) ?? older(error);
  } finally {
    await db.destroy();
  }
}

/** As bad as a scheduler that stands still, and told in the same way: nothing is handed over by a hub that nobody started. */
const neverStarted = (why: string): Overdue => ({
  good: false,
  sentences: [
    `中心从未启动过：${why}；请先 hub check，再用 pm2 启动 hub serve，或检查 HUB_DATABASE_URL、HUB_DATA_DIR (never started here: run hub check, then start hub serve under pm2, or check these settings)`,
  ],
  silentMinutes: null,
});

const older = (cause: unknown): HubError =>
  new HubError('DATABASE_OLDER', '数据库尚未升级到本版本 (the database is of an older version)', {
    remedy: 'give-up',
    fix: '请运行 hub migrate (run hub migrate)',
    cause,
  });
