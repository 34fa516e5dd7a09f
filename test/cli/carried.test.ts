import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { newSm2Pair } from '../../src/wire/sm2.ts';
import { temporaryFolder } from '../support/databases.ts';

const root = join(import.meta.dirname, '../..');

/** The real program in a folder of its own; `json` is its one document. */
async function hub(cwd: string, ...words: string[]) {
  const child = spawn(process.execPath, [join(root, 'src/hub.js'), ...words], {
    cwd,
    env: { PATH: process.env['PATH'], HUB_SCHEMAS_DIR: join(root, 'schemas') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, out, err, json: () => JSON.parse(out) };
}

const pull = `kind: pull
title: { zh: 归集, en: Pull }
division: 传媒机构管理处
source: { use: files, folder: drop, match: "*.csv", marker: .ok }
type: licence/broadcast-production
mapping:
  number: 编号
  holder.name: 名称
  holder.creditCode: { from: 代码, as: credit-code }
  holder.legalRepresentative: { const: 测试甲 }
  document.title: { const: 准予行政许可决定书 }
  content: { const: 制作、发行广播电视节目 }
  decidedOn: { from: 自, as: date }
  validFrom: { from: 自, as: date }
  validUntil: { from: 至, as: date }
  publicity: { const: 主动公开 }
  secrecyReviewed: { const: true }
samples:
  - raw: { 编号: （桂）字第00123号, 名称: 南宁某某文化传媒有限公司, 代码: 91450100MA5KA0017F, 自: 2025/04/01, 至: 2027/03/31 }
    gives: { number: （桂）字第00123号 }
`;

const push = (platform: string) => `kind: push
title: { zh: 报送, en: Push }
platform: ${platform}
types: { "licence/*": credit-sharing/licence-2018 }
`;

function office(jobs: { readonly [name: string]: string }, env: string): string {
  const dir = temporaryFolder();
  for (const name of ['jobs', 'drop', 'upload', 'out']) mkdirSync(join(dir, name));
  for (const [name, job] of Object.entries(jobs)) writeFileSync(join(dir, 'jobs', name), job);
  writeFileSync(join(dir, '.env'), env, { mode: 0o600 });
  const rows = [1, 2, 3].map(
    (n) => `（桂）字第0012${n}号,南宁某某文化传媒有限公司${n},91450100MA5KA0017F,2025/04/01,2027/03/31`,
  );
  writeFileSync(join(dir, 'drop', 'a.csv'), ['编号,名称,代码,自,至', ...rows].join('\n'));
  writeFileSync(join(dir, 'drop', 'a.csv.ok'), '');
  return dir;
}

test('hub receipts: what lies ready, what was handed over, what came back', async () => {
  const jobs = { 'pull-a.yaml': pull, 'push-uploads.yaml': push('{ use: excel, folder: upload }') };
  const dir = office(jobs, '');
  await hub(dir, 'run', 'all');
  const [file = ''] = readdirSync(join(dir, 'upload'));
  const waiting = await hub(dir, 'receipts', 'waiting', '--json');
  expect(waiting.json()).toMatchObject([{ lane: 'uploads', name: file, state: 'UNKNOWN' }]);
  const confirmed = await hub(
    dir,
    'receipts',
    'confirm',
    join('upload', file),
    '--platform',
    'uploads',
    '--reason',
    '已上传',
    '--json',
  );
  expect([confirmed.code, confirmed.json()[0].state]).toEqual([0, 'RECEIVED']);
  const receipt = join(dir, '结果.csv');
  const lines = [1, 2, 3].map((n) => `（桂）字第0012${n}号,${n === 2 ? '失败,名称不符' : '成功,'}`);
  writeFileSync(receipt, ['许可编号,校验结果,失败原因', ...lines].join('\n'));
  const words = ['receipts', 'import', receipt, '--platform', 'uploads', '--reason', '平台导出'];
  const imported = await hub(dir, ...words, '--json');
  expect(imported.code).toBe(0);
  expect(imported.json()).toMatchObject({ receipts: [{ rows: 3, repeated: false }], batches: [{ state: 'SETTLED' }] });
  const tickets = (await hub(dir, 'quarantine', 'list', '--platform', 'uploads', '--json')).json();
  expect(tickets).toMatchObject([{ number: '（桂）字第00122号' }]);
  writeFileSync(receipt, '许可编号,校验结果\n（桂）字第999号,成功\n');
  const strange = await hub(dir, ...words);
  expect([strange.code, strange.out]).toEqual([1, expect.stringContaining('不属于任何已报记录')]);
  const unknown = await hub(dir, 'receipts', 'import', receipt, '--platform', 'upload', '--reason', 'x');
  expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('uploads')]);
});

