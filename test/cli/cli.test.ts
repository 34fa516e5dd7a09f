import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the real program in a folder of its own. */
async function hub(
  args: readonly string[],
  { cwd = folder(), env = {} }: { cwd?: string; env?: object } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [join(root, 'src/hub.js'), ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, out, err };
}

// The tests run side by side, where vitest cannot tell whose clean-up a global hook is.
const folders: string[] = [];
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const dir of folders) rmSync(dir, { recursive: true, force: true });
});

/** An empty set-up: a folder with `jobs/`. */
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'hub-cli-'));
  folders.push(dir);
  mkdirSync(join(dir, 'jobs'));
  return dir;
}

const csvJob = `kind: pull
title: { zh: 归集印刷经营许可证, en: Pull printing licences }
division: 印刷发行处
source: { use: files, folder: drop, match: "*.csv", marker: .ok }
type: licence/broadcast-production
mapping:
  number: 许可证号
  holder.name: 企业名称
  holder.creditCode: { from: 统一社会信用代码, as: credit-code }
  validFrom: { from: 有效期自, as: date }
  validUntil: { from: 有效期至, as: date }
  publicity: { const: 主动公开 }
samples:
  - raw: { 许可证号: （桂）字第00123号, 企业名称: 南宁某某文化传媒有限公司, 统一社会信用代码: 91450100MA5KA0017F, 有效期自: 2025/04/01, 有效期至: 2027/03/31 }
    gives: { number: （桂）字第00123号 }
`;

const csv = `许可证号,企业名称,统一社会信用代码,有效期自,有效期至
（桂）字第00123号,南宁某某文化传媒有限公司,91450100MA5KA0017F,2025/04/01,2027/03/31
（桂）字第00124号,柳州某某影视有限公司,91450200MA5KA0025X,2025/04/01,2027/03/31
`;

function bureau(): string {
  const cwd = folder();
  writeFileSync(join(cwd, 'jobs/pull-csv.yaml'), csvJob);
  mkdirSync(join(cwd, 'drop'));
  writeFileSync(join(cwd, 'drop/a.csv'), csv);
  writeFileSync(join(cwd, 'drop/a.csv.ok'), '');
  return cwd;
}

