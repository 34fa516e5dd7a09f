import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { type Db, openDatabase } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrations.ts';
import { freshDatabase, mariaDbAvailable } from './mariadb.ts';

export interface TestDatabase {
  readonly name: 'SQLite' | 'MariaDB';
  readonly available: boolean;
  /** Address of a new, empty database. */
  readonly url: () => Promise<string>;
}

/** Both databases that the hub runs on. */
export const databases: readonly TestDatabase[] = [
  { name: 'SQLite', available: true, url: async () => `sqlite:${join(temporaryFolder(), 'hub.db')}` },
  { name: 'MariaDB', available: mariaDbAvailable, url: freshDatabase },
];

/** The same tests on SQLite and on MariaDB; a missing server is skipped and counted. */
export function onBothDatabases(title: string, tests: (database: TestDatabase) => void): void {
  for (const database of databases)
    describe.skipIf(!database.available)(`${title} ${database.name}`.trim(), () => tests(database));
}

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
