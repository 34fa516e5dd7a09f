import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** The service under a pm2 daemon of its own (private PM2_HOME), in a copy of the project with an empty data directory. */
const root = join(import.meta.dirname, '..', '..');
const pm2 = join(root, 'node_modules', 'pm2', 'bin', 'pm2');
const app = 'zhengxin-hub';
let home = '';
let env: NodeJS.ProcessEnv = {};
let health = '';

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'hub-pm2-'));
  for (const name of ['package.json', 'src', 'schemas', 'ecosystem.config.js']) {
    cpSync(join(root, name), join(home, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  mkdirSync(join(home, 'jobs'));
  const port = await freePort();
  health = `http://127.0.0.1:${port}/healthz`;
  env = { ...process.env, PM2_HOME: join(home, '.pm2'), HUB_LISTEN: `127.0.0.1:${port}` };
});

afterAll(() => {
  run('kill');
  rmSync(home, { recursive: true, force: true });
});

test('pm2 starts the service, and it answers', async () => {
  run('start', 'ecosystem.config.js');
  await answers();
  expect(shown()).toMatchObject({ status: 'online', restarts: 0 });
});

test('a reload lets the old process end in order and puts a new one in its place', async () => {
  const before = shown();
  run('reload', app);
  await answers();
  const after = shown();
  expect(after).toMatchObject({ status: 'online' });
  expect(after.pid).not.toBe(before.pid);
  expect(traced()).toContain('"stopping"');
});

test('a process that is killed is started again', async () => {
  const { pid } = shown();
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(shown().pid).not.toBe(pid), patience);
  await answers();
});

test('a stop ends it in order, and nothing listens any more', async () => {
  const { pid, status } = shown();
  expect(status).toBe('online');
  run('stop', app);
  expect(shown()).toMatchObject({ status: 'stopped', exitCode: 0 });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  await expect(fetch(health)).rejects.toThrow();
});

const patience = { timeout: 15_000, interval: 100 };

async function answers(): Promise<void> {
  try {
    await vi.waitFor(async () => expect((await fetch(health)).status).toBe(200), patience);
  } catch (cause) {
    const said = ['pm2-out.log', 'pm2-error.log'].map((file) => readFileSync(join(home, 'data', file), 'utf8'));
    throw new Error(`the service does not answer; it said:\n${said.join('')}`, { cause });
  }
}

function run(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [pm2, ...args], { cwd: home, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`pm2 ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

interface Shown {
  readonly pid: number;
  readonly status: string;
  readonly restarts: number;
  readonly exitCode: number | undefined;
}

function shown(): Shown {
  const out = run('jlist');
  const all = JSON.parse(out.slice(out.indexOf('[{'))) as {
    readonly name: string;
    readonly pid: number;
    readonly pm2_env: { readonly status: string; readonly restart_time: number; readonly exit_code?: number };
  }[];
  const found = all.find(({ name }) => name === app);
  if (found === undefined) throw new Error('pm2 knows no process');
  return {
    pid: found.pid,
    status: found.pm2_env.status,
    restarts: found.pm2_env.restart_time,
    exitCode: found.pm2_env.exit_code,
  };
}

function traced(): string {
  const folder = join(home, 'data', 'trace');
  return existsSync(folder)
    ? globSync('trace-*.log', { cwd: folder })
        .map((file) => readFileSync(join(folder, file), 'utf8'))
        .join('')
    : '';
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('no free loopback port');
  return address.port;
}
