import type { Operation } from '../record.ts';
import { type Reader, select } from './database.ts';

/** The newest state of a record that one pull job brought. */
export interface LibraryRecord {
  readonly id: number;
  readonly key: Buffer;
  readonly version: number;
  readonly operation: Operation;
  /** Lower-case hex, over operation and content. */
  readonly digest: string;
  readonly number: string | null;
  readonly name: string | null;
  readonly sourceRef: Buffer | null;
  /** Another record took its place after a key field was corrected. */
  readonly replaced: boolean;
}

/** Records of a job behind a key, in its order. */
export async function libraryAfter(
  db: Reader,
  job: string,
  { after, limit }: { readonly after: Buffer; readonly limit: number },
): Promise<LibraryRecord[]> {
  const sql = `SELECT id, record_key AS "key", newest_version AS version, newest_operation AS operation,
      newest_digest AS digest, number, name, source_ref AS "sourceRef", successor_id AS successor
    FROM records WHERE record_key > ? AND job = ? ORDER BY record_key LIMIT ${limit}`;
  const rows = await select<Row>(db, sql, [after, job]);
  return rows.map(({ id, digest, successor, ...rest }) => ({
    ...rest,
    id: Number(id),
    digest: digest.toString('hex'),
    replaced: successor !== null,
  }));
}

interface Row extends Omit<LibraryRecord, 'digest' | 'replaced'> {
  readonly digest: Buffer;
  readonly successor: number | null;
}
