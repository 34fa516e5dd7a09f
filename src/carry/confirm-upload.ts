import { basename } from 'node:path';
import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { packageNamed, packageOf } from '../store/carried-packages.ts';
import { addReceipt } from '../store/carried-receipts.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, findBatches, packBody } from '../store/outbox.ts';

/**
 * A person says that a file was handed over: kept as a receipt of level 1 in that person's name. `which`: the file, with or without
 * its folder, or the beginning of the batch's id. Throws USAGE_WRONG for what never lay ready.
 */
export async function confirmUpload(
  hub: Hub,
  { platformName: lane }: PushJob,
  { which, actor, reason }: { readonly which: string; readonly actor: string; readonly reason: string },
): Promise<BatchRow> {
  const { db, now } = hub;
  const batch = await batchFor(hub, lane, which);
  const body = Buffer.from(JSON.stringify({ packageId: batch.id, receiptId: `hand:${batch.id}`, level: 1, by: actor }));
  const one = { lane, batchId: batch.id, receiptId: `hand:${batch.id}`, level: 1, digest: sha256(body) };
  const packed = await packBody(body);
  await inTransaction(db, async (tx) => {
    await addReceipt(tx, { ...one, body: packed, original: null, file: which, actor, reason }, now());
    const detail = { file: which.slice(0, 255), reason };
    await appendLog(tx, now(), [{ actor, action: 'receipts.confirmed', platform: lane, batchId: batch.id, detail }]);
  });
  return batch;
}

async function batchFor({ db }: Hub, lane: string, which: string): Promise<BatchRow> {
  const named = await packageNamed(db, lane, basename(which).replace(/\.[^.]*$/, ''));
  const id = named?.batchId ?? which;
  const [batch, ...more] = (await findBatches(db, id)).filter(({ platform }) => platform === lane);
  const laid = batch === undefined ? undefined : await packageOf(db, lane, batch.id);
  if (batch !== undefined && more.length === 0 && laid?.writtenAt) return batch;
  throw new HubError('UPLOAD_UNKNOWN', `平台 ${lane} 没有待传递的 ${which} (nothing of this name lies ready for it)`, {
    remedy: 'give-up',
    fix: '用 hub receipts waiting 查看待上传的文件 (see hub receipts waiting)',
  });
}
