import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { BatchState } from '../delivery-state.ts';
import type { Operation } from '../record.ts';
import { change, type Db, insertRows, placeholders, type Reader, select, takeNumbers, type Tx } from './database.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** A version that a platform does not have yet. */
export interface PendingRow {
  readonly id: number;
  readonly key: Buffer;
  readonly type: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly version: number;
  readonly operation: Operation;
  /** Canonical JSON of the record, without its revision time. */
  readonly body: string;
  readonly revisedAt: string | null;
}

export interface PendingQuery {
  readonly platform: string;
  /** Record types whose newest state counts (full state). */
  readonly types: readonly string[];
  /** Record types of which no version may be skipped: the next undelivered one. */
  readonly everyVersion: readonly string[];
  readonly operation: Operation;
  readonly afterId: number;
  readonly limit: number;
}

const pendingColumns = `r.id, r.record_key AS "key", r.type, r.job, r.number, r.name, v.version, v.operation, v.body, v.revised_at AS "revisedAt"`;

/**
 * Pending is a query, not a state: the newest version (or, for types without skipping, the next one) against what the
 * platform was given. A record with an open delivery waits; a withdrawal is pending only where the record was once sent.
 */
export async function readPending(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  const rows = [...(await readNewest(db, query)), ...(await readNext(db, query))];
  rows.sort((a, b) => a.id - b.id);
  return rows.slice(0, query.limit);
}

const openElsewhere = `NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.platform = ? AND o.record_id = r.id AND o.state = 'open')`;
const sentBefore = `EXISTS (SELECT 1 FROM deliveries s WHERE s.platform = ? AND s.record_id = r.id)`;
/** A record that replaces another one goes out only after the withdrawal of the old one was answered. */
const predecessorGone = `(r.predecessor_id IS NULL OR NOT EXISTS (
    SELECT 1 FROM deliveries p WHERE p.platform = ? AND p.record_id = r.predecessor_id AND p.operation = 'UPSERT' AND p.state IN ('accepted', 'open')
      AND NOT EXISTS (SELECT 1 FROM deliveries w WHERE w.platform = p.platform AND w.record_id = p.record_id
        AND w.operation = 'WITHDRAW' AND w.version > p.version AND w.state IN ('accepted', 'rejected'))))`;

async function readNewest(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  if (query.types.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns} FROM records r JOIN versions v ON v.record_id = r.id AND v.version = r.newest_version
    WHERE r.id > ? AND r.type IN (${placeholders(query.types.length)}) AND r.newest_operation = ?
      AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id
        AND (d.version = r.newest_version OR d.state = 'open'))
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [query.afterId, ...query.types, operation, platform, platform]);
}

async function readNext(db: Reader, query: PendingQuery): Promise<PendingRow[]> {
  if (query.everyVersion.length === 0) return [];
  const { platform, operation } = query;
  const sql = `SELECT ${pendingColumns} FROM records r JOIN versions v ON v.record_id = r.id AND v.version =
      1 + COALESCE((SELECT MAX(d.version) FROM deliveries d WHERE d.platform = ? AND d.record_id = r.id), 0)
    WHERE r.id > ? AND r.type IN (${placeholders(query.everyVersion.length)}) AND v.operation = ? AND ${openElsewhere}
      AND ${operation === 'WITHDRAW' ? sentBefore : predecessorGone}
    ORDER BY r.id LIMIT ${query.limit}`;
  return select(db, sql, [platform, query.afterId, ...query.everyVersion, operation, platform, platform]);
}

export interface SealedMember {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly idemKey: string;
  /** Lower-case hex. */
  readonly payloadHash: string;
}

export interface NewBatch {
  readonly id: string;
  readonly platform: string;
  readonly form: string;
  readonly runId: number;
  readonly epoch: number;
  /** The exact body, by `packBody`. */
  readonly packed: Uint8Array;
  /** Lower-case hex. */
  readonly bodyDigest: string;
  readonly manifestRoot: string;
  readonly members: readonly SealedMember[];
  readonly parentId?: string;
}

const deliveryColumns = [
  'platform',
  'record_id',
  'version',
  'rendition',
  'operation',
  'idem_key',
  'payload_digest',
  'batch_seq',
  'row_no',
  'state',
];

export const packBody = (body: Uint8Array): Promise<Buffer> =>
  compress(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });

export const unpackBody = (packed: Uint8Array): Promise<Buffer> => decompress(packed);

