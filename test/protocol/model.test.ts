import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLOSED } from '../../src/delivery/breaker.ts';
import { settleLog } from '../../src/evidence/keep-log.ts';
import { unsignedMs } from '../../src/evidence/log-gate.ts';
import { type SignerMemory, signerInMemory } from '../../src/evidence/signer-files.ts';
import { select } from '../../src/store/database.ts';
import { row } from '../support/hub.ts';
import { type Bench, bench } from './bench.ts';
import type { Whim } from './far-end.ts';

/**
 * The protocol against a model of it (faults.md F51): whatever happens in whatever order, at the end the platform shows of every
 * record exactly what the bureau last said, every key had one effect and one content, and nothing stands open. Runs: 1,000;
 * HUB_MODEL_RUNS sets another number.
 */
const RUNS = Number(process.env['HUB_MODEL_RUNS'] ?? 1000);
/** The same histories each time; the long runs of the faults suite take others. */
const SEED = Number(process.env['HUB_MODEL_SEED'] ?? 20_261_127);
const RECORDS = 3;
/** The gate of the log lets four hours pass. */
const SIGNED_WITHIN_MS = 3 * 3_600_000;

/** What the bureau last said of each record; undefined: nothing yet. */
interface Model {
  readonly signer: SignerMemory;
  readonly said: Map<number, { readonly content: number; readonly gone: boolean }>;
  day: number;
}

type Command =
  | { readonly do: 'say'; readonly record: number; readonly gone: boolean }
  | { readonly do: 'push'; readonly whims: readonly Whim[]; readonly urgent: boolean }
  | { readonly do: 'crash'; readonly at: 'intent' | 'sent' }
  | { readonly do: 'query'; readonly works: boolean }
  | { readonly do: 'tick'; readonly hours: number };

const whim = fc.constantFrom<Whim>('accept', 'receive', 'lose-answer', 'lose-request', 'down', 'busy');
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('say' as const), record: fc.nat(RECORDS - 1), gone: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      whims: fc.array(whim, { maxLength: 3 }),
      urgent: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('crash' as const),
      at: fc.constantFrom('intent' as const, 'sent' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('query' as const), works: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tick' as const), hours: fc.integer({ min: 1, max: 30 }) }) },
);

/** The bureau speaks; each time it says something new, and later than before. */
async function say(b: Bench, model: Model, record: number, gone: boolean): Promise<void> {
  model.day += 1;
  model.said.set(record, { content: model.day, gone });
  const at = new Date(Date.UTC(2026, 0, 1) + model.day * 60_000).toISOString().slice(0, 19).replace('T', ' ');
  const end = gone ? { status: 'revoked', ended: '2026-11-26' } : {};
  await b.take(row(record, { content: `内容${model.day}`, revised: at, ...end }));
}

/** Clocks leap here: a log that nobody has signed for hours stops every push, on a slow machine too. */
async function push(b: Bench, { signer }: Model, change: Parameters<Bench['push']>[0]): Promise<unknown> {
  if ((await unsignedMs(b.hub.db, b.clock.now)) > SIGNED_WITHIN_MS) await settleLog(b.hub.db, signer, b.clock.now);
  return b.push(change);
}

async function obey(b: Bench, model: Model, told: Command): Promise<void> {
  if (told.do === 'say') return say(b, model, told.record, told.gone);
  if (told.do === 'tick') return b.wait(told.hours * 3600);
  if (told.do === 'query') {
    b.far.query_ = told.works ? 'works' : 'fails';
    return;
  }
  const guard = { breaker: CLOSED, held: new Set<number>() };
  if (told.do === 'push') {
    b.far.whims.splice(0, b.far.whims.length, ...told.whims);
    await push(b, model, { guard, batchSize: 2, seals: told.urgent ? 'withdrawals' : 'all' });
    return;
  }
  // Killed after the intent was committed: before a byte left, or after all of them did.
  const send: typeof b.far.send = async (batch, signal) => {
    if (told.at === 'sent') await b.far.send(batch, signal);
    throw new Error('killed');
  };
  await push(b, model, { guard, batchSize: 2, platform: { ...b.far, send } }).catch(() => {});
}

/** Faults have stopped; everything that is owed comes to its end. */
async function drain(b: Bench, model: Model): Promise<void> {
  b.far.query_ = 'works';
  b.far.whims.length = 0;
  for (let round = 0; round < 4; round += 1) {
    b.wait(8 * 3600);
    await push(b, model, { guard: { breaker: CLOSED, held: new Set() } });
  }
}

async function judge(b: Bench, model: Model): Promise<void> {
  const open = "SELECT COUNT(*) AS n FROM deliveries WHERE state = 'open'";
  expect(await select(b.hub.db, open)).toEqual([{ n: 0 }]);
  expect([...b.far.effects.values()].every((times) => times === 1)).toBe(true);
  const contents = new Map<string, Set<string>>();
  for (const { rows } of b.far.sends)
    for (const { rowId, payloadHash } of rows)
      contents.set(rowId, (contents.get(rowId) ?? new Set<string>()).add(payloadHash));
  expect([...contents.values()].every(({ size }) => size === 1)).toBe(true);
  const library = await select<{ key: Buffer; number: string; newest: number; operation: string }>(
    b.hub.db,
    'SELECT record_key AS "key", number, newest_version AS newest, newest_operation AS operation FROM records',
  );
  expect(library).toHaveLength(model.said.size);
  for (const [record, { gone }] of model.said) {
    const kept = library.find(({ number }) => number === row(record)['number']);
    const shown = b.far.shown.get(kept?.key.toString('hex') ?? '');
    expect(kept?.operation).toBe(gone ? 'WITHDRAW' : 'UPSERT');
    // A record that was gone before it was ever shown is not spoken of at all.
    if (gone && shown === undefined) continue;
    expect(shown).toMatchObject({ op: gone ? 'D' : 'U', version: kept?.newest });
  }
}

const TABLES = [
  ...['deliveries', 'batches', 'attempts', 'receipts', 'receipt_marks', 'quarantine', 'versions', 'records', 'intakes'],
  ...['breakers', 'cursors'],
];

/** Found once: a batch that came back unsent, went out again days later and got no answer, was given up at once. */
const AGED: Command[] = [
  { do: 'say', record: 0, gone: false },
  { do: 'push', whims: ['busy'], urgent: false },
  { do: 'tick', hours: 49 },
  { do: 'query', works: false },
  { do: 'say', record: 0, gone: false },
  { do: 'push', whims: ['lose-request'], urgent: false },
  { do: 'tick', hours: 1 },
];

test(`the hub does what its model does, ${RUNS} times (F51)`, { timeout: 600_000 }, async () => {
  let runs = 0;
  let b = await bench('sqlite::memory:');
  let signer = signerInMemory('hub-under-test/delivery-log');
  const each = fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 14 }), async (commands) => {
    runs += 1;
    // Time only goes on, for the log's sake: a new database now and then keeps it in this year.
    if (runs % 100 === 0) {
      b = await bench('sqlite::memory:');
      signer = signerInMemory('hub-under-test/delivery-log');
    }
    for (const table of TABLES) await b.hub.db(table).delete();
    b.afresh();
    const model: Model = { signer, said: new Map(), day: 0 };
    for (const told of commands) await obey(b, model, told);
    await drain(b, model);
    await judge(b, model);
  });
  await fc.assert(each, { numRuns: RUNS, seed: SEED, examples: [[AGED]] });
});
