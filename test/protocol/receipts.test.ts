import { expect, test } from 'vitest';
import type { StrayReceipt, Verdict } from '../../src/platform.ts';
import { push } from '../../src/push/push.ts';
import { takeReceipt } from '../../src/push/receive.ts';
import { select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { listQuarantine } from '../../src/store/quarantine.ts';
import { listOrphans } from '../../src/store/receipts.ts';
import { onBothDatabases } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, bench, logOf } from './bench.ts';

const rows = (count: number) => Array.from({ length: count }, (_, index) => row(index + 1));

const stray = (change: Partial<StrayReceipt> = {}): StrayReceipt => ({
  receiptId: 'S-1',
  batchId: undefined,
  level: 3,
  verdicts: [],
  evidence: { bytes: Buffer.from('receipt') },
  taken: async () => {},
  ...change,
});

const members = (b: Bench): Promise<{ key: string; state: string }[]> =>
  select(b.hub.db, 'SELECT idem_key AS "key", state FROM deliveries ORDER BY record_id');

const states = async (b: Bench): Promise<string[]> => (await members(b)).map(({ state }) => state);

const accepted = (key: string): Verdict => ({ idemKey: key, outcome: 'accepted', code: 'OK' });
const rejected = (key: string): Verdict => ({
  idemKey: key,
  outcome: 'rejected',
  code: 'FORMAT_ERROR',
  reason: '有误',
});

async function received(
  url: string,
  count = 3,
): Promise<{ b: Bench; batchId: string; keys: string[]; bodyDigest: string }> {
  const b = await bench(url);
  await b.take(...rows(count));
  b.far.whims.push('receive');
  b.far.query_ = 'fails';
  await b.push();
  const [batch] = await listBatches(b.hub.db);
  const keys = (await members(b)).map(({ key }) => key);
  return { b, batchId: batch?.id ?? '', keys, bodyDigest: batch?.bodyDigest ?? '' };
}

