import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, type MariaDb, mariaDbAvailable, startMariaDb } from './mariadb.ts';

/**
 * One MariaDB server for the whole vitest run, started when the first bundle rings: a run of the pure rules
 * never pays for it. Each ring is answered with the address of a new database.
 */
export default function setup(): (() => Promise<void>) | undefined {
  if (!mariaDbAvailable) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'hub-doorbell-'));
  let started: Promise<MariaDb> | undefined;
  const answer = async (): Promise<string> => {
    // Hundreds of databases with all the tables of the hub: without a file per table they are made in a third of the time.
    started ??= startMariaDb(['--innodb-file-per-table=0']);
    return createDatabase((await started).url);
  };
  const doorbell = createServer((ring) => {
    ring.on('error', () => ring.destroy());
    answer().then(
      (url) => ring.end(url),
      (error: unknown) => ring.end(String(error)),
    );
  }).listen(join(folder, 'doorbell'));
  process.env['TEST_MARIADB_DOORBELL'] = join(folder, 'doorbell');
  return async () => {
    doorbell.close();
    await (await started)?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
