import { canonicalJson, sha256Bytes } from '../canonical.ts';
import type { Verdict } from '../platform.ts';
import { type Reader, select, type Tx } from './database.ts';

/** What a receipt says, whoever brought it. */
export interface ReceiptContent {
  readonly receiptId: string;
  readonly outcome: 'received' | 'partial' | 'answered';
  readonly verdicts?: readonly Verdict[];
}

export type Mark = 'new' | 'known' | 'contradicts';

const LEVELS = { received: 1, partial: 2, answered: 3 } as const;

/**
 * Notes a receipt's identity, UNIQUE(platform, level, receipt id): the same once more is `known`, other content under the same
 * number `contradicts`. Partial receipts grow, so theirs holds the content too.
 */
export async function markReceipt(
  tx: Tx,
  batch: { readonly id: string; readonly platform: string },
  receipt: ReceiptContent,
  now: Date,
): Promise<Mark> {
  const content = contentOf(batch.id, receipt);
  const level = LEVELS[receipt.outcome];
  const parts = [batch.platform, String(level), receipt.receiptId, ...(level === 2 ? [content.toString('hex')] : [])];
  const identity = sha256Bytes(JSON.stringify(parts));
  const sql = 'SELECT content_digest FROM receipt_marks WHERE identity = ?';
  const [known] = await select<{ content_digest: Buffer }>(tx, sql, [identity]);
  if (known !== undefined) return content.equals(known.content_digest) ? 'known' : 'contradicts';
  await tx('receipt_marks').insert({
    identity,
    platform: batch.platform,
    receipt_id: receipt.receiptId.slice(0, 255),
    batch_id: batch.id,
    level,
    content_digest: content,
    first_at: now.toISOString(),
  });
  return 'new';
}

/** By meaning, not by bytes: order of the rows and times of printing do not count. */
function contentOf(batchId: string, { verdicts = [] }: ReceiptContent): Buffer {
  const said = verdicts.map(({ idemKey, outcome, code }) => `${idemKey} ${outcome} ${code ?? ''}`).toSorted();
  return sha256Bytes(canonicalJson([batchId, said]));
}

/** Why a receipt belongs to nothing that was sent. */
export type OrphanCause =
  | 'no-batch'
  | 'unknown-batch'
  | 'other-platform'
  | 'never-sent'
  | 'split-batch'
  | 'unknown-record';

export interface Orphan {
  readonly platform: string;
  readonly receiptId: string;
  readonly batchId: string | undefined;
  readonly cause: OrphanCause;
  /** By packBody. */
  readonly body: Buffer;
  readonly now: Date;
}

/** Keeps a receipt that belongs to nothing; false when it is kept already. */
export async function keepOrphan(tx: Tx, orphan: Orphan): Promise<boolean> {
  const { platform, receiptId, batchId, cause, body, now } = orphan;
  const identity = sha256Bytes(JSON.stringify([platform, receiptId, batchId ?? '', cause]));
  const known = await select(tx, 'SELECT id FROM orphan_receipts WHERE identity = ?', [identity]);
  if (known.length > 0) return false;
  await tx('orphan_receipts').insert({
    identity,
    platform,
    receipt_id: receiptId.slice(0, 255),
    batch_id: batchId?.slice(0, 64) ?? null,
    cause,
    body,
    received_at: now.toISOString(),
  });
  return true;
}

export interface OrphanRow {
  readonly id: number;
  readonly platform: string;
  readonly receiptId: string;
  readonly batchId: string | null;
  readonly cause: OrphanCause;
  readonly receivedAt: string;
}

/** Oldest first. */
export const listOrphans = (db: Reader): Promise<OrphanRow[]> =>
  select<OrphanRow>(
    db,
    `SELECT id, platform, receipt_id AS "receiptId", batch_id AS "batchId", cause, received_at AS "receivedAt"
     FROM orphan_receipts ORDER BY id`,
  );