test('hub ferry: packed, carried, accepted, answered and taken home', async () => {
  const [near, far] = [newSm2Pair(), newSm2Pair()];
  const key = '5a'.repeat(32);
  const ferry = `{ use: ferry, channel: gx, outbox: out, key: "\${KEY}", signKey: "\${SIGN}", trust: "${far.publicKey}" }`;
  const dir = office({ 'pull-a.yaml': pull, 'push-inner.yaml': push(ferry) }, `KEY=${key}\nSIGN=${near.privateKey}\n`);
  const there = office({}, `KEY=${key}\nSIGN=${far.privateKey}\n`);
  for (const name of ['inner', 'receipts', 'back']) mkdirSync(join(there, name));
  const channel = `channel: gx
hub: zhengxin-hub
key: "\${KEY}"
signKey: "\${SIGN}"
trust: "${near.publicKey}"
to: { folder: inner, receiptFolder: receipts }
returns: back
`;
  writeFileSync(join(there, 'gx.yaml'), channel);
  await hub(there, 'migrate');
  await hub(dir, 'run', 'all');
  const medium = temporaryFolder();
  const reason = ['--reason', '周五摆渡'];
  const packed = await hub(dir, 'ferry', 'pack', '--platform', 'inner', '--to', medium, ...reason, '--json');
  expect(packed.json()).toMatchObject([{ number: 1, outcome: 'written' }]);
  const far1 = await hub(there, 'ferry', 'accept', medium, '--channel', 'gx.yaml', ...reason, '--json');
  expect(far1.json()).toMatchObject({ packages: [{ outcome: 'accepted' }], handedOn: [{ outcome: 'received' }] });
  expect(readdirSync(join(there, 'inner'))).toHaveLength(2);
  await hub(there, 'ferry', 'pack', '--channel', 'gx.yaml', '--to', medium, ...reason);
  const home = await hub(
    dir,
    'ferry',
    'accept',
    join(medium, 'gx-back-00000001.zxf'),
    '--platform',
    'inner',
    ...reason,
  );
  expect([home.code, home.out]).toEqual([0, expect.stringContaining('✓ gx-back-00000001.zxf')]);
  expect((await hub(dir, 'batches', '--json')).json()).toMatchObject([{ state: 'RECEIVED' }]);
  rmSync(join(medium, 'gx-back-00000001.zxf'));
  writeFileSync(join(medium, 'gx-out-00000001.zxf'), 'ZXFERRY1\nbroken');
  const broken = await hub(there, 'ferry', 'accept', medium, '--channel', 'gx.yaml', ...reason);
  expect([broken.code, broken.out]).toEqual([15, expect.stringContaining('FERRY_UNREADABLE')]);
  const pair = (await hub(dir, 'ferry', 'keys')).json();
  expect(pair.publicKey).toMatch(/^04[0-9a-f]{128}$/);
});

test('hub check tells of folders that are not there, before a Friday does', async () => {
  const keys = newSm2Pair();
  const ferry = `{ use: ferry, channel: gx, outbox: nowhere, key: "\${KEY}", signKey: "\${SIGN}", trust: "${keys.publicKey}" }`;
  const jobs = {
    'pull-a.yaml': pull,
    'push-inner.yaml': push(ferry),
    'push-uploads.yaml': push('{ use: excel, folder: upload }'),
  };
  const dir = office(jobs, `KEY=${'5a'.repeat(32)}\nSIGN=${keys.privateKey}\n`);
  rmSync(join(dir, 'upload'), { recursive: true });
  const check = await hub(dir, 'check', '--json');
  expect([check.code, check.json()]).toMatchObject([
    0,
    {
      good: true,
      folders: [
        { job: 'push-inner', member: 'platform.outbox', folder: 'nowhere' },
        { job: 'push-uploads', member: 'platform.folder', folder: 'upload' },
      ],
    },
  ]);
  expect((await hub(dir, 'check')).err).toMatch(/push-inner platform\.outbox nowhere：没有这个目录/);
  for (const name of ['upload', 'nowhere']) mkdirSync(join(dir, name));
  expect((await hub(dir, 'check', '--json')).json()).toMatchObject({ folders: [] });
});
