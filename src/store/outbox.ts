import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { BatchState } from '../delivery/delivery-state.ts';
import { PACKAGE_FORM } from '../delivery/wire-form.ts';
import type { Operation } from '../record.ts';
import { change, insertRows, placeholders, type Reader, select, type Tx, takeNumbers } from './database.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

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
  readonly contentType: string;
  /** The package that `packed` was rendered from, by `packBody`; absent: it is the body. */
  readonly packedPackage?: Uint8Array | undefined;
  /** Lower-case hex. */
  readonly bodyDigest: string;
  readonly manifestRoot: string;
  readonly members: readonly SealedMember[];
  /** The period that it is sealed for. */
  readonly period?: string | null;
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
    period: batch.period ?? null,
    state: 'SEALED' as const,
    run_id: batch.runId,
    members: batch.members.length,
    body: asBuffer(batch.packed),
    content_type: batch.contentType,
    package_body: batch.packedPackage === undefined ? null : asBuffer(batch.packedPackage),
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
  return toBatch({
    ...row,
    receipt_id: null,
    reason: null,
    next_at: null,
    not_before: null,
    sent_at: null,
    settled_at: null,
  });
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

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
  const sql =
    'UPDATE deliveries SET batch_seq = ?, row_no = ? WHERE platform = ? AND record_id = ? AND version = ? AND rendition = ?';
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
  readonly contentType: string;
  readonly attempts: number;
  readonly epoch: number;
  readonly parentId: string | null;
  /** Such as `2026-W48`; null outside of a period. */
  readonly period: string | null;
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
  'period',
  'state',
  'run_id',
  'members',
  'body_digest',
  'content_type',
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
  contentType: row.content_type ?? PACKAGE_FORM.contentType,
  attempts: row.attempts,
  epoch: row.epoch,
  parentId: row.parent_id,
  period: row.period ?? null,
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
  filter: {
    readonly platform?: string;
    readonly states?: readonly BatchState[];
    readonly runId?: number;
    readonly limit?: number;
  } = {},
): Promise<BatchRow[]> {
  const query = db('batches')
    .select(batchColumns)
    .orderBy('seq', 'desc')
    .limit(filter.limit ?? 100);
  if (filter.platform !== undefined) query.where('platform', filter.platform);
  if (filter.states !== undefined) query.whereIn('state', [...filter.states]);
  if (filter.runId !== undefined) query.where('run_id', filter.runId);
  return (await query).map(toBatch);
}

const UNSETTLED: readonly BatchState[] = ['SEALED', 'SENDING', 'RETRY_WAIT', 'RECEIVED', 'UNKNOWN'];

/** Batches of a platform that still wait for something, oldest first. */
export async function unsettledBatches(db: Reader, platform: string): Promise<BatchRow[]> {
  const query = db('batches')
    .select(batchColumns)
    .where({ platform })
    .whereIn('state', [...UNSETTLED])
    .orderBy('seq');
  return (await query).map(toBatch);
}

/** Platforms with unsettled batches whose time to be looked at again has come. */
export async function platformsToFollow(db: Reader, now: Date): Promise<string[]> {
  const query = db('batches')
    .distinct('platform')
    .whereIn('state', [...UNSETTLED])
    .where((due) => due.whereNull('next_at').orWhere('next_at', '<=', now.toISOString()));
  return (await query).map(({ platform }) => String(platform));
}

/** Batches whose id is, or begins with, `id`; two at most. */
export async function findBatches(db: Reader, id: string): Promise<BatchRow[]> {
  if (!/^[a-z2-7]+$/.test(id)) return [];
  return (await db('batches').select(batchColumns).where('id', 'like', `${id}%`).limit(2)).map(toBatch);
}

export async function readBody(db: Reader, seq: number): Promise<Buffer> {
  const [row] = await select<{ body: Buffer }>(db, 'SELECT body FROM batches WHERE seq = ?', [seq]);
  if (row === undefined) throw new Error(`batch ${seq} has no body`);
  return unpackBody(row.body);
}

export interface MemberRow {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly idemKey: string;
  readonly rowNo: number;
  readonly state: string;
}

/** In row order. */
export async function readMembers(db: Reader, seq: number): Promise<MemberRow[]> {
  const sql =
    'SELECT record_id, version, rendition, operation, idem_key, row_no, state FROM deliveries WHERE batch_seq = ? ORDER BY row_no';
  const rows = await select<{
    record_id: number;
    version: number;
    rendition: number;
    operation: Operation;
    idem_key: string;
    row_no: number;
    state: string;
  }>(db, sql, [seq]);
  return rows.map((row) => ({
    recordId: Number(row.record_id),
    version: row.version,
    rendition: row.rendition,
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
export async function settleMembers(
  tx: Tx,
  seq: number,
  exceptions: readonly MemberVerdict[],
  rest: 'accepted' | 'conflict',
): Promise<void> {
  for (const { idemKey, state, verdict, reason } of exceptions) {
    const sql =
      "UPDATE deliveries SET state = ?, verdict = ?, verdict_reason = ? WHERE batch_seq = ? AND idem_key = ? AND state = 'open'";
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
export async function countRun(
  db: Reader,
  platform: string,
  runId: number,
): Promise<{ accepted: number; rejected: number }> {
  const sql = `SELECT d.state, COUNT(*) AS n FROM batches b JOIN deliveries d ON d.batch_seq = b.seq
     WHERE b.platform = ? AND b.run_id = ? GROUP BY d.state`;
  const rows = await select<{ state: string; n: number }>(db, sql, [platform, runId]);
  const count = (state: string): number => Number(rows.find((row) => row.state === state)?.n ?? 0);
  return { accepted: count('accepted'), rejected: count('rejected') };
}