/** Writes a sealed batch with its deliveries. Frozen from here on. */
export async function sealBatch(tx: Tx, batch: NewBatch, now: Date): Promise<BatchRow> {
  const seq = await takeNumbers(tx, 'batches', 1);
  const row = {
    seq,
    id: batch.id,
    platform: batch.platform,
    form: batch.form,
    state: 'SEALED' as const,
    run_id: batch.runId,
    members: batch.members.length,
    body: Buffer.from(batch.packed.buffer, batch.packed.byteOffset, batch.packed.byteLength),
    body_digest: Buffer.from(batch.bodyDigest, 'hex'),
    manifest_root: Buffer.from(batch.manifestRoot, 'hex'),
    attempts: 0,
    epoch: batch.epoch,
    parent_id: batch.parentId ?? null,
    sealed_at: now.toISOString(),
  };
  await tx('batches').insert(row);
  if (batch.parentId === undefined) await insertRows(tx, 'deliveries', deliveryColumns, deliveryRows(batch, seq));
  else await moveDeliveries(tx, batch, seq);
  return toBatch({ ...row, receipt_id: null, reason: null, next_at: null, not_before: null, sent_at: null, settled_at: null });
}

const deliveryRows = (batch: NewBatch, seq: number): unknown[][] =>
  batch.members.map((member, index) => [
    batch.platform,
    member.recordId,
    member.version,
    member.rendition,
    member.operation,
    member.idemKey,
    Buffer.from(member.payloadHash, 'hex'),
    seq,
    index + 1,
    'open',
  ]);

/** Members of a split batch go over to its halves; their keys and payloads stay. */
async function moveDeliveries(tx: Tx, batch: NewBatch, seq: number): Promise<void> {
  const sql = 'UPDATE deliveries SET batch_seq = ?, row_no = ? WHERE platform = ? AND record_id = ? AND version = ? AND rendition = ?';
  for (const [index, member] of batch.members.entries()) {
    await change(tx, sql, [seq, index + 1, batch.platform, member.recordId, member.version, member.rendition]);
  }
}

export interface BatchRow {
  readonly seq: number;
  readonly id: string;
  readonly platform: string;
  readonly form: string;
  readonly state: BatchState;
  readonly runId: number;
  readonly members: number;
  /** Lower-case hex. */
  readonly bodyDigest: string;
  readonly attempts: number;
  readonly epoch: number;
  readonly parentId: string | null;
  readonly receiptId: string | null;
  readonly reason: string | null;
  readonly nextAt: string | null;
  /** The platform asked not to be called before this (Retry-After). */
  readonly notBefore: string | null;
  readonly sealedAt: string;
  readonly sentAt: string | null;
  readonly settledAt: string | null;
}

const batchColumns = [
  'seq',
  'id',
  'platform',
  'form',
  'state',
  'run_id',
  'members',
  'body_digest',
  'attempts',
  'epoch',
  'parent_id',
  'receipt_id',
  'reason',
  'next_at',
  'not_before',
  'sealed_at',
  'sent_at',
  'settled_at',
];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toBatch = (row: any): BatchRow => ({
  seq: Number(row.seq),
  id: row.id,
  platform: row.platform,
  form: row.form,
  state: row.state,
  runId: row.run_id,
  members: row.members,
  bodyDigest: row.body_digest.toString('hex'),
  attempts: row.attempts,
  epoch: row.epoch,
  parentId: row.parent_id,
  receiptId: row.receipt_id,
  reason: row.reason,
  nextAt: row.next_at,
  notBefore: row.not_before,
  sealedAt: row.sealed_at,
  sentAt: row.sent_at,
  settledAt: row.settled_at,
});

/** Newest first. */
export async function listBatches(
  db: Reader,
  filter: { readonly platform?: string; readonly states?: readonly BatchState[]; readonly runId?: number; readonly limit?: number } = {},
): Promise<BatchRow[]> {
  const query = db('batches').select(batchColumns).orderBy('seq', 'desc').limit(filter.limit ?? 100);
  if (filter.platform !== undefined) query.where('platform', filter.platform);
  if (filter.states !== undefined) query.whereIn('state', [...filter.states]);
  if (filter.runId !== undefined) query.where('run_id', filter.runId);
  return (await query).map(toBatch);
}

const UNSETTLED: readonly BatchState[] = ['SEALED', 'SENDING', 'RETRY_WAIT', 'RECEIVED', 'UNKNOWN'];

