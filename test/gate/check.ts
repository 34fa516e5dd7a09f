import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brokenImports } from './floors.ts';

/** One rule of the house; says what is wrong, or nothing. */
interface Step {
  readonly name: string;
  readonly run: (root: string) => string;
}

const program =
  (...words: readonly [string, ...string[]]) =>
  (root: string): string => {
    const [command, ...args] = words;
    const shell = process.platform === 'win32';
    const env = {
      ...process.env,
      PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}`,
    };
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8', shell, env });
    return status === 0
      ? ''
      : `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` || `${command} ended with ${status}`;
  };

const unitTests = [
  'test/rules/',
  'test/schemas/',
  'test/settings/',
  'test/calendar/',
  'test/duty/',
  'test/schedule.test.ts',
];

const steps: readonly Step[] = [
  { name: 'types', run: program('tsc', '-p', '.') },
  { name: 'lint and format', run: program('biome', 'ci', '--max-diagnostics=50', '--colors=off') },
  { name: 'imports', run: (root) => brokenImports(root).join('\n') },
  { name: 'dead code', run: program('knip', '--no-progress', '--no-config-hints') },
  { name: 'unit tests', run: program('vitest', 'run', '--config', 'test/vitest.config.ts', ...unitTests) },
];

/** Runs the named steps (all without a name) in `root`, prints each with its time, and counts the broken ones. */
export function check(root: string, names: readonly string[] = []): number {
  const chosen = steps.filter(({ name }) => names.length === 0 || names.includes(name));
  const begun = performance.now();
  const broken = chosen.filter(({ name, run }) => {
    const start = performance.now();
    const wrong = run(root).trim();
    console.log(`${wrong === '' ? '✓' : '✗'} ${name.padEnd(16)} ${seconds(start)}`);
    if (wrong !== '') console.log(wrong.replaceAll(/^/gm, '  '));
    return wrong !== '';
  });
  console.log(`${chosen.length - broken.length} of ${chosen.length} steps good, ${seconds(begun)}`);
  return broken.length;
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  process.exitCode = check(root, process.argv.slice(2)) === 0 ? 0 : 1;
}
