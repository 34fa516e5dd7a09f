import { confirmImport } from '../accounts/source-approvals.ts';
import { sha256 } from '../canonical.ts';
import { baseName } from '../delivery/package-name.ts';
import { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { type ReceiptFile, type ReceiptRow, readReceiptFiles } from '../platforms/receipt-file.ts';
import { FileDamage } from '../sources/file-damage.ts';
import { packageNamed } from '../store/carried-packages.ts';
import { addReceipt } from '../store/carried-receipts.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { findBatches, packBody } from '../store/outbox.ts';
import { placeRows } from './place-rows.ts';

export interface ReceiptGiven {
  /** Name without folder, with its ending. */
  readonly name: string;
  readonly bytes: Buffer;
  /** The batch that it is about, where the file does not say. */
  readonly batch?: string | undefined;
  readonly actor: string;
  readonly reason: string;
}

export interface ImportedReceipt {
  /** Null: rows that belong to nothing that was sent. */
  readonly batchId: string | null;
  readonly receiptId: string;
  readonly level: number;
  readonly rows: number;
  /** Exactly this receipt was imported before. */
  readonly repeated: boolean;
}

/**
 * Keeps a receipt that a person brought back (docs/platform-excel.md §3), cut by batch, together with its file. What it does to the
 * batches is decided by the protocol like for any other receipt, at the follow-up that comes after. With HUB_APPROVALS=on a second
 * person confirms these bytes first, for they settle what the ledger says a platform holds. Throws HubError RECEIPT_…, APPROVAL_OPEN.
 */
export async function importReceipts(hub: Hub, job: PushJob, given: ReceiptGiven): Promise<readonly ImportedReceipt[]> {
  const parts: Part[] = [];
  for (const receipt of await readGiven(job, given)) parts.push(...(await cut(hub, job, receipt, given)));
  if (hub.settings.approvals) {
    const rows = parts.reduce((sum, part) => sum + part.rows.length, 0);
    const asks = { by: given.actor, reason: given.reason, now: hub.now() };
    const about = given.batch === undefined ? {} : { batch: given.batch };
    await confirmImport(hub.db, { job: job.name, sha256: sha256(given.bytes), rows, ...about }, asks);
  }
  return keep(hub, job, parts, given);
}

async function readGiven({ platform }: PushJob, { name, bytes }: ReceiptGiven): Promise<readonly ReceiptFile[]> {
  const terms = 'receipt' in platform ? platform.receipt : undefined;
  try {
    return await readReceiptFiles(name, bytes, terms?.columns);
  } catch (error) {
    if (!(error instanceof FileDamage)) throw error;
    throw new HubError('RECEIPT_UNREADABLE', `回执 ${name} 不可读：${error.message} (the receipt cannot be read)`, {
      remedy: 'give-up',
      fix: '什么都没有导入；请从平台重新下载，或在作业的 receipt.columns 写明列名 (nothing was imported: download it again, or name its columns under receipt.columns)',
    });
  }
}

/** What one receipt says of one batch. */
interface Part {
  readonly batchId: string | null;
  readonly receipt: ReceiptFile;
  readonly rows: readonly ReceiptRow[];
}

async function cut(hub: Hub, job: PushJob, receipt: ReceiptFile, given: ReceiptGiven): Promise<Part[]> {
  const named = await namedBatch(hub, job, receipt, given);
  if (receipt.rows.length === 0) return [{ batchId: named ?? null, receipt, rows: [] }];
  const byBatch = new Map<string | null, ReceiptRow[]>();
  for (const { row, batchId } of await placeRows(hub, job, receipt, named)) {
    const there = byBatch.get(batchId);
    if (there === undefined) byBatch.set(batchId, [row]);
    else there.push(row);
  }
  return [...byBatch].map(([batchId, rows]) => ({ batchId, receipt, rows }));
}

/** By the person's word, the receipt's own, or the name of the file that was uploaded. */
async function namedBatch(
  { db }: Hub,
  { platformName }: PushJob,
  { batchId }: ReceiptFile,
  { batch, name }: ReceiptGiven,
): Promise<string | undefined> {
  const said = batch ?? batchId;
  if (said === undefined) return (await packageNamed(db, platformName, baseName(name)))?.batchId ?? undefined;
  const [found, ...more] = (await findBatches(db, said)).filter(({ platform }) => platform === platformName);
  if (found !== undefined && more.length === 0) return found.id;
  if (batch === undefined) return undefined;
  throw new HubError('BATCH_UNKNOWN', `平台 ${platformName} 没有批次 ${said} (no such batch of this platform)`, {
    remedy: 'give-up',
    fix: '用 hub batches 查看批次号 (see hub batches)',
  });
}

async function keep(
  { db, now }: Hub,
  { platformName: lane }: PushJob,
  parts: readonly Part[],
  { name: file, bytes, actor, reason }: ReceiptGiven,
): Promise<ImportedReceipt[]> {
  const original = await packBody(bytes);
  const ready = await Promise.all(
    parts.map(async (part) => {
      const body = Buffer.from(JSON.stringify(shapeOf(part)));
      const receiptId = receiptIdOf(part, parts.length);
      return { ...part, receiptId, digest: sha256(body), packed: await packBody(body) };
    }),
  );
  return inTransaction(db, async (tx) => {
    const kept: ImportedReceipt[] = [];
    for (const { batchId, receipt, receiptId, rows, digest, packed } of ready) {
      const { level } = receipt;
      const one = { lane, batchId, receiptId, level, digest, body: packed, original, file, actor, reason };
      const isNew = await addReceipt(tx, one, now());
      kept.push({ batchId, receiptId, level, rows: rows.length, repeated: !isNew });
    }
    const entries = kept.map(({ batchId, receiptId, rows, repeated }) => ({
      ...{ actor, action: 'receipts.imported', platform: lane },
      ...(batchId === null ? {} : { batchId }),
      detail: { file, sha256: sha256(bytes), reason, receiptId: receiptId.slice(0, 255), rows, repeated },
    }));
    await appendLog(tx, now(), entries);
    return kept;
  });
}

/** A receipt that was cut gets one id per batch. */
const receiptIdOf = ({ receipt, batchId }: Part, parts: number): string =>
  parts === 1 ? receipt.receiptId.slice(0, 255) : `${receipt.receiptId.slice(0, 200)}/${batchId ?? 'none'}`;

/** The shape of docs/platform-sftp.md §3. Rows that fit nothing keep all their columns. */
const shapeOf = ({ batchId, receipt, rows }: Part) => ({
  ...(batchId === null ? {} : { packageId: batchId }),
  receiptId: receipt.receiptId,
  level: receipt.level,
  ...(receipt.bodyDigest === undefined ? {} : { bodyDigest: receipt.bodyDigest }),
  ...(receipt.count === undefined ? {} : { receivedCount: receipt.count }),
  ...(receipt.code === undefined ? {} : { resultCode: receipt.code, resultMsg: receipt.message ?? '' }),
  ...(rows.length === 0 && receipt.level < 3 ? {} : { results: rows.map(resultOf) }),
});

const resultOf = ({ rowId, rowNo, code, message, platformId, others }: ReceiptRow) => ({
  ...(rowId === undefined ? others : { rowId }),
  ...(rowId === undefined && rowNo !== undefined ? { rowNo } : {}),
  ...{ resultCode: code, resultMsg: message },
  ...(platformId === undefined ? {} : { platformId }),
});
