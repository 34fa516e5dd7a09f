import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/databases.ts';
import { verifiers } from '../support/verifiers.ts';

const root = join(import.meta.dirname, '../..');

const csvJob = `kind: pull
title: { zh: 归集, en: Pull }
division: 传媒机构管理处
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
`;

/** A folder with a bureau's file in it, and the real program to run there. */
function desk() {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'jobs'));
  mkdirSync(join(cwd, 'drop'));
  writeFileSync(join(cwd, 'jobs/pull-csv.yaml'), csvJob);
  writeFileSync(join(cwd, 'drop/a.csv'), csv);
  writeFileSync(join(cwd, 'drop/a.csv.ok'), '');
  return async (...args: string[]) => {
    const env = { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas'), HUB_BACKUP_TO: join(cwd, 'far') };
    const child = spawn(process.execPath, [join(root, 'src/hub.js'), ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code, out, err, cwd };
  };
}

test('from the first key to a pack that verifies, and a copy that lies elsewhere, with the real program', {
  timeout: 60_000,
}, async () => {
  const hub = desk();
  expect((await hub('run', 'pull-csv')).code).toBe(0);
  const key = (await hub('signer', 'init')).out.trim();
  expect((await hub('signer', '--once')).code).toBe(0);
  const exported = await hub('log', 'export', '--all', '--out', 'log.zip', '--json');
  expect(JSON.parse(exported.out)).toMatchObject({ out: 'log.zip', origin: 'zhengxin-hub/delivery-log' });
  for (const { run } of verifiers) {
    const verdict = await run(join(exported.cwd, 'log.zip'), ['--key', key, '--no-seen']);
    expect(verdict).toMatchObject({ code: 0, findings: [] });
  }
  expect((await hub('log', 'prove', '0', '--out', 'first.tlog-proof')).out).toContain('→ first.tlog-proof');
  for (const { run } of verifiers)
    expect(await run(join(exported.cwd, 'first.tlog-proof'), ['--key', key, '--no-seen'])).toMatchObject({
      code: 0,
      findings: [],
      summary: { index: 0, origin: 'zhengxin-hub/delivery-log' },
    });
  expect((await hub('log', 'export', '--all', '--out', 'log.zip')).err).toContain('PACK_EXISTING');
  const asked = await hub('ledger', '(桂)字第00123号', '--as-of', '2020-01-01', '--json');
  expect(JSON.parse(asked.out)).toMatchObject([{ ledger: [], told: [] }]);
  const before = (await hub('ledger', '(桂)字第00123号', '--as-of', '2020-01-01')).out;
  expect(before).toContain('no platform had been told');
  expect(before).not.toContain('版本 version');
  const [none, two, day, copied] = await Promise.all([
    hub('log', 'export', '--batch', 'abcdefgh', '--out', 'b.zip', '--json'),
    hub('log', 'export', '--all', '--period', '2026-W48', '--out', 'c.zip'),
    hub('ledger', '（桂）字第00123号', '--as-of', 'yesterday'),
    hub('backup', '--json'),
  ]);
  expect(none).toMatchObject({
    code: 1,
    out: expect.stringContaining('PACK_EMPTY'),
    err: expect.stringContaining('PACK_EMPTY'),
  });
  expect([two.code, day.code]).toEqual([2, 2]);
  const { name, sha256 } = JSON.parse(copied.out);
  expect(readFileSync(join(copied.cwd, 'far', name)).length).toBeGreaterThan(1000);
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
});
