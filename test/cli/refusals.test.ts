import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { machine } from '../accounts/machine.ts';
import { temporaryFolder } from '../support/databases.ts';

const pushJob = `kind: push
title: { zh: 报送, en: Push }
duty: { basis: 测试, every: friday, start: "09:00", due: "18:00", grace: 1d, whenOff: previous-workday, goLive: 2099-01-02 }
platform: { use: http, url: "\${FAR_URL}", auth: { bearer: "\${FAR_TOKEN}" } }
types: { "licence/*": credit-sharing/licence-2018 }
`;

/** A hub with one platform and an empty library; its commands run in this process, one after the other. */
async function emptyHub() {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'jobs'));
  writeFileSync(join(cwd, 'jobs/push-far.yaml'), pushJob);
  const schemas = join(import.meta.dirname, '../../schemas');
  const own = { FAR_URL: 'http://127.0.0.1:9', FAR_TOKEN: 'x'.repeat(20), HUB_SCHEMAS_DIR: schemas };
  for (const [name, value] of Object.entries(own)) vi.stubEnv(name, value);
  const before = process.cwd();
  process.chdir(cwd);
  onTestFinished(() => process.chdir(before));
  const said = { out: '', err: '' };
  const into = (name: 'out' | 'err') => (text: string | Uint8Array) => {
    said[name] += text;
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(into('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(into('err'));
  process.stdout.setMaxListeners(0);
  onTestFinished(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  });
  const hub = async (words: string) => {
    Object.assign(said, { out: '', err: '' });
    return { code: await main(words.split(' ')), ...said };
  };
  await hub('migrate');
  return hub;
}

/** What is named is not there: each command, and the code that says so. */
const NOT_THERE: readonly (readonly [words: string, code: string])[] = [
  ['run push-fra', 'JOB_UNKNOWN'],
  ['batches abcdef --json', 'BATCH_UNKNOWN'],
  ['batches release abcdef --reason 无', 'BATCH_UNKNOWN'],
  ['batches close abcdef --as accepted --reason 无', 'BATCH_UNKNOWN'],
  ['approve show 99 --json', 'APPROVAL_UNKNOWN'],
  ['approve 99 --reason 无', 'APPROVAL_UNKNOWN'],
  ['quarantine show 99 --json', 'TICKET_UNKNOWN'],
  ['quarantine retry 99 --reason 无', 'TICKET_UNKNOWN'],
  ['quarantine waive 99 --reason 无', 'TICKET_UNKNOWN'],
  ['runs stop 99 --reason 无', 'RUN_UNKNOWN'],
  ['hold 没有的 --reason 无', 'RECORD_UNKNOWN'],
  ['release 没有的 --reason 无', 'RECORD_UNKNOWN'],
  ['repair 没有的 --platform far --notice N1 --decided 2026-11-20 --reason 无', 'RECORD_UNKNOWN'],
  ['hold 没有的 --platform fra --reason 无', 'PLATFORM_UNKNOWN'],
  ['pause --platform fra --reason 无', 'PLATFORM_UNKNOWN'],
  ['resume --platform fra --reason 无', 'PLATFORM_UNKNOWN'],
  ['preview --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['preview --platform far --period 2199-W01', 'PERIOD_UNKNOWN'],
  ['reconcile --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['resync --platform fra --reason 无', 'PLATFORM_UNKNOWN'],
  ['resync --platform far --key 没有的 --reason 无', 'RECORD_UNKNOWN'],
  ['resync --platform far --type licence/x --reason 无', 'TYPE_UNKNOWN'],
  ['receipts import nothing.csv --platform far --reason 无', 'FILE_MISSING'],
  ['ferry pack --platform fra --to out --reason 无', 'PLATFORM_UNKNOWN'],
  ['alarm close 99 --reason 无', 'ALARM_UNKNOWN'],
  ['calendar import nothing.json --reason 无', 'FILE_MISSING'],
  ['log prove 没有的 --json', 'PROOF_UNKNOWN'],
  ['log verify --against nothing.txt', 'FILE_MISSING'],
  ['runs --job push-fra', 'JOB_UNKNOWN'],
  ['runs --job push-fra --json', 'JOB_UNKNOWN'],
  ['batches --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['quarantine list --job push-fra', 'JOB_UNKNOWN'],
  ['quarantine list --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['quarantine list --division 没有的处', 'DIVISION_UNKNOWN'],
  ['preview --division 没有的处 --json', 'DIVISION_UNKNOWN'],
  ['duty --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['ledger 91450100MA5KA0017F --platform fra --json', 'PLATFORM_UNKNOWN'],
  ['receipts waiting --platform fra', 'PLATFORM_UNKNOWN'],
  ['log export --all --platform fra --out p', 'PLATFORM_UNKNOWN'],
  ['log --batch abcdef --json', 'BATCH_UNKNOWN'],
  ['log export --batch abcdef --out p.zip', 'PACK_EMPTY'],
  ['user disable nobody --reason 无', 'ACCOUNT_UNKNOWN'],
  ['restore nothing.bak --reason 无', 'FILE_MISSING'],
];

test('what is named and not there is exit code 1 in every command; with --json the refusal is the one document', {
  timeout: 120_000,
}, async () => {
  const hub = await emptyHub();
  for (const [words, wanted] of NOT_THERE) {
    const { code, out, err } = await hub(words);
    expect([words, code, err]).toEqual([words, 1, expect.stringContaining(`[${wanted}]`)]);
    const document = { error: { code: wanted, message: expect.any(String), fix: expect.any(String) } };
    expect([words, words.endsWith('--json') ? JSON.parse(out) : out]).toEqual([
      words,
      words.endsWith('--json') ? document : '',
    ]);
  }
});

test('a filter that names what is there or was once answers, however empty; a slip of the pen is told the nearest name', async () => {
  const hub = await emptyHub();
  for (const words of ['runs --job push-far', 'batches --platform far', 'quarantine list --platform far'])
    expect([words, (await hub(words)).code]).toEqual([words, 0]);
  const slip = await hub('runs --job push-fra');
  expect(slip.err).toContain('是否想写 push-far？');
  expect(slip.err).toContain('现有作业 (jobs): push-far');
  expect(await hub('run push-far --dry-run')).toMatchObject({ out: expect.stringContaining('push-far') });
  rmSync('jobs/push-far.yaml');
  expect(await hub('runs --job push-far')).toMatchObject({ code: 0, out: expect.stringContaining('push-far') });
  expect((await hub('quarantine list --stage late')).code).toBe(2);
});

test('the version is told without any command being loaded', () => {
  const tell =
    'data:text/javascript,import{registerHooks}from"node:module";registerHooks({load:(u,c,n)=>(process.stderr.write(u+"\\n"),n(u,c))})';
  const program = join(import.meta.dirname, '../../src/hub.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', tell, program, '--version'], {
    encoding: 'utf8',
  });
  const loaded = stderr.split('\n').filter((url) => /\/cli\/(?!main\.ts)|\/store\/|knex/.test(url));
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  expect(stderr).toContain('/cli/main.ts');
  expect(loaded.filter((url) => !/\/cli\/(command|print|usage-words)\.ts/.test(url))).toEqual([]);
});

test('with --json every refusal is one document: a wrong set-up, wrong words, a database that is not there', async () => {
  const { hub, cwd } = machine('sqlite:data/hub.db');
  const errorOf = async (words: string) => {
    const { code, out } = await hub(words);
    return [code, JSON.parse(out).error];
  };
  expect(await errorOf('runs --json')).toEqual([
    1,
    { code: 'DATABASE_MISSING', message: expect.any(String), fix: expect.any(String) },
  ]);
  expect(await errorOf('runs --jsn --json')).toMatchObject([2, { code: 'USAGE_WRONG' }]);
  expect(await errorOf('run x --since never --json')).toMatchObject([2, { code: 'USAGE_WRONG' }]);
  writeFileSync(join(cwd, '.env'), 'HUB_TIMEZON=UTC\n');
  expect(await errorOf('runs --json')).toMatchObject([
    78,
    { code: 'SETUP_WRONG', faults: [{ where: 'HUB_TIMEZON', zh: expect.any(String) }] },
  ]);
});

test('hub check --overdue says that the hub never started: without a database, and with an empty one', async () => {
  const { cwd, hub } = machine('sqlite:data/hub.db');
  const seen = async () => {
    const { code, out } = await hub('check --overdue --json');
    return [code, JSON.parse(out)];
  };
  const never = { good: false, sentences: [expect.stringContaining('never started')], silentMinutes: null };
  expect(await seen()).toEqual([1, never]);
  mkdirSync(join(cwd, 'data'));
  writeFileSync(join(cwd, 'data/hub.db'), '');
  expect(await seen()).toEqual([1, never]);
});
