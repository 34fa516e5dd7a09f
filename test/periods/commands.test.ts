import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/databases.ts';
import { hub } from '../support/hub-process.ts';

const root = join(import.meta.dirname, '../..');

const push = (lines: string): string => `kind: push
title: { zh: 报送, en: Push }
duty: { basis: 实施方案七(三), every: friday, start: "09:00", due: "18:00", grace: 1d, goLive: 2024-01-01 ${lines} }
platform: { use: http, url: "http://127.0.0.1:9/" }
types: { "licence/*": credit-sharing/licence-2018 }
`;

/** A folder with one duty and a copy of the schemas. */
function setup(lines = '', goLive = '2024-01-01') {
  const dir = temporaryFolder();
  mkdirSync(join(dir, 'jobs'));
  writeFileSync(join(dir, 'jobs/push-platform.yaml'), push(lines).replace('2024-01-01', goLive));
  cpSync(join(root, 'schemas'), join(dir, 'schemas'), { recursive: true });
  const env = {
    HUB_JOBS_DIR: join(dir, 'jobs'),
    HUB_SCHEMAS_DIR: join(dir, 'schemas'),
    HUB_DATA_DIR: join(dir, 'data'),
  };
  return { dir, run: (...words: string[]) => hub(words, { env }) };
}

test('hub forecast prints the Fridays of three years with what moved them, and makes no database', async () => {
  const { dir, run } = setup();
  const { code, stdout } = await run('forecast', '--from', '2024-01-01', '--to', '2026-12-31', '--json');
  expect(code).toBe(0);
  const lines: { period: string; planned: string; due: string; movedBy: string | null }[] = JSON.parse(stdout);
  expect(lines).toHaveLength(156);
  const moved = lines.filter(({ movedBy }) => movedBy !== null);
  expect(moved.map(({ period, planned, movedBy }) => `${period} ${planned.slice(0, 10)} ${movedBy}`)).toEqual([
    '2024-W07 2024-02-19 春节 (next-workday)',
    '2024-W14 2024-04-03 清明 (previous-workday)',
    '2024-W15 2024-04-10 壮族三月三 (previous-workday)',
    '2024-W18 2024-04-30 劳动节 (previous-workday)',
    '2024-W40 2024-09-30 国庆节 (previous-workday)',
    '2025-W05 2025-01-27 春节 (previous-workday)',
    '2025-W14 2025-04-03 清明 (previous-workday)',
    '2025-W18 2025-04-30 劳动节 (previous-workday)',
    '2025-W40 2025-09-30 国庆节 (previous-workday)',
    '2026-W01 2025-12-31 元旦 (previous-workday)',
    '2026-W08 2026-02-14 春节 (previous-workday)',
    '2026-W16 2026-04-16 壮族三月三 (previous-workday)',
    '2026-W18 2026-04-30 劳动节 (previous-workday)',
    '2026-W25 2026-06-18 端午 (previous-workday)',
    '2026-W39 2026-09-24 中秋 (previous-workday)',
    '2026-W40 2026-09-30 国庆节 (previous-workday)',
  ]);
  expect(existsSync(join(dir, 'data/hub.db'))).toBe(false);
});

test('the host’s time zone changes no line of the forecast', async () => {
  const { run, dir } = setup();
  const env = { HUB_JOBS_DIR: join(dir, 'jobs'), HUB_SCHEMAS_DIR: join(dir, 'schemas') };
  const words = ['forecast', '--from', '2026-01-01', '--to', '2027-03-01', '--json'];
  const here = await run(...words);
  for (const TZ of ['America/New_York', 'Asia/Shanghai']) {
    expect((await hub(words, { env: { ...env, TZ } })).stdout).toBe(here.stdout);
  }
}, 30_000);

test('a year without data is marked in the forecast and fails hub calendar show', async () => {
  const { run } = setup();
  const { stdout } = await run('forecast', '--from', '2029-01-01', '--to', '2029-01-31', '--json');
  expect(JSON.parse(stdout)[0]).toMatchObject({ calendar: 'no-data' });
  const shown = await run('calendar', 'show', '--year', '2029', '--json');
  expect(shown.code).toBe(1);
  expect(JSON.parse(shown.stdout)).toMatchObject([{ year: 2029, coverage: 'no-data', days: [] }]);
  const plain = await run('forecast', '--from', '2029-01-01', '--to', '2029-01-31');
  expect(plain.stderr).toContain('没有 2029 年的工作日历');
});

