import { base32, sha256Bytes } from '../../src/canonical.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Db, insertRows, inTransaction, openDatabase } from '../../src/store/database.ts';
import { appendLog, type LogEntry } from '../../src/store/log.ts';
import { migrate } from '../../src/store/migrations.ts';

/** Fills a new database with a log of so many entries: three in twelve tell of a batch's way, the others of a record each. */
const [url = '', entries = '0'] = process.argv.slice(2);
const AT = new Date('2026-11-27T02:00:00Z');
const AT_ONCE = 12_000;
const NOTHING = sha256Bytes('');
const COLUMNS = [
  ...['seq', 'id', 'platform', 'form', 'state', 'run_id', 'members', 'body'],
  ...['body_digest', 'manifest_root', 'attempts', 'epoch', 'sealed_at'],
];

async function fill(to: Db, from: number, count: number): Promise<void> {
  const batches = Array.from({ length: Math.floor(count / 12) }, (_, at) => from + at + 1);
  const records = Array.from({ length: count - batches.length * 3 }, (_, at) => recorded(from + at));
  await inTransaction(to, async (tx) => {
    await insertRows(tx, 'batches', COLUMNS, batches.map(batchRow));
    await appendLog(tx, AT, [...batches.map(batchId).flatMap(settled), ...records]);
  });
}

const batchId = (seq: number): string => base32(sha256Bytes(String(seq))).slice(0, 40);

const batchRow = (seq: number): unknown[] => [
  ...[seq, batchId(seq), 'bench', 'bench', 'SETTLED', 1, 0, Buffer.alloc(0)],
  ...[NOTHING, NOTHING, 1, 1, AT.toISOString()],
];

const recorded = (recordId: number): LogEntry => ({
  ...{ actor: 'hub', action: 'quarantine.opened', platform: 'bench', runId: 1, recordId },
  detail: { code: 'CREDIT_CODE_INVALID', path: 'holder.creditCode', job: 'pull-bench' },
});

/** The way of a batch without members, from its sealing to its receipt. */
function settled(batchId: string): LogEntry[] {
  const common = { actor: 'hub', platform: 'bench', batchId, runId: 1 };
  const sealed = { event: 'sealed', to: 'SEALED', members: 0, manifestRoot: NOTHING.toString('hex') };
  const intent = { event: 'intent', from: 'SEALED', to: 'SENDING', attempt: 1, epoch: 1 };
  return [
    { ...common, action: 'batch.sealed', detail: sealed },
    { ...common, action: 'batch.intent', detail: intent },
    { ...common, action: 'batch.outcome', detail: { ...intent, event: 'answered', from: 'SENDING', to: 'SETTLED' } },
  ];
}

const db = await openDatabase(url);
await migrate(db);
for (let from = 0; from < Number(entries); from += AT_ONCE) {
  await fill(db, from, Math.min(AT_ONCE, Number(entries) - from));
  await sequenceAll(db);
}
await db.destroy();
