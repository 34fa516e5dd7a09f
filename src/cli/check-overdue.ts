import { overdue } from '../alarm/overdue.ts';
import { HubError } from '../errors.ts';
import { openDatabase } from '../store/database.ts';
import { refuseMissing } from './open.ts';
import { print, printJson } from './print.ts';
import { readSoundSettings } from './setup.ts';

/** `hub check --overdue`: one sentence per overdue duty or silent scheduler, exit 1 on any. Reads the database only, changes nothing. */
export async function checkOverdue(json: boolean): Promise<number> {
  const { settings } = readSoundSettings();
  refuseMissing(settings);
  const db = await openDatabase(settings.databaseUrl, { readonly: true });
  try {
    const found = await overdue(db, new Date(), settings.timezone).catch(refuseOlder);
    if (json) printJson(found);
    else if (found.good) print('✓ 没有逾期，调度正常 (nothing is overdue, the scheduler stirs)');
    else for (const sentence of found.sentences) print(sentence);
    return found.good ? 0 : 1;
  } finally {
    await db.destroy();
  }
}

function refuseOlder(cause: unknown): never {
  throw new HubError(
    'DATABASE_OLDER',
    '数据库读不了，或尚未升级到本版本 (the database cannot be read, or is of an older version)',
    {
      remedy: 'give-up',
      fix: '请看数据库服务是否在运行，并运行 hub migrate (see that the database runs, then run hub migrate)',
      cause,
    },
  );
}
