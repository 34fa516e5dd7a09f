import { setTimeout as sleep } from 'node:timers/promises';
import type { Knex } from 'knex';
import { HubError } from '../errors.ts';
import type { Db } from './database.ts';
import { createTables } from './migration-001.ts';
import { createMerkleLog } from './migration-002.ts';
import { createProtocol } from './migration-003.ts';
import { createPeriods } from './migration-004.ts';
import { createAccounts } from './migration-005.ts';
import { createReconcileAndAlarms } from './migration-006.ts';
import { createCarried } from './migration-007.ts';
import { createWires } from './migration-008.ts';
import { createAuditIndexes } from './migration-009.ts';
import { createClaims } from './migration-010.ts';
import { createCarriedAnchors } from './migration-011.ts';
import { createLatestReason } from './migration-012.ts';
import { createUnconfirmedBy } from './migration-013.ts';

/** Numbered, never edited once released; the recorded names do not depend on files. */
const migrations: readonly { readonly name: string; readonly up: (db: Knex) => Promise<void> }[] = [
  { name: '001-tables', up: createTables },
  { name: '002-merkle-log', up: createMerkleLog },
  { name: '003-protocol', up: createProtocol },
  { name: '004-periods', up: createPeriods },
  { name: '005-accounts', up: createAccounts },
  { name: '006-reconcile-alarms', up: createReconcileAndAlarms },
  { name: '007-carried', up: createCarried },
  { name: '008-wires', up: createWires },
  { name: '009-audit-indexes', up: createAuditIndexes },
  { name: '010-claims', up: createClaims },
  { name: '011-carried-anchors', up: createCarriedAnchors },
  { name: '012-latest-reason', up: createLatestReason },
  { name: '013-unconfirmed-by', up: createUnconfirmedBy },
];

const source: Knex.MigrationSource<(typeof migrations)[number]> = {
  getMigrations: async () => [...migrations],
  getMigrationName: (migration) => migration.name,
  getMigration: async (migration) => ({
    up: migration.up,
    down: async () => Promise.reject(new Error('migrations only go forward')),
  }),
};

/** Brings the tables up to this program's version; returns the names of what ran. An older program refuses a newer database. */
export async function migrate(db: Db): Promise<readonly string[]> {
  if (await isUpToDate(db)) return [];
  const giveUpAt = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      const [, ran] = await db.migrate.latest({ migrationSource: source, tableName: 'migrations' });
      return ran;
    } catch (error) {
      const busy = isBusy(error);
      if (!busy && !isLocked(error)) throw error;
      if (!busy && performance.now() > giveUpAt) await db.migrate.forceFreeMigrationsLock({ tableName: 'migrations' });
      else await sleep(200);
    }
  }
}

/** Whether any version of this program was ever here. */
export const hasTables = (db: Db): Promise<boolean> => db.schema.hasTable('migrations');

/** Longer than a migration of an empty database takes; a lock that outlives this was left by a process that was killed. */
const LOCK_WAIT_MS = 5000;

const isLocked = (error: unknown): boolean =>
  error instanceof Error && (error.name === 'MigrationLocked' || /already locked/.test(error.message));

/** Another process writes at this moment. */
const isBusy = (error: unknown): boolean => error instanceof Error && /database is locked/.test(error.message);

/** True when nothing is to be done, which most commands find: they need no lock for it. Refuses a newer database. */
async function isUpToDate(db: Db): Promise<boolean> {
  if (!(await hasTables(db))) return false;
  const known = new Set(migrations.map(({ name }) => name));
  const ran = (await db('migrations').select('name')).map(({ name }) => String(name));
  const unknown = ran.filter((name) => !known.has(name));
  if (unknown.length === 0) return ran.length === known.size;
  throw new HubError(
    'DATABASE_NEWER',
    `数据库比程序新：${unknown.join(', ')} (the database is newer than this program)`,
    {
      remedy: 'give-up',
      fix: '请升级程序，不要用旧程序打开新库 (upgrade the program; do not open a newer database with an older one)',
    },
  );
}