test('a wrong notice is refused with every fault and its line, and changes nothing', async () => {
  const { run, dir } = setup();
  await run('migrate');
  const before = readFileSync(join(dir, 'schemas/calendar.json'), 'utf8');
  const file = join(dir, 'notice.json');
  writeFileSync(
    file,
    `{ "years": [],\n "days": [\n  { "date": "2027-02-30", "kind": "off", "scope": "national", "name": "春节", "source": "x" },\n  { "date": "2027-02-08", "kind": "holiday", "scope": "national", "name": "春节", "source": "x" } ] }`,
  );
  const { code, stderr } = await run('calendar', 'import', file, '--reason', '国办通知');
  expect(code).toBe(78);
  expect(stderr).toContain('notice.json:3 ');
  expect(stderr).toContain('notice.json:4 ');
  expect(readFileSync(join(dir, 'schemas/calendar.json'), 'utf8')).toBe(before);
});

const WHOLE = ['01-01', '02-05', '02-08', '04-05', '05-01', '06-09', '06-11', '09-15', '10-01'].map(
  (day) => `2027-${day}`,
);

test('a notice that is entered moves the Fridays it speaks of', async () => {
  const { run, dir } = setup();
  await run('migrate');
  const file = join(dir, 'notice.json');
  const source = '国务院办公厅通知';
  const day = (date: string, kind: string) => ({ date, kind, scope: 'national', name: '放假', source });
  writeFileSync(
    file,
    JSON.stringify({
      years: [{ year: 2027, scope: 'national', state: 'confirmed', source }],
      days: WHOLE.map((date) => day(date, 'off')),
    }),
  );
  const { code, stdout } = await run('calendar', 'import', file, '--reason', '国办通知', '--json');
  expect({ code, counts: JSON.parse(stdout) }).toEqual({ code: 0, counts: { days: WHOLE.length, years: 1 } });
  const forecast = await run('forecast', '--from', '2027-02-01', '--to', '2027-06-11', '--json');
  const moved = (JSON.parse(forecast.stdout) as { nominal: string; movedBy: string | null }[]).filter(
    ({ movedBy }) => movedBy !== null,
  );
  // 2027-02-12 was only guessed and is gone, the region's own guess stays.
  expect(moved.map(({ nominal }) => nominal)).toEqual(['2027-02-05', '2027-04-09', '2027-06-11']);
});

test('a part of a notice is not taken for the year: it is refused with the holidays that would be lost', async () => {
  const { run, dir } = setup();
  await run('migrate');
  const before = readFileSync(join(dir, 'schemas/calendar.json'), 'utf8');
  const file = join(dir, 'notice.json');
  const source = '国务院办公厅通知';
  const days = ['2027-01-01', '2027-10-01'].map((date) => ({
    date,
    kind: 'off',
    scope: 'national',
    name: '假',
    source,
  }));
  writeFileSync(file, JSON.stringify({ years: [{ year: 2027, scope: 'national', state: 'confirmed', source }], days }));
  const { code, stderr } = await run('calendar', 'import', file, '--reason', '国办通知');
  expect(code).toBe(78);
  for (const name of ['春节 2027-02-05', '清明节', '劳动节', '端午节', '中秋节']) expect(stderr).toContain(name);
  expect(readFileSync(join(dir, 'schemas/calendar.json'), 'utf8')).toBe(before);
});

test('a duty that cannot be is refused with its line', async () => {
  const { run } = setup(', extraPush: always, makeUpSunday: "yes"');
  const { code, stderr } = await run('forecast');
  expect(code).toBe(78);
  expect(stderr).toMatch(/push-platform\.yaml:3 .*extraPush/);
  expect(stderr).toMatch(/push-platform\.yaml:3 .*makeUpSunday/);
});

test('hub duty on a machine where no period has come says so', async () => {
  const { run } = setup('', '2099-01-01');
  await run('migrate');
  expect(JSON.parse((await run('duty', '--json')).stdout)).toEqual([]);
  const wrong = await run('duty', '--period', '2026-W60');
  expect(wrong.code).toBe(2);
});

test('before the first serve hub duty shows the periods that are overdue, and exits as hub check --overdue does', async () => {
  const { run } = setup();
  await run('migrate');
  const { code, stdout } = await run('duty', '--limit', '3', '--json');
  const reports: { period: string; outcome: string; causes: { code: string }[] }[] = JSON.parse(stdout);
  expect(reports).toHaveLength(3);
  expect(reports.at(-1)).toMatchObject({ outcome: 'missed', causes: [{ code: 'process-down' }] });
  expect([code, (await run('check', '--overdue')).code]).toEqual([1, 1]);
  const one = await run('duty', '--period', '2024-W02', '--json');
  expect(JSON.parse(one.stdout)).toMatchObject([{ period: '2024-W02', state: 'open' }]);
}, 30_000);

test('hub preview and its confirm refuse a division and a period that there is not', async () => {
  const { run } = setup();
  await run('migrate');
  const nowhere = await run('preview', '--division', '不存在处');
  expect([nowhere.code, nowhere.stdout]).toEqual([1, '']);
  expect(nowhere.stderr).toContain('没有处室 不存在处');
  const never = await run('preview', '--period', '2099-W45');
  expect(never.code).toBe(1);
  expect(never.stderr).toContain('没有待报的 2099-W45 期');
}, 30_000);
