import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { BatchState } from '../delivery/delivery-state.ts';
import { PACKAGE_FORM } from '../delivery/wire-form.ts';
import type { Operation } from '../record.ts';
import { change, insertRows, placeholders, type Reader, select, type Tx, takeNumbers } from './database.ts';
import { deliveryColumns } from './deliveries.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

export interface SealedMember {
  readonly recordId: number;
  readonly version: number;
  readonly rendition: number;
  readonly operation: Operation;
  readonly idemKey: string;
  /** 32 bytes: SHA-256 of the outbound record. */
  readonly payloadDigest: Buffer;
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
  /** Of a batch cut from another one: its deliveries move over, and whether an intent ever existed goes along. */
  readonly cutFrom?: { readonly id: string; readonly seq: number; readonly rootSeq: number; readonly tried: boolean };
}

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
    parent_id: batch.cutFrom?.id ?? null,
    root_seq: batch.cutFrom?.rootSeq ?? null,
    tried: batch.cutFrom?.tried ? 1 : 0,
    sealed_at: now.toISOString(),
  };
  await tx('batches').insert(row);
  if (batch.cutFrom === undefined) await insertRows(tx, 'deliveries', deliveryColumns, deliveryRows(batch, seq));
  else await moveDeliveries(tx, batch.cutFrom.seq, batch, seq);
  return toBatch({
    ...row,
    receipt_id: null,
    reason: null,
    next_at: null,
    not_before: null,
    sent_at: null,
    last_sent_at: null,
    retry_window: null,
    window_attempts: 0,
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
    member.payloadDigest,
    seq,
    index + 1,
    'open',
  ]);

/** Members of a batch that was cut go over to its parts; their keys and payloads stay. */
async function moveDeliveries(tx: Tx, from: number, batch: NewBatch, seq: number): Promise<void> {
  const sql = 'UPDATE deliveries SET batch_seq = ?, row_no = ? WHERE batch_seq = ? AND idem_key = ?';
  for (const [index, member] of batch.members.entries()) {
    if ((await change(tx, sql, [seq, index + 1, from, member.idemKey])) !== 1)
      throw new Error(`batch ${from}: member ${member.idemKey} is not there to be moved`);
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
  /** The batch whose refusal began the halving that this one belongs to; null: none. */
  readonly rootSeq: number | null;
  /** An intent to send its members existed, here or in the batch that it was cut from. */
  readonly tried: boolean;
  /** The retry window in which it was last sent, and how often in it. */
  readonly retryWindow: string | null;
  readonly windowAttempts: number;
  /** Such as `2026-W48`; null outside of a period. */
  readonly period: string | null;
  readonly receiptId: string | null;
  readonly reason: string | null;
  readonly nextAt: string | null;
  /** The platform asked not to be called before this (Retry-After). */
  readonly notBefore: string | null;
  readonly sealedAt: string;
  /** First and latest sending. */
  readonly sentAt: string | null;
  readonly lastSentAt: string | null;
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
  'root_seq',
  'tried',
  'retry_window',
  'window_attempts',
  'receipt_id',
  'reason',
  'next_at',
  'not_before',
  'sealed_at',
  'sent_at',
  'last_sent_at',
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
  rootSeq: row.root_seq,
  tried: row.tried !== 0,
  retryWindow: row.retry_window,
  windowAttempts: row.window_attempts,
  period: row.period ?? null,
  receiptId: row.receipt_id,
  reason: row.reason,
  nextAt: row.next_at,
  notBefore: row.not_before,
  sealedAt: row.sealed_at,
  sentAt: row.sent_at,
  lastSentAt: row.last_sent_at,
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

/** Held batches that are to be asked about once more: a late answer is as good as one in time. */
export async function heldToAsk(db: Reader, platform: string, now: Date): Promise<BatchRow[]> {
  const query = db('batches').select(batchColumns).where({ platform, state: 'HELD' }).orderBy('seq');
  return (await query.where('next_at', '<=', now.toISOString())).map(toBatch);
}

/** What a batch was cut into, in the order of its members. */
export async function partsOf(db: Reader, { platform, id }: BatchRow): Promise<BatchRow[]> {
  const query = db('batches').select(batchColumns).where({ platform, parent_id: id }).orderBy('seq');
  return (await query).map(toBatch);
}

/** Platforms with batches whose time to be looked at again has come, unless they are paused or resting. */
export async function platformsToFollow(db: Reader, now: Date): Promise<string[]> {
  const sql = `SELECT DISTINCT b.platform FROM batches b
    WHERE (b.state IN (${placeholders(UNSETTLED.length)}) AND (b.next_at IS NULL OR b.next_at <= ?)
      OR b.state = 'HELD' AND b.next_at <= ?)
      AND NOT EXISTS (SELECT 1 FROM breakers k WHERE k.platform = b.platform
        AND (k.state = 'open' AND k.open_until > ? OR k.not_before > ?))
      AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.platform = b.platform AND p.ended_at IS NULL
        AND b.state IN ('SEALED', 'RETRY_WAIT'))`;
  const at = now.toISOString();
  const rows = await select<{ platform: string }>(db, sql, [...UNSETTLED, at, at, at, at]);
  return rows.map(({ platform }) => platform);
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

export interface Transition {
  readonly to: BatchState;
  readonly epoch: number;
  readonly reason?: string | null;
  readonly receiptId?: string;
  readonly nextAt?: string | null;
  readonly notBefore?: string | null;
  /** Of a sending. */
  readonly sent?: {
    readonly attempts: number;
    readonly window: string;
    readonly windowAttempts: number;
    readonly at: string;
  };
  readonly settledAt?: string;
}

/** Conditional step: false when the batch is no longer in the state (or a newer holder has it). */
export async function moveBatch(tx: Tx, batch: BatchRow, step: Transition): Promise<boolean> {
  const { sent } = step;
  const sending = sent === undefined ? '' : SENDING_COLUMNS;
  const sentValues = sent === undefined ? [] : [sent.attempts, sent.window, sent.windowAttempts, sent.at, sent.at];
  const changed = await change(
    tx,
    `UPDATE batches SET state = ?, epoch = ?, reason = ?, next_at = ?, not_before = ?, receipt_id = COALESCE(?, receipt_id),
       settled_at = COALESCE(?, settled_at)${sending} WHERE seq = ? AND state = ? AND epoch <= ?`,
    [
      step.to,
      step.epoch,
      step.reason ?? null,
      step.nextAt ?? null,
      step.notBefore ?? null,
      step.receiptId?.slice(0, 255) ?? null,
      step.settledAt ?? null,
      ...sentValues,
      batch.seq,
      batch.state,
      step.epoch,
    ],
  );
  return changed === 1;
}

const SENDING_COLUMNS =
  ', tried = 1, attempts = ?, retry_window = ?, window_attempts = ?, sent_at = COALESCE(sent_at, ?), last_sent_at = ?';

export async function batchById(db: Reader, id: string): Promise<BatchRow | undefined> {
  const [row] = await db('batches').select(batchColumns).where({ id });
  return row === undefined ? undefined : toBatch(row);
}

/** The batch as it stands now. */
export async function readBatch(db: Reader, seq: number): Promise<BatchRow> {
  const [row] = await db('batches').select(batchColumns).where({ seq });
  if (row === undefined) throw new Error(`there is no batch ${seq}`);
  return toBatch(row);
}