describe('hub', { concurrent: true }, () => {
  it('checks credit codes and says by its exit code whether all are good', async () => {
    const { code, out } = await hub(['code', 'check', '91450100MA5KA0017F', '91440300708461136U', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { code: '91450100MA5KA0017F', valid: true, faults: [] },
      { code: '91440300708461136U', valid: false, faults: [{ level: 'error' }] },
    ]);
  });

  it('ends with 2 on wrong usage, with 1 where what is named is not there, and asks what was meant', async () => {
    const [command, option, nothing, job] = await Promise.all([
      hub(['quarantin']),
      hub(['runs', '--jsn']),
      hub([]),
      hub(['run', 'pull-cvs', '--json'], { cwd: bureau() }),
    ]);
    expect(command).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('是否想写 quarantine？ (did you mean quarantine?)'),
    });
    expect(option).toMatchObject({ code: 2, err: expect.stringContaining('--json') });
    expect(nothing.code).toBe(2);
    expect(job).toMatchObject({ code: 1, err: expect.stringContaining('did you mean pull-csv?') });
  });

  it('takes no blank reason', async () => {
    for (const reason of ['', ' ', '—']) {
      const { code, err } = await hub(['quarantine', 'waive', '1', '--reason', reason]);
      expect({ reason, code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--reason') });
    }
  });

  it('says what is wrong with a number or a range of days', async () => {
    const cwd = bureau();
    await hub(['migrate'], { cwd });
    const [ticket, range] = await Promise.all([
      hub(['quarantine', 'show', 'abc'], { cwd }),
      hub(['run', 'pull-csv', '--since', '2026-02-03', '--until', '2026-01-01'], { cwd }),
    ]);
    expect(ticket).toMatchObject({ code: 2, out: '', err: expect.stringContaining('whole number') });
    expect(range).toMatchObject({ code: 2, out: '', err: expect.stringContaining('is after') });
  });

  it('ends with 78 on a wrong set-up and lists every fault with its place', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, '.env'), 'HUB_LISTEN=0.0.0.0:1\nHUB_TIMEZON=UTC\n');
    writeFileSync(join(cwd, 'jobs/pull-x.yaml'), csvJob.replace('division', 'divison'));
    const [plain, json, other] = await Promise.all([
      hub(['check'], { cwd }),
      hub(['check', '--json'], { cwd }),
      hub(['run', 'pull-x'], { cwd }),
    ]);
    expect([plain.code, json.code, other.code]).toEqual([78, 78, 78]);
    expect(plain.out).toBe('');
    for (const { err } of [plain, other]) {
      expect(err).toContain('HUB_LISTEN');
      expect(err).toContain('did you mean HUB_TIMEZONE?');
      expect(err).toContain('jobs/pull-x.yaml:3');
    }
    expect(JSON.parse(json.out)).toMatchObject({
      good: false,
      faults: expect.arrayContaining([expect.objectContaining({ line: 3 })]),
    });
  });

  it('says that all is good', async () => {
    const { code, out } = await hub(['check', '--json'], { cwd: bureau() });
    expect(JSON.parse(out)).toMatchObject({ good: true, jobs: 1, faults: [] });
    expect(code).toBe(0);
  });

  it('prints help on standard output and ends with 0', async () => {
    const { code, out } = await hub(['--help']);
    expect(code).toBe(0);
    for (const command of ['check', 'run', 'serve', 'sandbox', 'demo', 'ledger', 'quarantine', 'log'])
      expect(out).toContain(command);
  });

  it('does not make an empty database only because somebody asks', async () => {
    const { code, err } = await hub(['runs']);
    expect(code).toBe(1);
    expect(err).toContain('DATABASE_MISSING');
  });

  it('pulls a folder of files and shows what it kept and what it set aside', async () => {
    const cwd = bureau();
    const run = await hub(['run', 'pull-csv', '--json'], { cwd });
    expect(JSON.parse(run.out)).toMatchObject([
      { job: 'pull-csv', state: 'done', counts: { read: 2, accepted: 1, unchanged: 0, quarantined: 1 } },
    ]);
    expect(run.code).toBe(0);
    const ledger = await hub(['ledger', '91450100MA5KA0017F', '--json'], { cwd });
    expect(JSON.parse(ledger.out)).toMatchObject([
      { number: '（桂）字第00123号', newestVersion: 1, ledger: [{ version: 1, platform: null }] },
    ]);
    const [waiting] = JSON.parse((await hub(['quarantine', 'list', '--json'], { cwd })).out);
    expect(waiting).toMatchObject({ division: '印刷发行处', number: '（桂）字第00124号', stage: 'intake' });
    const shown = await hub(['quarantine', 'show', String(waiting.id), '--raw'], { cwd });
    expect(shown.out).toContain('91450200MA5KA0025X');
    const waived = await hub(['quarantine', 'waive', String(waiting.id), '--reason', '测试'], { cwd });
    expect(waived.code).toBe(0);
    expect(JSON.parse((await hub(['quarantine', 'list', '--json'], { cwd })).out)).toEqual([]);
    expect((await hub(['ledger', 'nobody'], { cwd })).code).toBe(1);
  });

  it('answers every reading command with exactly one JSON document', async () => {
    const cwd = bureau();
    await hub(['run', 'pull-csv'], { cwd });
    for (const command of [['jobs'], ['runs'], ['batches'], ['log'], ['quarantine', 'list'], ['migrate']]) {
      const { code, out } = await hub([...command, '--json'], { cwd });
      expect([command, code, typeof JSON.parse(out)]).toEqual([command, 0, 'object']);
    }
  });

  it('serves health on loopback until it is told to stop, then ends with 0', async () => {
    const cwd = bureau();
    const child = spawn(process.execPath, [join(root, 'src/hub.js'), 'serve'], {
      cwd,
      env: { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas'), HUB_LISTEN: '127.0.0.1:0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    let said = '';
    for await (const chunk of child.stderr) {
      said += chunk;
      if (said.includes('/readyz')) break;
    }
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? '';
    const statuses = await Promise.all(
      ['/healthz', '/readyz', '/other'].map(async (path) => (await fetch(url + path)).status),
    );
    expect(statuses).toEqual([200, 200, 404]);
    const second = await hub(['serve'], { cwd, env: { HUB_LISTEN: new URL(url).host } });
    expect(second).toMatchObject({ code: 1, err: expect.stringContaining('LISTEN_REFUSED') });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('serves all the same where others may read the secrets in .env, and warns of it in the trace; not once they may not', async () => {
    const cwd = bureau();
    writeFileSync(join(cwd, '.env'), 'FAR_TOKEN=canary-of-the-far-end\n');
    for (const [mode, warned] of [
      [0o644, true],
      [0o600, false],
    ] as const) {
      chmodSync(join(cwd, '.env'), mode);
      rmSync(join(cwd, 'data/trace'), { recursive: true, force: true });
      const child = spawn(process.execPath, [join(root, 'src/hub.js'), 'serve'], {
        cwd,
        env: { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas'), HUB_LISTEN: '127.0.0.1:0' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push(child);
      const over = once(child, 'exit');
      const said = text(child.stdout);
      let err = '';
      for await (const chunk of child.stderr) {
        err += chunk;
        if (err.includes('/readyz')) child.kill('SIGTERM');
      }
      expect(await over).toEqual([0, null]);
      const trace = readdirSync(join(cwd, 'data/trace'))
        .filter((name) => name.endsWith('.log'))
        .map((name) => readFileSync(join(cwd, 'data/trace', name), 'utf8'))
        .join('');
      const about = trace.split('\n').filter((line) => line.includes('env-file-readable'));
      expect(about.map((line) => JSON.parse(line))).toMatchObject(
        warned ? [{ level: 'warn', mode: '0644', fix: expect.stringMatching(/^chmod 600 .*\.env$/) }] : [],
      );
      expect(err.includes('env-file-readable')).toBe(warned);
      expect(`${trace}${err}${await said}`).not.toContain('canary');
    }
  });
});
