import { type Reader, select } from './database.ts';

/** What a platform must hold of a record by the ledger: the newest version that it accepted. */
export interface Holding {
  /** 64 lower-case hex digits. */
  readonly recordKey: string;
  readonly version: number;
  readonly operation: string;
  /** Lower-case hex SHA-256 of the data sent. */
  readonly payloadHash: string;
}

export async function holdings(db: Reader, platform: string): Promise<Holding[]> {
  const sql = `SELECT r.record_key AS "key", d.version, d.operation, d.payload_digest AS "digest"
    FROM deliveries d JOIN records r ON r.id = d.record_id
    WHERE d.platform = ? AND d.state = 'accepted' AND NOT EXISTS (SELECT 1 FROM deliveries n WHERE n.platform = d.platform
      AND n.record_id = d.record_id AND n.state = 'accepted'
      AND (n.version > d.version OR (n.version = d.version AND n.rendition > d.rendition)))
    ORDER BY r.id`;
  const rows = await select<{ key: Buffer; version: number; operation: string; digest: Buffer }>(db, sql, [platform]);
  return rows.map(({ key, version, operation, digest }) => ({
    recordKey: key.toString('hex'),
    version,
    operation,
    payloadHash: digest.toString('hex'),
  }));
}
