import { describe, expect, test } from 'vitest';
import { endOf, standingAt } from '../../src/audit/as-of.ts';
import { ledgers, type RecordLedger } from '../../src/audit/ledger.ts';
import { ledgerTerms } from '../../src/audit/ledger-terms.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { insertRows, inTransaction, select } from '../../src/store/database.ts';
import { listBatches } from '../../src/store/outbox.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { row } from '../support/hub.ts';
import { type Bench, bench, rows } from './bench.ts';

async function ask(b: Bench, key: string, asOf?: string): Promise<RecordLedger[]> {
  const found: RecordLedger[] = [];
  for await (const record of ledgers(b.hub.db, { terms: ledgerTerms(key), asOf })) found.push(record);
  return found;
}

describe('the question', () => {
  test('is read by the rules that records go through, width, case and brackets', () => {
    expect(ledgerTerms(' ９１４５０１００ＭＡ５ＫＡ００１７Ｆ ').creditCodes).toContain('91450100MA5KA0017F');
    expect(ledgerTerms('(桂)印证字第450000001号').numbers).toContain('（桂）印证字第450000001号');
    expect(ledgerTerms('桂新广罚字[2017]003号').numbers).toContain('桂新广罚字〔2017〕3号');
    expect(ledgerTerms('广西某某(集团)有限公司').names).toContain('广西某某（集团）有限公司');
    expect(ledgerTerms('2026-w48').period).toBe('2026-W48');
  });

  test('“on day D” means its end where the hub stands, also where a day has 23 hours', () => {
    expect(endOf('2026-11-27', 'Asia/Shanghai')).toBe('2026-11-27T15:59:59.999Z');
    expect(endOf('2026-03-08', 'America/New_York')).toBe('2026-03-09T03:59:59.999Z');
    expect(endOf('2026-11-27T09:00+08:00', 'UTC')).toBe('2026-11-27T01:00:00.000Z');
    expect(endOf('2026-02-30', 'Asia/Shanghai')).toBeUndefined();
    expect(endOf('yesterday', 'Asia/Shanghai')).toBeUndefined();
  });
});

describe('how a delivery stood', () => {
  const batch = {
    id: 'b',
    state: 'SETTLED',
    sealedAt: '2026-11-27T01:00:00.000Z',
    settledAt: '2026-12-05T01:00:00.000Z',
    receiptId: 'R-1',
    receipts: [{ receiptId: 'R-1', receivedAt: '2026-12-05T01:00:00.000Z' }],
    calls: [
      call('send', '2026-11-27T01:01:00.000Z', 'not-sent'),
      call('send', '2026-11-27T02:01:00.000Z', 'unknown'),
      call('query', '2026-11-27T03:01:00.000Z', 'received'),
      call('query', '2026-12-05T00:59:00.000Z', 'answered'),
    ],
  };
  const at = (instant: string) => standingAt({ state: 'accepted', batches: [batch] }, instant);

  test('a receipt that came eight days late says nothing about the days before', () => {
    expect(at('2026-11-27T00:59:59.000Z')).toBeUndefined();
    expect(at('2026-11-27T01:00:30.000Z')).toMatchObject({ state: 'sealed', toldAt: null });
    expect(at('2026-11-27T01:30:00.000Z')).toMatchObject({ state: 'not-sent', toldAt: null });
    expect(at('2026-11-27T02:01:00.500Z')).toMatchObject({ state: 'sent', toldAt: '2026-11-27T02:01:00.000Z' });
    expect(at('2026-11-27T02:30:00.000Z')).toMatchObject({ state: 'unknown', receiptId: null });
    expect(at('2026-12-04T23:00:00.000Z')).toMatchObject({ state: 'received', receiptId: null });
    expect(at('2026-12-05T01:00:00.000Z')).toMatchObject({ state: 'accepted', receiptId: 'R-1' });
  });

  test('a contradiction that came later, or a part of a receipt that came first, counts from its own moment', () => {
    const changes = [{ at: '2026-12-09T01:00:00.000Z', state: 'conflict' }];
    const conflict = (instant: string) => standingAt({ state: 'conflict', batches: [batch], changes }, instant);
    expect(conflict('2026-12-08T00:00:00.000Z')).toMatchObject({ state: 'accepted' });
    expect(conflict('2026-12-09T01:00:00.000Z')).toMatchObject({
      state: 'conflict',
      since: '2026-12-09T01:00:00.000Z',
    });
    const early = [{ at: '2026-11-30T01:00:00.000Z', state: 'accepted' }];
    const part = standingAt({ state: 'accepted', batches: [batch], changes: early }, '2026-12-01T00:00:00.000Z');
    expect(part).toMatchObject({ state: 'accepted', since: '2026-11-30T01:00:00.000Z' });
  });

  test('a split batch stood as the whole one did before the split', () => {
    const half = { ...batch, id: 'h', sealedAt: '2026-11-28T01:00:00.000Z', calls: [] };
    const whole = { ...batch, state: 'SPLIT', settledAt: null };
    const stood = (instant: string) => standingAt({ state: 'accepted', batches: [whole, half] }, instant);
    expect(stood('2026-11-27T02:30:00.000Z')).toMatchObject({ state: 'unknown', batchId: 'b' });
    expect(stood('2026-11-28T02:00:00.000Z')).toMatchObject({ state: 'sealed', batchId: 'h' });
  });

  function call(action: 'send' | 'query', startedAt: string, outcome: string) {
    return { batchId: 'b', action, startedAt, endedAt: startedAt.replace('00.000Z', '01.000Z'), outcome };
  }
});

