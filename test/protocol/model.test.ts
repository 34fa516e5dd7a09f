import fc from 'fast-check';
import { test } from 'vitest';
import { bench } from './bench.ts';
import { type Command, command, drain, judge, newModel, obey } from './model.ts';

/**
 * The protocol against a model of it (faults.md F51): whatever happens in whatever order, at the end the platform shows of every
 * record exactly what the bureau last said, every key had one effect and one content, and nothing stands open. Runs: 1,000;
 * HUB_MODEL_RUNS sets another number.
 */
const RUNS = Number(process.env['HUB_MODEL_RUNS'] ?? 1000);
/** The same histories each time; the long runs of the faults suite take others. */
const SEED = Number(process.env['HUB_MODEL_SEED'] ?? 20_261_127);

const TABLES = [
  ...['deliveries', 'batches', 'attempts', 'receipts', 'receipt_marks', 'orphan_receipts', 'quarantine', 'versions'],
  ...['records', 'intakes', 'breakers', 'cursors', 'notices', 'suppressions', 'publicity_ends'],
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

test(`the hub does what its model does, ${RUNS} times (F51)`, { timeout: 3_600_000 }, async () => {
  let runs = 0;
  let b = await bench('sqlite::memory:');
  const each = fc.asyncProperty(fc.array(command, { minLength: 3, maxLength: 14 }), async (commands) => {
    runs += 1;
    // Time only goes on, for the log's sake: a new database now and then keeps it in this year.
    if (runs % 100 === 0) b = await bench('sqlite::memory:');
    for (const table of TABLES) await b.hub.db(table).delete();
    b.afresh();
    const model = newModel();
    for (const told of commands) await obey(b, model, told);
    await drain(b);
    await judge(b, model);
  });
  await fc.assert(each, { numRuns: RUNS, seed: SEED, examples: [[AGED]] });
});
