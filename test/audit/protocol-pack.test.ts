import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportPack } from '../../src/audit/export-pack.ts';
import type { StrayReceipt, Verdict } from '../../src/platform.ts';
import { closeBatch } from '../../src/push/decide-batch.ts';
import { takeReceipt } from '../../src/push/receive.ts';
import { hold } from '../../src/push/stop.ts';
import { select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { bench } from '../protocol/bench.ts';
import { onBothDatabases, temporaryFolder } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { verifiers } from '../support/verifiers.ts';
import { signHead, testSigner } from './signed.ts';

onBothDatabases('everything that the protocol knows, as a pack from', ({ url }) => {
  test('verifies: halved and blamed batches, lost answers, partial, late and contradicting receipts, a word by hand, a hold', {
    timeout: 60_000,
  }, async () => {
    const b = await bench(await url());
    const { hub, far } = b;
    const members = (): Promise<{ key: string; state: string; recordId: number; batch: string }[]> =>
      select(
        hub.db,
        `SELECT d.idem_key AS "key", d.state, d.record_id AS "recordId", b.id AS batch
         FROM deliveries d JOIN batches b ON b.seq = d.batch_seq ORDER BY d.record_id`,
      );
    const good = (key: string): Verdict => ({ idemKey: key, outcome: 'accepted', code: 'OK' });
    const bad = (key: string): Verdict => ({ idemKey: key, outcome: 'rejected', code: 'FORMAT_ERROR', reason: '有误' });
    const receipt = (batchId: string, receiptId: string, verdicts: Verdict[]): StrayReceipt => ({
      ...{ receiptId, batchId, level: 3, verdicts, taken: async () => {} },
      evidence: { bytes: Buffer.from(`receipt ${receiptId}`) },
    });
    const context = {
      db: hub.db,
      hubId: 'hub-under-test',
      timezone: 'Asia/Shanghai',
      actor: 'user:auditor',
      waitMs: 0,
    };
    const signal = new AbortController().signal;
    const verified = async (): Promise<void> => {
      await signHead(hub.db);
      const out = join(temporaryFolder(), 'pack');
      await exportPack({ kind: 'log', value: '' }, out, { ...context, now: hub.now, signal });
      for (const { name, run } of verifiers) {
        const verdict = await run(out, ['--key', testSigner().vkey, '--no-seen', '--now', '2026-11-28T00:00:00Z']);
        expect({ name, findings: verdict.findings }).toEqual({ name, findings: [] });
      }
    };
    // Halved until the poison is alone, then blamed by name; an answer that is lost.
    await b.take(...[1, 2, 3, 4, 5, 6, 7].map((n) => row(n)), row(8, { content: '剧毒' }), row(9), row(10));
    await b.push();
    far.whims.push('blame', 'lose-answer');
    await b.take(...[11, 12, 13, 14, 15, 16, 17, 18, 19].map((n) => row(n)), row(20, { content: '剧毒' }));
    await b.push();
    b.wait(60);
    await b.push();
    // Verdicts in two receipts, the second one contradicting the first.
    far.whims.push('receive');
    far.query_ = 'fails';
    await b.take(row(21), row(22), row(23));
    await b.push();
    const [open] = await listBatches(hub.db);
    const keys = (await members()).filter(({ batch }) => batch === open?.id).map(({ key }) => key);
    const [one = '', two = '', three = ''] = keys;
    await takeReceipt(receipt(open?.id ?? '', 'S-1', [good(one)]), await b.context());
    await verified();
    await takeReceipt(receipt(open?.id ?? '', 'S-2', [good(one), good(two), bad(three)]), await b.context());
    await takeReceipt(receipt(open?.id ?? '', 'S-3', [bad(one), good(two), bad(three)]), await b.context());
    // The contract does not fit: a person closes it. Then a hold that cuts a batch.
    far.query_ = 'works';
    far.whims.push('contract-fault');
    await b.take(row(24), row(25));
    await b.push();
    const [held] = await listBatches(hub.db, { states: ['HELD'] });
    const word = { actor: 'user:operator', reason: '平台页面可查', now: hub.now() };
    await closeBatch(hub.db, held?.id ?? '', { ...word, finding: 'accepted', divisionOf: (job) => job });
    far.whims.push('down');
    await b.take(row(26), row(27), row(28));
    await b.push();
    const waiting = (await members()).find(({ state }) => state === 'open');
    await hold(hub.db, waiting?.recordId ?? 0, { ...word, platform: null });
    b.wait(3600);
    await b.push();

    const states = new Set((await listBatches(hub.db, { limit: 1000 })).map(({ state }) => state));
    expect([...states].toSorted()).toEqual(expect.arrayContaining(['SETTLED', 'SPLIT']));
    expect(new Set((await members()).map(({ state }) => state))).toEqual(
      new Set(['accepted', 'rejected', 'conflict', 'open']),
    );
    await verified();
  });
});
