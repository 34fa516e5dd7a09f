import { type Reader, select } from './database.ts';
import { unpackBody } from './outbox.ts';

/** The hub's own package behind a batch, whatever form its body has. */
export async function readPackage(db: Reader, seq: number): Promise<Buffer> {
  const sql = 'SELECT COALESCE(package_body, body) AS "packed" FROM batches WHERE seq = ?';
  const [row] = await select<{ packed: Buffer }>(db, sql, [seq]);
  if (row === undefined) throw new Error(`batch ${seq} has no body`);
  return unpackBody(row.packed);
}
