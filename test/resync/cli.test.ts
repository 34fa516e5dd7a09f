import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { machine } from '../accounts/machine.ts';
import { cleanUp } from '../support/hub.ts';
import { platformServer } from '../support/platform-server.ts';

const pullJob = `kind: pull
title: { zh: 归集, en: Pull }
division: 传媒机构管理处
source: { use: files, folder: drop, match: "*.csv", marker: .ok }
type: licence/broadcast-production
mapping:
  number: 许可证号
  holder.name: 企业名称
  holder.creditCode: { from: 统一社会信用代码, as: credit-code }
  holder.legalRepresentative: 法定代表人
  document.title: { const: 许可决定书 }
  content: { const: 广播电视节目制作 }
  decidedOn: { from: 有效期自, as: date }
  validFrom: { from: 有效期自, as: date }
  validUntil: { from: 有效期至, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
samples:
  - raw: { 许可证号: （桂）字第00123号, 企业名称: 南宁某某文化传媒有限公司, 统一社会信用代码: 91450100MA5KA0017F, 法定代表人: 韦某某, 有效期自: 2025/04/01, 有效期至: 2027/03/31 }
    gives: { number: （桂）字第00123号 }
`;

const csv = `许可证号,企业名称,统一社会信用代码,法定代表人,有效期自,有效期至
（桂）字第00123号,南宁某某文化传媒有限公司,91450100MA5KA0017F,韦某某,2025/04/01,2027/03/31
`;

const pushJob = `kind: push
title: { zh: 报送, en: Push }
platform: { use: http, url: "\${CREDIT_URL}", batchSize: 100 }
types: { "licence/*": credit-sharing/licence-2018 }
`;

test('a resync by real processes: preview, second person, sent once; then a changed job waits for one too', {
  timeout: 90_000,
}, async () => {
  const far = await platformServer();
  cleanUp(() => far.close());
  const settings = { CREDIT_URL: far.url, HUB_RESYNC_APPROVAL: '0' };
  const { cwd, hub, arrive } = machine('sqlite:data/hub.db', settings);
  writeFileSync(join(cwd, 'jobs/pull-csv.yaml'), pullJob);
  writeFileSync(join(cwd, 'jobs/push-credit-sharing.yaml'), pushJob);
  mkdirSync(join(cwd, 'drop'));
  writeFileSync(join(cwd, 'drop/a.csv'), csv);
  writeFileSync(join(cwd, 'drop/a.csv.ok'), '');
  await arrive('--role sysadmin --first', 'chief');
  await arrive('--role operator', 'wei', 'chief');
  await arrive('--role approver', 'nong', 'chief');
  expect(await hub('run pull-csv --reason 首次', { as: 'wei' })).toMatchObject({ code: 0 });

  const command = 'resync --platform credit-sharing --reason 平台丢失 --json';
  const shown = await hub(`${command} --dry-run`, { as: 'wei' });
  expect(JSON.parse(shown.out)).toMatchObject({ outcome: 'preview', preview: { sends: 1, counts: { new: 1 } } });
  const asked = await hub(command, { as: 'wei' });
  expect([asked.code, JSON.parse(asked.out)]).toMatchObject([
    1,
    { outcome: 'waiting', request: { id: 1, state: 'open' } },
  ]);
  expect(far.requests).toHaveLength(0);
  expect(await hub('resync --platform credit-shering --reason x', { as: 'wei' })).toMatchObject({
    code: 1,
    err: expect.stringContaining('credit-sharing'),
  });
  expect(await hub('resync --platform credit-sharing', { as: 'wei' })).toMatchObject({ code: 2 });
  expect(JSON.parse((await hub('approve list --json', { as: 'nong' })).out)).toMatchObject([
    { id: 1, kind: 'resync', askedBy: 'user:wei' },
  ]);
  expect(await hub('approve 1 --reason 已核对', { as: 'nong' })).toMatchObject({ code: 0 });
  const sent = await hub(command, { as: 'wei' });
  expect([sent.code, JSON.parse(sent.out)]).toMatchObject([
    0,
    { outcome: 'sent', report: { counts: { accepted: 1 } } },
  ]);
  const again = await hub(command, { as: 'wei' });
  expect([again.code, JSON.parse(again.out)]).toMatchObject([
    0,
    { outcome: 'repeated', resync: { id: 1, state: 'done' } },
  ]);
  expect(far.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);

  const guarded = { ...settings, HUB_APPROVALS: 'on' };
  writeFileSync(
    join(cwd, '.env'),
    Object.entries(guarded)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { mode: 0o600 },
  );
  expect(await hub('run push-credit-sharing', { as: 'wei' })).toMatchObject({ code: 0 });
  const file = join(cwd, 'jobs/push-credit-sharing.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('batchSize: 100', 'batchSize: 7'));
  const held = await hub('run push-credit-sharing', { as: 'wei' });
  expect(held).toMatchObject({ code: 0, err: expect.stringContaining('configuration-held') });
  const check = await hub('check --json');
  expect(JSON.parse(check.out)).toMatchObject({
    good: true,
    held: { changed: ['jobs/push-credit-sharing.yaml'], request: 2 },
  });
  const change = await hub('approve show 2', { as: 'nong' });
  expect(change.out).toMatch(/--- jobs\/push-credit-sharing\.yaml[\s\S]*^- .*batchSize: 100[\s\S]*^\+ .*batchSize: 7/m);
  expect(await hub('approve 2 --reason 已核对', { as: 'nong' })).toMatchObject({
    code: 1,
    err: expect.stringContaining('APPROVAL_NAMELESS'),
  });
  const claimed = await hub('approve claim 2 --reason 我改的 --json', { as: 'wei' });
  expect(JSON.parse(claimed.out)).toMatchObject({ id: 2, askedBy: 'hub', claimedBy: 'user:wei' });
  const waits = (await hub('approve list', { as: 'nong' })).out;
  expect(waits).toContain('修改 changed jobs/push-credit-sharing.yaml');
  expect(waits).toMatch(/申请人 by +user:wei.*\n +理由 why +我改的\n +时间 since +\d{4}-/);
  expect(waits).not.toMatch(/[0-9a-f]{64}|\{/);
  const yes = await hub('approve 2 --reason 已核对 --json', { as: 'nong' });
  expect([yes.code, JSON.parse(yes.out)]).toMatchObject([0, { state: 'used', inForce: true }]);
  expect(JSON.parse((await hub('check --json')).out)).toMatchObject({ held: null });
  await hub('run push-credit-sharing', { as: 'wei' });
  expect(JSON.parse((await hub('check --json')).out)).toMatchObject({ held: null });
  const shrink = await hub('run pull-csv --accept-shrink --reason 年度清理', { as: 'wei' });
  expect(shrink).toMatchObject({ code: 1, err: expect.stringContaining('APPROVAL_OPEN') });
});
