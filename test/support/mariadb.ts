import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';

/** A private throw-away server: its own data directory, a free loopback port, nothing shared with the system's one. */
export interface MariaDb {
  /** `mysql://hub:…@127.0.0.1:port/hub`; the user may create databases. */
  readonly url: string;
  readonly socket: string;
  readonly pid: number;
  /** Shuts it down in order and removes its directory. */
  readonly stop: () => Promise<void>;
  /** `kill -9`, as a power cut would; `stop` afterwards still cleans up. */
  readonly kill: () => void;
}

const find = (program: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));

const server = find('mariadbd');
const installer = find('mariadb-install-db');

export const mariaDbAvailable: boolean = server !== undefined && installer !== undefined;

/**
 * Starts a server with durable settings (`innodb_flush_log_at_trx_commit=1`), in about three seconds.
 * `args` are further mariadbd options and win over ours. It dies with the process that started it.
 */
export async function startMariaDb(args: readonly string[] = []): Promise<MariaDb> {
  if (server === undefined || installer === undefined)
    throw new Error('mariadb-server is missing: ask mariaDbAvailable first');
  const folder = mkdtempSync(join(tmpdir(), 'hub-mariadb-'));
  const [socket, port, password] = [join(folder, 'sock'), await freePort(), randomBytes(12).toString('hex')];
  try {
    await installFiles(installer, folder, password);
    const child = spawn(server, [...serverArgs(folder, port), ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    const reaper = spawnReaper(child, folder);
    await ready(child);
    return {
      url: `mysql://hub:${password}@127.0.0.1:${port}/hub`,
      socket,
      pid: child.pid ?? 0,
      stop: () => stopServer(child, reaper, folder),
      kill: () => void child.kill('SIGKILL'),
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * A new empty database, for one test bundle. All bundles of one vitest run share one server (global-setup.ts);
 * outside such a run the calling process starts a server of its own.
 */
export async function freshDatabase(): Promise<string> {
  const doorbell = process.env['TEST_MARIADB_DOORBELL'];
  if (doorbell !== undefined) return askDoorbell(doorbell);
  own ??= startMariaDb();
  return createDatabase((await own).url);
}

let own: Promise<MariaDb> | undefined;

async function askDoorbell(path: string): Promise<string> {
  const answer = await text(connect(path));
  if (!answer.startsWith('mysql:')) throw new Error(`no test database: ${answer}`);
  return answer;
}

/** Makes one more database on a started server and returns its address. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `t_${randomBytes(6).toString('hex')}`;
  const connection = await createConnection(serverUrl);
  try {
    await connection.query(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  } finally {
    await connection.end();
  }
  return serverUrl.replace(/[^/]*$/, name);
}

const asRoot = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : []);

async function installFiles(program: string, folder: string, password: string): Promise<void> {
  // Temporary tables of its own: two that are installed at the same time took them away from each other in the common folder.
  const own = [`--datadir=${join(folder, 'data')}`, `--tmpdir=${folder}`];
  const args = ['--no-defaults', ...own, '--skip-test-db', '--skip-name-resolve'];
  const small = ['--auth-root-authentication-method=normal', '--innodb-log-file-size=16M'];
  await promisify(execFile)(program, [...args, ...small, ...asRoot()]);
  const grant = `CREATE DATABASE hub CHARACTER SET utf8mb4;
CREATE USER hub@'127.0.0.1' IDENTIFIED BY '${password}';
GRANT ALL ON *.* TO hub@'127.0.0.1' WITH GRANT OPTION;
ALTER USER root@localhost ACCOUNT LOCK;
`;
  writeFileSync(join(folder, 'init.sql'), grant, { mode: 0o600 });
}

const serverArgs = (folder: string, port: number): string[] => [
  '--no-defaults',
  `--datadir=${join(folder, 'data')}`,
  `--tmpdir=${folder}`,
  `--socket=${join(folder, 'sock')}`,
  `--pid-file=${join(folder, 'pid')}`,
  `--init-file=${join(folder, 'init.sql')}`,
  '--bind-address=127.0.0.1',
  `--port=${port}`,
  '--skip-name-resolve',
  '--character-set-server=utf8mb4',
  '--innodb-log-file-size=16M',
  '--innodb-buffer-pool-size=64M',
  '--innodb-flush-log-at-trx-commit=1',
  '--max-allowed-packet=64M',
  ...asRoot(),
];

/** Ends the server and its files even when our own process is killed: its pipe closes, whatever happens. */
function spawnReaper(child: ChildProcess, folder: string): ChildProcess {
  const script = 'cat >/dev/null; kill -9 "$0" 2>/dev/null; rm -rf "$1"';
  const reaper = spawn('sh', ['-c', script, String(child.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.unref();
  child.unref();
  return reaper;
}

async function ready(child: ChildProcess): Promise<void> {
  let said = '';
  for await (const chunk of child.stderr ?? []) {
    said += String(chunk);
    if (said.includes('ready for connections')) break;
  }
  if (!said.includes('ready for connections')) throw new Error(`mariadbd did not start:\n${said}`);
}

async function stopServer(child: ChildProcess, reaper: ChildProcess, folder: string): Promise<void> {
  reaper.kill();
  if (child.exitCode === null && child.signalCode === null) {
    child.ref();
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no free loopback port');
  return address.port;
}
