import type { Db } from '../store/database.ts';
import { type BatchRow, findBatches } from '../store/outbox.ts';
import { notThere, wrongUsage } from './print.ts';

/** The one batch whose id begins so. Throws BATCH_UNKNOWN, or USAGE_WRONG where several do. */
export async function oneBatch(db: Db, id: string): Promise<BatchRow> {
  const [batch, ...more] = await findBatches(db, id);
  const fix = '用 hub batches --json 查看完整批次号 (see the whole ids with hub batches --json)';
  if (batch === undefined) throw notThere('BATCH_UNKNOWN', `没有批次 ${id}`, `there is no batch ${id}`, fix);
  if (more.length === 0) return batch;
  throw wrongUsage(`${id} 不止一个批次以此开头`, `more than one batch begins with ${id}`, fix);
}
