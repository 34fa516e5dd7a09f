import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inTransaction } from '../../src/store/database.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { cleanUp, NOW, openTestHub } from '../support/hub.ts';
import { headersOf, smtpSink } from '../support/smtp-sink.ts';
import { webhookSink } from '../support/webhook-sink.ts';

const root = join(import.meta.dirname, '../..');

const held = {
  ...{ seq: 1, id: 'b1', platform: 'p', form: 'f', state: 'HELD', run_id: 1, members: 1, body: Buffer.alloc(1) },
  ...{ attempts: 1, epoch: 1, body_digest: Buffer.alloc(32), manifest_root: Buffer.alloc(32) },
  sealed_at: NOW.toISOString(),
};

onBothDatabases('hub serve on', ({ url }) => {
  test('tells by mail what is wrong when it starts, beats, and ends in order', async () => {
    const [sink, watcher] = [await smtpSink(), await webhookSink()];
    cleanUp(() => Promise.all([sink.close(), watcher.close()]));
    const at = await url();
    const { db } = await openTestHub(at, []);
    await inTransaction(db, (tx) => tx('batches').insert(held));
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'jobs'));
    const env = {
      PATH: process.env['PATH'],
      HUB_SCHEMAS_DIR: join(root, 'schemas'),
      HUB_LISTEN: '127.0.0.1:0',
      HUB_DATABASE_URL: at,
      HUB_SMTP_URL: `smtp://${sink.at}`,
      HUB_ALARM_FROM: 'hub@example.invalid',
      HUB_ALARM_TO: 'it@example.invalid',
      HUB_HEARTBEAT_URL: watcher.url,
    };
    const child = spawn(process.execPath, [join(root, 'src/hub.js'), 'serve'], { cwd: folder, env, stdio: 'ignore' });
    cleanUp(() => child.kill('SIGKILL'));
    await expect.poll(() => watcher.calls.length, { timeout: 30_000 }).toBe(1);
    const subjects = sink.letters.map((letter) => headersOf(letter).find((line) => line.startsWith('Subject:')));
    expect(subjects).toContain('Subject: [证信通] 告警：平台 p 有 1 个批次等待人工处理');
    const over = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await over).toEqual([0, null]);
  });
});