onBothDatabases('the ledger on', ({ url }) => {
  test('finds a record by every name it has, however it is written, and a batch or receipt with all its members', async () => {
    const b = await bench(await url());
    await b.take(row(1, { name: '广西某某（集团）有限公司' }), ...rows(2, 12));
    await b.push();
    const [last, first] = await listBatches(b.hub.db);
    for (const key of ['(桂)印证字第450000001号', '广西某某(集团)有限公司', '广西某某（集团）有限公司 ']) {
      expect(await ask(b, key)).toMatchObject([
        { number: '（桂）印证字第450000001号', ledger: [{ state: 'accepted' }] },
      ]);
    }
    expect(await ask(b, '91450100ma5ka0017f')).toHaveLength(12);
    expect(await ask(b, first?.id ?? '')).toHaveLength(10);
    expect(await ask(b, first?.receiptId ?? '')).toHaveLength(10);
    expect(await ask(b, last?.id.slice(0, 12) ?? '')).toHaveLength(2);
    const [one] = await ask(b, '（桂）印证字第450000002号');
    expect(await ask(b, one?.key.slice(0, 10) ?? '')).toMatchObject([{ key: one?.key }]);
    await b.hub.db('batches').where({ id: last?.id }).update({ period: '2026-W48' });
    expect(await ask(b, '2026-w48')).toHaveLength(2);
    expect(await ask(b, '2026-W47')).toEqual([]);
    expect(await ask(b, 'nobody')).toEqual([]);
  });

  test('who had been told what: before, between and after two versions, a rejection and a withdrawal', async () => {
    const b = await bench(await url());
    const days = ['2026-11-20', '2026-11-27', '2026-12-04', '2026-12-11'];
    const states = [{}, { content: '二' }, { content: '三' }, { status: 'revoked', ended: '2026-12-10' }];
    for (const [index, day] of days.entries()) {
      b.clock.now = new Date(`${day}T02:00:00Z`);
      if (index === 2) b.script.push('reject-first');
      await b.take(row(1, { ...states[index], revised: `${day} 09:00:00` }));
      await b.push();
    }
    await sequenceAll(b.hub.db);
    const on = async (day: string) => (await ask(b, '（桂）印证字第450000001号', endOf(day, 'Asia/Shanghai')))[0];
    expect(await on('2026-11-19')).toMatchObject({ ledger: [], told: [] });
    expect((await on('2026-11-20'))?.told).toMatchObject([{ confirmed: 1, operation: 'UPSERT', underway: null }]);
    expect((await on('2026-11-26'))?.ledger).toHaveLength(1);
    expect((await on('2026-12-03'))?.told).toMatchObject([{ platform: 'credit-sharing', confirmed: 2 }]);
    expect(await on('2026-12-05')).toMatchObject({
      ledger: [{ state: 'accepted' }, { state: 'accepted' }, { state: 'rejected', verdict: 'FORMAT_ERROR' }],
      told: [{ confirmed: 2 }],
    });
    expect((await on('2026-12-11'))?.told).toMatchObject([{ confirmed: 4, operation: 'WITHDRAW' }]);
  });

  test('every look-up takes an index', async () => {
    const db = await openTestDatabase(await url());
    const record = (id: number) => [
      id,
      Buffer.alloc(32, id),
      't',
      'a',
      'j',
      `n${id}`,
      `m${id}`,
      `c${id}`,
      1,
      'UPSERT',
      Buffer.alloc(32),
    ];
    const columns =
      'id,record_key,type,authority,job,number,name,credit_code,newest_version,newest_operation,newest_digest';
    await inTransaction(db, (tx) =>
      insertRows(
        tx,
        'records',
        columns.split(','),
        Array.from({ length: 200 }, (_, id) => record(id)),
      ),
    );
    const isSqlite = (await url()).startsWith('sqlite');
    const explain = async (where: string) =>
      JSON.stringify(await select(db, `EXPLAIN ${isSqlite ? 'QUERY PLAN ' : ''}SELECT * FROM ${where}`));
    for (const column of ['number', 'name', 'credit_code']) {
      expect(await explain(`records WHERE ${column} IN ('n7', 'n8') ORDER BY id LIMIT 50`)).toMatch(/records_\w+/);
    }
    for (const table of ['batches', 'receipts'])
      expect(await explain(`${table} WHERE receipt_id = 'R'`)).toMatch(/_receipt/);
  });
});
