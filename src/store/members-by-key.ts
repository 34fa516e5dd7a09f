import { placeholders, type Reader, select } from './database.ts';

/** The batch in which each idem key stands now; keys that this platform never got are left out. */
export async function batchesOfKeys(
  db: Reader,
  platform: string,
  idemKeys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let from = 0; from < idemKeys.length; from += PART) {
    const part = idemKeys.slice(from, from + PART);
    const sql = `SELECT d.idem_key AS "idemKey", b.id AS "batchId" FROM deliveries d JOIN batches b ON b.seq = d.batch_seq
       WHERE d.platform = ? AND d.idem_key IN (${placeholders(part.length)})`;
    const rows = await select<{ idemKey: string; batchId: string }>(db, sql, [platform, ...part]);
    for (const { idemKey, batchId } of rows) found.set(idemKey, batchId);
  }
  return found;
}

const PART = 5000;
