import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

/** A command that tells what reached it. */
const told = `export async function main(argv: readonly string[]): Promise<number> {
  const told = argv[0] === 'wait' ? new Promise<void>((resolve) => {
    const alive = setInterval(() => {}, 1000);
    process.on('SIGTERM', () => { clearInterval(alive); resolve(); });
  }) : undefined;
  const launched = Object.keys(process.env).filter((name) => name.includes('LAUNCHED'));
  const { pid } = process;
  console.log(JSON.stringify({ argv, recent: Boolean(process.features.typescript), cwd: process.cwd(), pid, launched }));
  await told;
  if (argv[0] === 'fall') process.kill(process.pid, 'SIGKILL');
  return argv[0] === 'wait' ? 7 : 5;
}
`;

/** Whether it runs: one that has ended but was not yet taken note of is gone. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** The launcher beside that command; `old` makes the first Node believe that it is Node 12. */
function bundle({ installed = true, old = false }: { readonly installed?: boolean; readonly old?: boolean }) {
  const home = mkdtempSync(join(tmpdir(), 'hub-launcher-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  mkdirSync(join(home, 'src', 'cli'), { recursive: true });
  cpSync(join(root, 'src', 'hub.js'), join(home, 'src', 'hub.js'));
  writeFileSync(join(home, 'src', 'cli', 'main.ts'), told);
  writeFileSync(join(home, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(home, 'old.mjs'),
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '12.22.0' } });",
  );
  if (installed) symlinkSync(join(root, 'node_modules'), join(home, 'node_modules'));
  const args = [...(old ? ['--import', join(home, 'old.mjs')] : []), join(home, 'src', 'hub.js')];
  const run = (...words: readonly string[]): SpawnSyncReturns<string> =>
    spawnSync(process.execPath, [...args, ...words], { encoding: 'utf8', cwd: tmpdir() });
  return { args, run };
}

test('on a good Node the command runs at once, from any folder', () => {
  const { status, stdout } = bundle({}).run('--help', '许可证');
  expect(JSON.parse(stdout)).toMatchObject({ argv: ['--help', '许可证'], cwd: tmpdir() });
  expect(status).toBe(5);
});

test('on an old Node the locked runtime takes over with arguments, folder and exit code', () => {
  const { status, stdout } = bundle({ old: true }).run('code', 'a b');
  expect(JSON.parse(stdout)).toEqual({
    ...{ argv: ['code', 'a b'], recent: true, cwd: tmpdir() },
    ...{ pid: expect.any(Number), launched: [] },
  });
  expect(status).toBe(5);
});

test('a signal reaches the command behind the launcher, and its exit code comes back', async () => {
  const { args } = bundle({ old: true });
  const child = spawn(process.execPath, [...args, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([7, null]);
});

test('a launcher that is killed outright takes the command behind it along', async () => {
  const { args } = bundle({ old: true });
  const launcher = spawn(process.execPath, [...args, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(launcher.stdout, 'data');
  const { pid } = JSON.parse(String(said));
  onTestFinished(() => void (isThere(pid) && process.kill(pid, 'SIGKILL')));
  expect(pid).not.toBe(launcher.pid);
  expect(isThere(pid)).toBe(true);
  launcher.kill('SIGKILL');
  await vi.waitUntil(() => !isThere(pid), { timeout: 20_000 });
});

test('a command that was killed ends the launcher by the same signal', () => {
  expect(bundle({ old: true }).run('fall')).toMatchObject({ status: null, signal: 'SIGKILL' });
});

test('without any runtime one line says what to do', () => {
  const { status, stderr } = bundle({ old: true, installed: false }).run('--help');
  expect(status).toBe(78);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain('npm ci');
});
