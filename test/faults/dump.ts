import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { type Db, isSqlite, openDatabase, select } from '../../src/store/database.ts';

const TABLES: { readonly [table: string]: string } = {
  batches: 'seq, id, platform, state, members, parent_id, attempts, epoch, period',
  deliveries: 'platform, record_id, version, rendition, operation, idem_key, payload_digest, batch_seq, row_no, state',
  intakes: 'id, row_count, accepted, unchanged, quarantined',
  records: 'id, record_key, number, newest_version, newest_operation',
  versions: 'record_id, version, operation, body, digest',
  quarantine: 'id, stage, state, record_id, version, platform',
  attempts: 'id, batch_id, attempt, epoch, action, outcome, started_at',
  periods: 'id, platform, duty, period, nominal, day, planned_at, state, closed_at, covered_by, set_aside, unconfirmed',
  checkpoints: 'log_no, size, root, note',
  log_head: '*',
  log_pending: 'id',
};

/**
 * Tables as JSON lines for the checker, bytes as hex; and every row of every table with its bytes as they are, compressed ones
 * unpacked, where no secret may stand.
 */
export async function dumpTables(database: string, folder: string): Promise<void> {
  const db = await openDatabase(database);
  try {
    for (const [table, columns] of Object.entries(TABLES)) await dump(db, `SELECT ${columns} FROM ${table}`, table);
    const all = await select<{ name: string }>(db, isSqlite(db) ? SQLITE_TABLES : MYSQL_TABLES);
    for (const { name } of all) await dump(db, `SELECT * FROM ${name}`, `whole-${name}`, 'latin1');
  } finally {
    await db.destroy();
  }

  async function dump(db: Db, sql: string, name: string, bytes: BufferEncoding = 'hex'): Promise<void> {
    const rows = await select<object>(db, sql);
    const text = rows.map((row) => JSON.stringify(row, (_, value) => plain(value, bytes))).join('\n');
    writeFileSync(join(folder, `${name}.jsonl`), text);
  }
}

const SQLITE_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
const MYSQL_TABLES = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()';

/** JSON.stringify has already asked a Buffer for its own form. */
function plain(value: unknown, encoding: BufferEncoding): unknown {
  const isBytes = typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer';
  if (!isBytes || !('data' in value)) return value;
  const bytes = Buffer.from(value.data as number[]);
  const packed = encoding !== 'hex' && bytes.subarray(0, ZSTD.length).equals(ZSTD);
  return (packed ? zstdDecompressSync(bytes) : bytes).toString(encoding);
}

/** What a zstd frame begins with (RFC 8878 §3.1.1). */
const ZSTD = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
