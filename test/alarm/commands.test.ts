import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settleFindings } from '../../src/alarm/settle-findings.ts';
import { openPlatform } from '../../src/sandbox/platform-server.ts';
import { inTransaction } from '../../src/store/database.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, openTestHub } from '../support/hub.ts';
import { type HubProcess, hub } from '../support/hub-process.ts';
import { smtpSink, textOf } from '../support/smtp-sink.ts';
import { webhookSink } from '../support/webhook-sink.ts';

async function bench(url: string, env: { readonly [name: string]: string } = {}) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'jobs'));
  const lock = { token: 'a-token-for-this-test' };
  const far = await openPlatform({ name: 'p', file: join(folder, 'far.db'), port: 0, lock, receipts: 'sync' });
  cleanUp(() => far.close());
  const job = [
    'kind: push',
    'title: { zh: 报送, en: Push }',
    `platform: { use: http, url: "${far.url}", auth: { bearer: "\${A_TOKEN}" } }`,
    'types: { "licence/*": credit-sharing/licence-2018 }',
  ];
  writeFileSync(join(folder, 'jobs/push-p.yaml'), `${job.join('\n')}\n`);
  const settings = {
    HUB_DATABASE_URL: url,
    HUB_DATA_DIR: folder,
    HUB_JOBS_DIR: join(folder, 'jobs'),
    A_TOKEN: lock.token,
  };
  const run = (...words: string[]): Promise<HubProcess> => hub(words, { env: { ...settings, ...env } });
  return { run, hub: await openTestHub(url, []) };
}

onBothDatabases('the commands on', ({ url }) => {
  test('hub alarm lists what holds with exit 1, silences it with a reason, and is then content', async () => {
    const b = await bench(await url());
    const finding = {
      subject: 'breaker:p',
      kind: 'breaker',
      level: 'urgent',
      zh: '断开',
      en: 'cut off',
      fixZh: '查',
      fixEn: 'look',
    } as const;
    await settleFindings(b.hub, ['breaker'], [finding]);
    const before = await b.run('alarm', 'list', '--json');
    expect([before.code, JSON.parse(before.stdout)]).toMatchObject([1, [{ subject: 'breaker:p', state: 'open' }]]);
    const [{ id }] = JSON.parse(before.stdout);
    expect((await b.run('alarm', 'close', String(id), '--reason', '检修')).code).toBe(0);
    const after = await b.run('alarm', 'list', '--json');
    expect([after.code, JSON.parse(after.stdout)]).toMatchObject([0, [{ state: 'closed', reason: '检修' }]]);
    expect((await b.run('alarm', 'close', '99', '--reason', 'x')).code).toBe(1);
  });

  test('hub check --overdue ends with 1 and a sentence while the scheduler is silent, and with 0 once it stirs', async () => {
    const b = await bench(await url());
    const dead = await b.run('check', '--overdue');
    expect([dead.code, dead.stdout]).toEqual([1, expect.stringContaining('never ran')]);
    const at = new Date().toISOString();
    await inTransaction(b.hub.db, (tx) => tx('heartbeats').insert({ holder: 'h', from_at: at, last_at: at }));
    const alive = await b.run('check', '--overdue', '--json');
    expect([alive.code, JSON.parse(alive.stdout)]).toEqual([0, { good: true, sentences: [], silentMinutes: 0 }]);
  });

  test('hub reconcile prints one report, and exits 1 when the platform cannot be read', async () => {
    const b = await bench(await url());
    const good = await b.run('reconcile', '--platform', 'p', '--json');
    expect([good.code, JSON.parse(good.stdout)]).toMatchObject([0, [{ state: 'good', scope: 'p', differences: [] }]]);
    expect((await b.run('reconcile', '--platform', 'q')).code).toBe(1);
  });
});

test('hub alarm test sends over each channel and says how it fared, without secrets', async () => {
  const [sink, robot] = [await smtpSink(), await webhookSink()];
  cleanUp(() => Promise.all([sink.close(), robot.close()]));
  robot.answer = { status: 500, body: '' };
  const folder = temporaryFolder();
  const env = {
    HUB_DATA_DIR: folder,
    HUB_DATABASE_URL: `sqlite:${join(folder, 'hub.db')}`,
    HUB_SMTP_URL: `smtp://${sink.at}`,
    HUB_ALARM_FROM: 'hub@example.invalid',
    HUB_ALARM_TO: 'it@example.invalid',
    HUB_ALARM_WEBHOOK: robot.url,
    HUB_ALARM_WEBHOOK_SECRET: 'canary-secret-of-the-robot',
  };
  await hub(['migrate'], { env });
  const { code, stdout, stderr } = await hub(['alarm', 'test', '--json'], { env });
  expect([code, JSON.parse(stdout)]).toMatchObject([
    1,
    [
      { channel: 'mail', sent: true },
      { channel: 'webhook', sent: false },
    ],
  ]);
  expect(`${stdout}${stderr}`).not.toContain('canary');
  const [letter] = sink.letters;
  expect(letter === undefined ? '' : textOf(letter)).toContain('测试消息');
});