/** Batches of a platform that still wait for something, oldest first. */
export async function unsettledBatches(db: Reader, platform: string): Promise<BatchRow[]> {
  const query = db('batches').select(batchColumns).where({ platform }).whereIn('state', [...UNSETTLED]).orderBy('seq');
  return (await query).map(toBatch);
}

/** Platforms with unsettled batches whose time to be looked at again has come. */
export async function platformsToFollow(db: Reader, now: Date): Promise<string[]> {
  const query = db('batches').distinct('platform').whereIn('state', [...UNSETTLED]).where((due) => due.whereNull('next_at').orWhere('next_at', '<=', now.toISOString()));
  return (await query).map(({ platform }) => String(platform));
}

export async function readBatch(db: Reader, id: string): Promise<BatchRow | undefined> {
  const row = await db('batches').select(batchColumns).where({ id }).first();
  return row === undefined ? undefined : toBatch(row);
}

export async function readBody(db: Reader, seq: number): Promise<Buffer> {
  const [row] = await select<{ body: Buffer }>(db, 'SELECT body FROM batches WHERE seq = ?', [seq]);
  if (row === undefined) throw new Error(`batch ${seq} has no body`);
  return unpackBody(row.body);
}

export interface MemberRow {
  readonly recordId: number;
  readonly version: number;
  readonly operation: Operation;
  readonly idemKey: string;
  readonly rowNo: number;
  readonly state: string;
}

/** In row order. */
export async function readMembers(db: Reader, seq: number): Promise<MemberRow[]> {
  const sql = 'SELECT record_id, version, operation, idem_key, row_no, state FROM deliveries WHERE batch_seq = ? ORDER BY row_no';
  const rows = await select<{
    record_id: number;
    version: number;
    operation: Operation;
    idem_key: string;
    row_no: number;
    state: string;
  }>(db, sql, [seq]);
  return rows.map((row) => ({
    recordId: Number(row.record_id),
    version: row.version,
    operation: row.operation,
    idemKey: row.idem_key,
    rowNo: row.row_no,
    state: row.state,
  }));
}

export interface Transition {
  readonly to: BatchState;
  readonly epoch: number;
  readonly reason?: string | null;
  readonly receiptId?: string;
  readonly nextAt?: string | null;
  readonly notBefore?: string | null;
  readonly attempts?: number;
  readonly sentAt?: string;
  readonly settledAt?: string;
}

/** Conditional step: false when the batch is no longer in the state (or a newer holder has it). */
export async function moveBatch(tx: Tx, batch: BatchRow, step: Transition): Promise<boolean> {
  const changed = await change(
    tx,
    `UPDATE batches SET state = ?, epoch = ?, reason = ?, next_at = ?, not_before = ?, receipt_id = COALESCE(?, receipt_id),
       attempts = COALESCE(?, attempts), sent_at = COALESCE(?, sent_at), settled_at = COALESCE(?, settled_at)
     WHERE seq = ? AND state = ? AND epoch <= ?`,
    [
      step.to,
      step.epoch,
      step.reason ?? null,
      step.nextAt ?? null,
      step.notBefore ?? null,
      step.receiptId?.slice(0, 255) ?? null,
      step.attempts ?? null,
      step.sentAt ?? null,
      step.settledAt ?? null,
      batch.seq,
      batch.state,
      step.epoch,
    ],
  );
  return changed === 1;
}

export interface MemberVerdict {
  readonly idemKey: string;
  readonly state: 'accepted' | 'rejected' | 'conflict';
  readonly verdict: string;
  readonly reason?: string | undefined;
}

/** Verdicts of a whole batch: the exceptions one by one, the accepted rest in one statement. */
export async function settleMembers(tx: Tx, seq: number, exceptions: readonly MemberVerdict[], rest: 'accepted' | 'conflict'): Promise<void> {
  for (const { idemKey, state, verdict, reason } of exceptions) {
    const sql = "UPDATE deliveries SET state = ?, verdict = ?, verdict_reason = ? WHERE batch_seq = ? AND idem_key = ? AND state = 'open'";
    await change(tx, sql, [state, verdict.slice(0, 64), reason ?? null, seq, idemKey]);
  }
  await change(tx, "UPDATE deliveries SET state = ?, verdict = ? WHERE batch_seq = ? AND state = 'open'", [
    rest,
    rest === 'accepted' ? 'OK' : 'CONFLICT',
    seq,
  ]);
}

