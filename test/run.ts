import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `npm test`: every suite, one after the other, each with its time and budget. A server program that is missing is
 * named with the apt-get line that brings it and its tests are skipped; with CI=true or HUB_TEST_INSTALL=yes it is
 * installed, and then a skipped test is a failure. The last line counts: `N passed, N failed, N skipped`.
 * `npm test -- rules engine` runs the named suites only.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const strict = process.env['CI'] === 'true' || process.env['HUB_TEST_INSTALL'] === 'yes';

interface Suite {
  readonly name: string;
  /** Seconds on two cores; shown, not enforced: a busy machine is not a fault. */
  readonly budgetS: number;
  /** Its files share their modules: many small files, and none that changes what others see. Saves a quarter of its time. */
  readonly sharesModules?: true;
  /** Whose tests these are: the first suite with a matching start takes the file, the last one takes the rest. */
  readonly folders: readonly string[];
}

const suites: readonly Suite[] = [
  { name: 'rules', budgetS: 20, folders: ['rules/', 'schemas/', 'settings/', 'calendar/', 'duty/', 'schedule'] },
  { name: 'store and sources', budgetS: 60, folders: ['store/', 'sources/', 'support/'] },
  {
    name: 'protocol',
    budgetS: 90,
    folders: [
      'platforms/',
      'carry/',
      'protocol/',
      'reconcile/',
      'sandbox/',
      'hardened-http',
      'push',
      'pull',
      'run-job',
    ],
  },
  { name: 'evidence', budgetS: 30, sharesModules: true, folders: ['evidence/', 'audit/'] },
  // One run for all of these: beside the long files of the week the others find room.
  { name: 'house', budgetS: 120, folders: [''] },
];

/** Servers that suites start privately, each by a module of its own; without that module nobody needs the server. */
const servers = [
  { program: 'mariadbd', packageName: 'mariadb-server', module: 'mariadb.ts' },
  { program: 'sshd', packageName: 'openssh-server', module: 'sshd.ts' },
  { program: 'redis-server', packageName: 'redis-server', module: 'redis.ts' },
  { program: 'chromium', packageName: 'chromium', module: 'chromium.ts' },
  { program: 'python3', packageName: 'python3', module: 'verifiers.ts' },
  { program: 'pdftoppm', packageName: 'poppler-utils', module: 'poppler.ts' },
] as const;

interface Count {
  readonly passed: number;
  readonly failed: number;
  /** One line per test file that left something out. */
  readonly skips: readonly string[];
  readonly skipped: number;
  readonly files: number;
  /** Each failed test: its file, its name and what it said. */
  readonly failures: readonly string[];
}

interface Outcome extends Count {
  readonly suite: Suite;
  readonly seconds: number;
}

const files = globSync('test/**/*.test.ts', { cwd: root })
  .map((path) => path.split(sep).join('/'))
  .toSorted();

const missing = provide(missingServers());

const wanted = process.argv.slice(2);
const outcomes = suites
  .filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)))
  .map(runSuite)
  .filter((outcome) => outcome !== undefined);
process.exitCode = summarise(outcomes) ? 0 : 1;

function missingServers(): string[] {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return servers
    .filter(({ module }) => existsSync(join(root, 'test', 'support', module)))
    .filter(({ program }) => !folders.some((folder) => existsSync(join(folder, program))))
    .map(({ packageName }) => packageName);
}

