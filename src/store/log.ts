import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { ENTRY_BYTES, type Entry, entryBytes, evidenceBytes, makeEntry, readEntry } from '../evidence/entry.ts';
import type { JsonObject } from '../json.ts';
import { insertRows, type Reader, type Tx } from './database.ts';

/** One line of the delivery log; never a body, a token or a person's number. */
export interface LogEntry {
  readonly actor: string;
  /** `batch.sealed`, `batch.intent`, `batch.outcome`, `quarantine.opened`, `quarantine.released`, … */
  readonly action: string;
  readonly platform?: string;
  readonly batchId?: string;
  readonly runId?: number;
  readonly recordId?: number;
  /** `delivery`, `from`, `to`, `attempt`, `epoch` and `receiptHash` become members of the entry, the rest its evidence. */
  readonly detail: JsonObject;
  /** Content that the entry commits to without telling it; kept elsewhere under `subject`. */
  readonly payload?: { readonly kind: 'body' | 'reason'; readonly subject: string; readonly bytes: Uint8Array };
}

/** Appends in the transaction of the change itself (delivery.md I17); the sequencer gives them their place later. */
export async function appendLog(tx: Tx, now: Date, entries: readonly LogEntry[]): Promise<void> {
  const made = entries.map((entry) => commit(entry, now));
  const payloads = made.flatMap(({ payload }) => (payload === undefined ? [] : [payload]));
  if (payloads.length > 0) await insertRows(tx, 'log_payloads', payloadColumns, payloads);
  await insertRows(
    tx,
    'log_pending',
    ['entry'],
    made.map(({ bytes }) => [bytes]),
  );
}

const payloadColumns = ['payload_commit', 'salt', 'kind', 'subject', 'payload'];

interface Made {
  readonly bytes: Buffer;
  readonly payload?: unknown[];
}

function commit({ payload, detail, ...rest }: LogEntry, now: Date): Made {
  const parts = { ...rest, id: randomUUID(), now };
  if (payload !== undefined) {
    const salt = randomBytes(16);
    const payloadCommit = commitmentOf(salt, payload.bytes);
    const entry = makeEntry({ ...parts, detail: { ...detail, payloadCommit: payloadCommit.toString('hex') } });
    return { bytes: entryBytes(entry), payload: [payloadCommit, salt, payload.kind, payload.subject, null] };
  }
  return fitting(makeEntry({ ...parts, detail }));
}

/** Evidence that would make the entry too long is committed to and kept beside the log. */
function fitting(entry: Entry): Made {
  const bytes = entryBytes(entry);
  if (bytes.length <= ENTRY_BYTES) return { bytes };
  const evidence = evidenceBytes(entry);
  const salt = randomBytes(16);
  const payloadCommit = commitmentOf(salt, evidence);
  const { event, run, record } = entry.evidence;
  const kept = Object.entries({ event, run, record }).filter(([, value]) => value !== undefined);
  const short = { moved: 'payload', ...Object.fromEntries(kept) } as Entry['evidence'];
  const shorter = entryBytes({ ...entry, payloadCommit: payloadCommit.toString('hex'), evidence: short });
  return { bytes: shorter, payload: [payloadCommit, salt, 'evidence', entry.id, evidence] };
}

/** SHA-256(0x02 ‖ salt ‖ payload): tells nothing without the salt (docs/evidence-format.md §5). */
export const commitmentOf = (salt: Uint8Array, payload: Uint8Array): Buffer =>
  createHash('sha256').update(COMMITMENT).update(salt).update(payload).digest();

const COMMITMENT = Buffer.of(2);

export interface LogLine {
  readonly logNo: number;
  readonly index: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly platform: string | null;
  readonly batchId: string | null;
  readonly runId: number | null;
  readonly recordId: number | null;
  readonly detail: JsonObject;
}

/** Newest first; what the sequencer has not placed yet is not in it. */
export async function listLog(
  db: Reader,
  filter: { readonly batchId?: string; readonly recordId?: number; readonly limit?: number } = {},
): Promise<LogLine[]> {
  const query = db('log_entries')
    .orderBy('log_no', 'desc')
    .orderBy('idx', 'desc')
    .limit(filter.limit ?? 100);
  if (filter.batchId !== undefined) query.where('batch_id', filter.batchId);
  if (filter.recordId !== undefined) query.where('record_id', filter.recordId);
  const rows = await query;
  return rows.map((row) => ({
    logNo: row.log_no,
    index: Number(row.idx),
    at: row.at,
    actor: row.actor,
    action: row.action,
    platform: row.platform,
    batchId: row.batch_id,
    runId: row.run_id,
    recordId: row.record_id === null ? null : Number(row.record_id),
    detail: detailOf(row.entry),
  }));
}

/** Everything of an entry that has no column of its own. */
function detailOf(bytes: Buffer): JsonObject {
  const read = readEntry(bytes);
  if ('wrong' in read) return { unreadable: read.wrong };
  const { v, id, t, actor, action, platform, batch, evidence, ...rest } = read.entry;
  const { run, record, ...detail } = evidence;
  return { ...rest, ...detail } as JsonObject;
}
