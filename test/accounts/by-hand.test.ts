import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { claim, decide } from '../../src/accounts/requests.ts';
import { readChannel } from '../../src/carry/channel-file.ts';
import { confirmChannel } from '../../src/carry/confirm-channel.ts';
import { importReceipts } from '../../src/carry/receipts-import.ts';
import type { Hub } from '../../src/hub-context.ts';
import { runJob } from '../../src/run-job.ts';
import type { Db } from '../../src/store/database.ts';
import { listRequests } from '../../src/store/requests.ts';
import { newSm2Pair } from '../../src/wire/sm2.ts';
import { carryBench, licences } from '../carry/bench.ts';
import { onBothDatabases, openTestDatabase, temporaryFolder } from '../support/databases.ts';
import { openTestHub, pullJob, row } from '../support/hub.ts';
import { account, NOW, principal } from './support.ts';

const guarded = (hub: Hub): Hub => ({ ...hub, settings: { ...hub.settings, approvals: true } });
const { signal } = new AbortController();

async function yes(db: Db): Promise<void> {
  const [open] = await listRequests(db, { states: ['open'] });
  const nong = await principal(db, 'nong');
  await decide(db, open?.id ?? 0, { principal: nong, approve: true, reason: '已核对', now: NOW });
}

onBothDatabases('what persons bring by hand, with approvals on', ({ url }) => {
  test('a file that a person laid there comes in only after a second person confirmed its bytes', async () => {
    const folder = temporaryFolder();
    const lay = (name: string, rows: readonly object[]): void =>
      writeFileSync(join(folder, name), rows.map((one) => JSON.stringify(one)).join('\n'));
    const source = { use: 'files', folder, match: '*.ndjson', settle: '0s', byHand: true } as const;
    const hub = guarded(await openTestHub(await url(), [pullJob({ source })]));
    await account(hub.db, 'chief', 'sysadmin');
    await account(hub.db, 'nong', 'approver');
    const run = (by: string) => runJob(hub, 'pull-printing', { signal, by, reason: '原系统停机' });
    lay('a.ndjson', [row(1), row(2)]);
    const held = await run('scheduler');
    expect(held).toMatchObject({ state: 'held', counts: { read: 0 }, error: { code: 'SOURCE_UNCONFIRMED' } });
    // Found by the hub itself: who laid it there says so, another one confirms.
    const [request] = await listRequests(hub.db, { kind: 'source.import' });
    await claim(hub.db, request?.id ?? 0, { by: 'user:wei', reason: '我投放的', now: NOW });
    await yes(hub.db);
    lay('b.ndjson', [row(3)]);
    const next = await run('user:wei');
    expect(next).toMatchObject({ state: 'held', counts: { read: 2, accepted: 2 } });
    expect(next.error?.message).toContain('b.ndjson');
    lay('b.ndjson', [row(4)]);
    await yes(hub.db);
    // The yes was for other bytes.
    expect(await run('user:wei')).toMatchObject({ state: 'held', counts: { read: 0 } });
    await yes(hub.db);
    expect(await run('scheduler')).toMatchObject({ state: 'done', counts: { accepted: 1 } });
    expect(await run('scheduler')).toMatchObject({ state: 'done', counts: { read: 0 } });
  });

  test('a receipt that a person brings back settles nothing before a second person confirmed it', async () => {
    const bench = await carryBench(await url(), { use: 'excel', folder: temporaryFolder() });
    const hub = guarded(bench.hub);
    await account(hub.db, 'chief', 'sysadmin');
    await account(hub.db, 'nong', 'approver');
    await bench.take(...licences(1, 2));
    await bench.push();
    const keys: { idem_key: string }[] = await hub.db('deliveries').select('idem_key').orderBy('row_no');
    const lines = keys.map(({ idem_key: key }) => `${key},OK,`);
    const bytes = Buffer.from(['rowId,resultCode,resultMsg', ...lines].join('\n'));
    const given = { name: 'r.csv', bytes, actor: 'user:wei', reason: '平台网页导出' };
    await expect(importReceipts(hub, bench.job, given)).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    await bench.push({ followUpOnly: true });
    expect((await bench.batches())[0]?.state).toBe('UNKNOWN');
    await yes(hub.db);
    expect(await importReceipts(hub, bench.job, given)).toMatchObject([{ rows: 2, repeated: false }]);
    await bench.push({ followUpOnly: true });
    expect((await bench.batches())[0]?.state).toBe('SETTLED');
  });

  test('a channel file of a ferry works as it was approved, with new keys too, but not with another trust or way', async () => {
    const db = await openTestDatabase(await url());
    await account(db, 'chief', 'sysadmin');
    await account(db, 'nong', 'approver');
    const [path, near] = [join(temporaryFolder(), 'gx.yaml'), newSm2Pair()];
    const env = { KEY: '5a'.repeat(32), SIGN: newSm2Pair().privateKey };
    const write = (folder: string): void =>
      writeFileSync(
        path,
        `channel: gx\nhub: h\nkey: "\${KEY}"\nsignKey: "\${SIGN}"\ntrust: "${near.publicKey}"\nto: { folder: ${folder} }\nreturns: back\n`,
      );
    const use = (by: string) => {
      const channel = readChannel(path, env, []);
      return confirmChannel(db, { channel, path, env }, { by, reason: '摆渡', now: NOW });
    };
    write('inner');
    await expect(use('user:wei')).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    const [request] = await listRequests(db, { kind: 'ferry.channel' });
    expect(JSON.stringify(request?.detail)).not.toMatch(new RegExp(`${env.KEY}|${env.SIGN}`));
    await yes(db);
    for (const by of ['user:wei', 'user:wei', 'shell:office']) await use(by);
    env.KEY = '6b'.repeat(32);
    env.SIGN = newSm2Pair().privateKey;
    await use('user:wei');
    write('elsewhere');
    await expect(use('user:wei')).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
    await yes(db);
    await use('user:wei');
    // Back to what was approved once is a change again.
    write('inner');
    await expect(use('user:wei')).rejects.toMatchObject({ code: 'APPROVAL_OPEN' });
  });
});