onBothDatabases('receipts that come by themselves, on', ({ url }) => {
  test('settle their batch, and the same receipt three times over is one (F17)', async () => {
    const { b, batchId, keys, bodyDigest } = await received(await url());
    const receipt = stray({
      batchId,
      bodyDigest,
      count: 3,
      verdicts: [...keys.slice(1).map(accepted), rejected(keys[0] ?? '')],
    });
    const context = await b.context();
    expect(await takeReceipt(receipt, context)).toBe('applied');
    const log = (await logOf(b.hub)).length;
    const turned = stray({ ...receipt, verdicts: receipt.verdicts.toReversed() });
    expect([await takeReceipt(turned, context), await takeReceipt(receipt, context)]).toEqual(['repeated', 'repeated']);
    expect(await states(b)).toEqual(['rejected', 'accepted', 'accepted']);
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'SETTLED' }]);
    expect((await logOf(b.hub)).length).toBe(log);
  });

  test('that belong to nothing are kept as orphans and reported, and no state changes (F18)', async () => {
    const { b, batchId, keys } = await received(await url());
    const context = await b.context();
    const before = await members(b);
    const orphans = [
      stray({ receiptId: 'O-1' }),
      stray({ receiptId: 'O-2', batchId: 'aaaabbbbccccddddeeeeffffgggghhhhaaaabbbb' }),
      stray({ receiptId: 'O-3', batchId, verdicts: [accepted('zzzz')] }),
    ];
    for (const orphan of orphans) await takeReceipt(orphan, context);
    expect(
      await takeReceipt(stray({ receiptId: 'O-4', batchId }), { ...context, platformName: 'credit-publicity' }),
    ).toBe('orphaned');
    expect(await takeReceipt(orphans[0] ?? stray(), context)).toBe('repeated');
    expect((await listOrphans(b.hub.db)).map(({ cause }) => cause)).toEqual([
      'no-batch',
      'unknown-batch',
      'unknown-record',
      'other-platform',
    ]);
    expect((await logOf(b.hub)).filter(({ action }) => action === 'receipt.orphaned')).toHaveLength(4);
    expect(await members(b)).toEqual(before);
    expect(keys).toHaveLength(3);
  });

  test('a rejection in words has a plain code, and the words stand in its sentence', async () => {
    const { b, batchId, keys } = await received(await url());
    const verdicts = keys.map((idemKey) => ({
      idemKey,
      outcome: 'rejected' as const,
      code: '失败',
      reason: '名称不符',
    }));
    await takeReceipt(stray({ batchId, verdicts }), await b.context());
    const [ticket] = await listQuarantine(b.hub.db);
    expect(ticket?.faults[0]).toMatchObject({
      code: 'PLATFORM_REJECTED',
      zh: expect.stringContaining('名称不符（失败）'),
    });
  });

  test('a success after a rejection is a contradiction for a person, never an overwrite (F19)', async () => {
    const { b, batchId, keys } = await received(await url());
    const context = await b.context();
    await takeReceipt(stray({ batchId, verdicts: keys.map(rejected) }), context);
    await takeReceipt(stray({ receiptId: 'S-2', batchId, verdicts: keys.map(accepted) }), context);
    expect(await states(b)).toEqual(['conflict', 'conflict', 'conflict']);
    const tickets = await listQuarantine(b.hub.db);
    expect(tickets.map(({ faults }) => faults[0]?.code)).toEqual(Array(3).fill('PLATFORM_CONFLICT'));
    expect((await logOf(b.hub)).filter(({ action }) => action === 'delivery.conflict')).toHaveLength(3);
  });

  test('other content under a number that came before is a contradiction', async () => {
    const { b, batchId, keys } = await received(await url());
    const context = await b.context();
    await takeReceipt(stray({ batchId, verdicts: keys.map(accepted) }), context);
    expect(
      await takeReceipt(
        stray({ batchId, verdicts: [...keys.slice(1).map(accepted), rejected(keys[0] ?? '')] }),
        context,
      ),
    ).toBe('applied');
    expect((await logOf(b.hub)).some(({ detail }) => detail['event'] === 'conflict')).toBe(true);
  });

  test('a receipt that names other bytes than were sent holds the batch (F19)', async () => {
    const { b, batchId, keys } = await received(await url());
    const receipt = stray({ batchId, bodyDigest: 'f'.repeat(64), verdicts: keys.map(accepted) });
    expect(await takeReceipt(receipt, await b.context())).toBe('contradicted');
    expect(await states(b)).toEqual(['conflict', 'conflict', 'conflict']);
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'HELD' }]);
  });

  test('a count that is not ours settles who is named; the missing ones are asked for (F19)', async () => {
    const { b, batchId, keys } = await received(await url());
    await takeReceipt(stray({ batchId, count: 2, verdicts: keys.slice(0, 2).map(accepted) }), await b.context());
    expect(await states(b)).toEqual(['accepted', 'accepted', 'open']);
    b.far.query_ = 'works';
    b.wait(120);
    await b.push();
    expect(await states(b)).toEqual(['accepted', 'accepted', 'accepted']);
  });

  test('one that comes before the HTTP answer settles the batch once (F20)', async () => {
    const b = await bench(await url());
    await b.take(...rows(2));
    const context = await b.context();
    b.far.onSend = async ({ batchId, idemKeys }) => {
      await takeReceipt(stray({ batchId, verdicts: idemKeys.map(accepted) }), context);
    };
    const { counts } = await push(context);
    expect(counts).toMatchObject({ accepted: 2, unsettled: 0 });
    expect(b.far.sends).toHaveLength(1);
  });

  test('one that is eight days late settles what was held for a person, and changes nothing that is settled (F20)', async () => {
    const { b, batchId, keys } = await received(await url());
    b.wait(8 * 86_400);
    await b.push();
    expect(await listBatches(b.hub.db)).toMatchObject([{ state: 'HELD' }]);
    const late = stray({ batchId, verdicts: keys.map(accepted) });
    expect(await takeReceipt(late, await b.context())).toBe('applied');
    expect(await states(b)).toEqual(['accepted', 'accepted', 'accepted']);
    expect(await takeReceipt(stray({ ...late, receiptId: 'S-9' }), await b.context())).toBe('repeated');
  });
});