/** Installs what is missing where that is wanted, else says how; what is missing afterwards is returned. */
function provide(packages: readonly string[]): string[] {
  if (packages.length === 0) return [];
  const line = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  if (!strict) {
    console.log(
      `缺少 ${packages.join('、')}，相关测试将跳过；安装命令 (missing, their tests are skipped; to install):\n  ${line}\n`,
    );
    return [...packages];
  }
  console.log(`安装 ${packages.join('、')} (installing): ${line}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('sh', ['-c', `{ ${line}; } >&2`], { stdio: 'inherit', env });
  return missingServers();
}

function runSuite(suite: Suite): Outcome | undefined {
  const chosen = files.filter((file) => suiteOf(file) === suite);
  if (chosen.length === 0) return undefined;
  console.log(`\n── ${suite.name}: ${chosen.length} files, budget ${suite.budgetS} s`);
  const folder = mkdtempSync(join(tmpdir(), 'hub-test-'));
  const report = join(folder, 'report.json');
  const start = performance.now();
  const args = [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...(suite.sharesModules === undefined ? [] : ['--no-isolate']),
  ];
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, ...args, ...chosen], { cwd: root, stdio: 'inherit' });
  const seconds = (performance.now() - start) / 1000;
  const count = existsSync(report) ? countOf(readFileSync(report, 'utf8')) : nothing;
  rmSync(folder, { recursive: true, force: true });
  // A file that cannot even be loaded has no tests to fail: the exit code still knows.
  const failed = count.failed === 0 && status !== 0 ? 1 : count.failed;
  return { suite, seconds, ...count, failed };
}

function suiteOf(file: string): Suite | undefined {
  const path = file.slice('test/'.length);
  return suites.find(({ folders }) => folders.some((folder) => path.startsWith(folder)));
}

const nothing: Count = { passed: 0, failed: 0, skipped: 0, skips: [], files: 0, failures: [] };

/** Reads vitest's JSON report. */
function countOf(text: string): Count {
  const report: {
    readonly numPassedTests: number;
    readonly numFailedTests: number;
    readonly numPendingTests: number;
    readonly numTodoTests: number;
    readonly testResults: readonly {
      readonly name: string;
      readonly message: string;
      readonly assertionResults: readonly {
        readonly status: string;
        readonly fullName: string;
        readonly failureMessages: readonly string[];
      }[];
    }[];
  } = JSON.parse(text);
  const skips = report.testResults.flatMap(({ name, assertionResults }) => {
    const left = assertionResults.filter(({ status }) => status !== 'passed' && status !== 'failed').length;
    return left === 0 ? [] : [`${name.slice(root.length)}: ${left}`];
  });
  const failures = report.testResults.flatMap(({ name, message, assertionResults }) => {
    const file = name.slice(root.length);
    const tests = assertionResults.filter(({ status }) => status === 'failed');
    const told = tests.map(({ fullName, failureMessages }) => `${file} › ${fullName}\n${failureMessages.join('\n')}`);
    return message === '' ? told : [`${file}\n${message}`, ...told];
  });
  const skipped = report.numPendingTests + report.numTodoTests;
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped,
    skips,
    failures,
    files: report.testResults.length,
  };
}

function summarise(all: readonly Outcome[]): boolean {
  const sum = (of: (outcome: Outcome) => number): number => all.reduce((total, outcome) => total + of(outcome), 0);
  const [passed, failed, skipped] = [sum((one) => one.passed), sum((one) => one.failed), sum((one) => one.skipped)];
  console.log('\n── 汇总 (summary)');
  for (const one of all) console.log(suiteLine(one));
  for (const failure of all.flatMap(({ failures }) => failures)) console.log(`\n✗ 失败 (failed) ${failure}`);
  for (const skip of all.flatMap(({ skips }) => skips)) console.log(`跳过 (skipped) ${skip}`);
  for (const name of missing) console.log(`缺少 (missing) ${name}`);
  const lacking = strict && (skipped > 0 || missing.length > 0);
  if (lacking) console.log('CI=true 时跳过也算失败 (a skipped test is a failure here)');
  console.log(`\n Test Files  ${sum((one) => one.files)} in ${sum((one) => one.seconds).toFixed(1)} s`);
  console.log(`      Tests  ${failed} failed | ${passed} passed | ${skipped} skipped (${passed + failed + skipped})`);
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 && passed > 0 && !lacking;
}

function suiteLine({ suite, seconds, passed, failed, skipped }: Outcome): string {
  const time = `${seconds.toFixed(1)} s of ${suite.budgetS} s${seconds > suite.budgetS ? ', over budget' : ''}`;
  return `${failed === 0 ? '✓' : '✗'} ${suite.name.padEnd(18)} ${passed} passed, ${failed} failed, ${skipped} skipped · ${time}`;
}
