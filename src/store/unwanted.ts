import { type Reader, select } from './database.ts';

/**
 * Records of a sealed batch whose version must not be sent any more: withdrawn since, or shown no more, or a withdrawal that was
 * corrected since. Only where no intent to
 * send them ever existed; else the platform may have them, and the withdrawal has to follow (delivery.md §1.6, I11).
 */
export async function unwantedMembers(db: Reader, seq: number, tried: boolean): Promise<ReadonlySet<number>> {
  if (tried) return new Set();
  const sql = `SELECT d.record_id FROM deliveries d JOIN records r ON r.id = d.record_id
    WHERE d.batch_seq = ? AND d.state = 'open' AND ((d.operation = 'UPSERT'
      AND (r.newest_operation = 'WITHDRAW' OR EXISTS (SELECT 1 FROM suppressions s WHERE s.record_id = r.id)))
      OR (d.operation = 'WITHDRAW' AND d.version < r.newest_version AND r.newest_operation = 'WITHDRAW'))`;
  const rows = await select<{ record_id: number }>(db, sql, [seq]);
  return new Set(rows.map(({ record_id }) => Number(record_id)));
}