export interface RejectedMember {
  readonly recordId: number;
  readonly version: number;
  readonly type: string;
  readonly job: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly idemKey: string;
}

/** The records behind some idem keys of a batch, in row order. */
export async function recordsBehind(tx: Tx, seq: number, idemKeys: readonly string[]): Promise<RejectedMember[]> {
  const sql = `SELECT r.id AS "recordId", d.version, r.type, r.job, r.number, r.name, d.idem_key AS "idemKey"
     FROM deliveries d JOIN records r ON r.id = d.record_id
     WHERE d.batch_seq = ? AND d.idem_key IN (${placeholders(idemKeys.length)}) ORDER BY d.row_no`;
  const rows = await select<RejectedMember>(tx, sql, [seq, ...idemKeys]);
  return rows.map((row) => ({ ...row, recordId: Number(row.recordId) }));
}

/** Verdicts so far of the deliveries that a run sealed. */
export async function countRun(db: Reader, platform: string, runId: number): Promise<{ accepted: number; rejected: number }> {
  const sql = `SELECT d.state, COUNT(*) AS n FROM batches b JOIN deliveries d ON d.batch_seq = b.seq
     WHERE b.platform = ? AND b.run_id = ? GROUP BY d.state`;
  const rows = await select<{ state: string; n: number }>(db, sql, [platform, runId]);
  const count = (state: string): number => Number(rows.find((row) => row.state === state)?.n ?? 0);
  return { accepted: count('accepted'), rejected: count('rejected') };
}

/** Records whose newest state is not to be shown and that the platform was never told of. */
export async function countWithheld(db: Reader, platform: string, types: readonly string[]): Promise<number> {
  const sql = `SELECT COUNT(*) AS n FROM records r WHERE r.newest_operation = 'WITHDRAW' AND r.type IN (${placeholders(types.length)})
     AND NOT ${sentBefore}`;
  const [row] = types.length === 0 ? [] : await select<{ n: number }>(db, sql, [...types, platform]);
  return Number(row?.n ?? 0);
}

export async function openAttempt(
  tx: Tx,
  attempt: { readonly batchId: string; readonly attempt: number; readonly epoch: number; readonly action: 'send' | 'query'; readonly now: Date },
): Promise<number> {
  const [id] = await tx('attempts').insert({
    batch_id: attempt.batchId,
    attempt: attempt.attempt,
    epoch: attempt.epoch,
    action: attempt.action,
    started_at: attempt.now.toISOString(),
  });
  return Number(id);
}

export async function closeAttempt(
  tx: Tx,
  id: number,
  end: { readonly outcome: string; readonly status?: number | undefined; readonly reason?: string | undefined; readonly answer?: Buffer | undefined; readonly now: Date },
): Promise<void> {
  await tx('attempts').where({ id }).update({
    outcome: end.outcome,
    status: end.status ?? null,
    reason: end.reason ?? null,
    answer: end.answer ?? null,
    ended_at: end.now.toISOString(),
  });
}

/** Keeps a receipt's exact bytes (compressed); the same receipt twice is one row. */
export async function keepReceipt(
  tx: Tx,
  receipt: { readonly platform: string; readonly receiptId: string; readonly batchId: string; readonly digest: Buffer; readonly body: Buffer; readonly now: Date },
): Promise<void> {
  const sql = 'SELECT id FROM receipts WHERE platform = ? AND receipt_id = ? AND digest = ?';
  const known = await select(tx, sql, [receipt.platform, receipt.receiptId.slice(0, 255), receipt.digest]);
  if (known.length > 0) return;
  await tx('receipts').insert({
    platform: receipt.platform,
    receipt_id: receipt.receiptId.slice(0, 255),
    batch_id: receipt.batchId,
    digest: receipt.digest,
    body: receipt.body,
    received_at: receipt.now.toISOString(),
  });
}

export interface AttemptRow {
  readonly attempt: number;
  readonly action: 'send' | 'query';
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly outcome: string | null;
  readonly status: number | null;
  readonly reason: string | null;
}

export async function listAttempts(db: Db, batchId: string): Promise<AttemptRow[]> {
  const rows = await db('attempts').where({ batch_id: batchId }).orderBy('id');
  return rows.map((row) => ({
    attempt: row.attempt,
    action: row.action,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    outcome: row.outcome,
    status: row.status,
    reason: row.reason,
  }));
}
