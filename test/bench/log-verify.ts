import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createDatabase, mariaDbAvailable, startMariaDb } from '../support/mariadb.ts';
import { run } from './child.ts';

/**
 * `npm run bench:log -- [--entries 1000000] [--db sqlite|mariadb]`: how fast `hub log verify` recomputes a log of so many entries,
 * and the memory of the whole process at its highest. Measures, judges nothing but a wrong answer.
 */
const { values: options } = parseArgs({
  options: { entries: { type: 'string', default: '1000000' }, db: { type: 'string', default: 'sqlite' } },
});
if (options.db === 'mariadb' && !mariaDbAvailable) throw new Error('apt-get install mariadb-server');

const folder = mkdtempSync(join(tmpdir(), 'hub-bench-log-'));
const server = options.db === 'mariadb' ? await startMariaDb(['--innodb-buffer-pool-size=512M']) : undefined;
try {
  const url = server === undefined ? `sqlite:${join(folder, 'hub.db')}` : await createDatabase(server.url);
  await run('filled-log.ts', [url, options.entries], { cwd: folder });
  const env = { HUB_DATABASE_URL: url, HUB_DATA_DIR: join(folder, 'data') };
  const { stdout, wallMs, peakMb } = await run('../../src/hub.js', ['log', 'verify', '--json'], { cwd: folder, env });
  const { counts, entriesPerSecond } = JSON.parse(stdout);
  if (counts.entries < Number(options.entries)) throw new Error(`only ${counts.entries} entries were verified`);
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  console.log(
    `hub log verify: ${whole(counts.entries)} entries, ${whole(counts.batches)} batches · ${whole(entriesPerSecond)} entries/s, ` +
      `${(wallMs / 1000).toFixed(1)} s with start and replay, peak ${peakMb} MB · ` +
      `${options.db}, node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`,
  );
} finally {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
}
