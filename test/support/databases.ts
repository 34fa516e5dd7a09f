import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Db, openDatabase } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrations.ts';
import { freshDatabase, mariaDbAvailable } from './mariadb.ts';

/** Both databases that the hub runs on; every store test runs over this list. */
export const databases: readonly { readonly name: string; readonly available: boolean; readonly url: () => Promise<string> }[] = [
  { name: 'SQLite', available: true, url: async () => `sqlite:${join(temporaryFolder(), 'hub.db')}` },
  { name: 'MariaDB', available: mariaDbAvailable, url: freshDatabase },
];

/** A folder of this test, gone when it ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hub-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A migrated database of this test, closed when it ends. */
export async function openTestDatabase(url: string): Promise<Db> {
  const db = await openDatabase(url);
  onTestFinished(() => db.destroy());
  await migrate(db);
  return db;
}
