import { existsSync } from 'node:fs';
import { HubError } from '../errors.ts';
import type { Environment, Settings } from '../settings.ts';
import { type Db, openDatabase } from '../store/database.ts';
import { migrate } from '../store/migrations.ts';
import { readSoundSettings } from './setup.ts';

export interface OpenDatabase {
  readonly db: Db;
  readonly settings: Settings;
  readonly env: Environment;
}

/** For commands that look things up: the database of the settings, closed again whatever happens. */
export async function withDatabase<T>(work: (opened: OpenDatabase) => Promise<T>): Promise<T> {
  const { env, settings } = readSoundSettings();
  refuseMissing(settings);
  const db = await openDatabase(settings.databaseUrl);
  try {
    await migrate(db);
    return await work({ db, settings, env });
  } finally {
    await db.destroy();
  }
}

/** The SQLite file that should be there and is not. */
export function missingFile(databaseUrl: string): string | undefined {
  const path = databaseUrl.startsWith('sqlite:') ? databaseUrl.slice('sqlite:'.length) : undefined;
  return path === undefined || existsSync(path) ? undefined : path;
}

/** Asking must not make an empty database where there was none: the path is probably wrong. */
function refuseMissing({ databaseUrl }: Settings): void {
  const path = missingFile(databaseUrl);
  if (path === undefined) return;
  throw new HubError('DATABASE_MISSING', `还没有数据库 ${path} (there is no database there yet)`, {
    remedy: 'give-up',
    fix: '先运行 hub run 或 hub migrate；或检查 HUB_DATA_DIR、HUB_DATABASE_URL (run hub run or hub migrate first, or check these settings)',
  });
}
