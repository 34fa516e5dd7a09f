import { createHash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { Knex } from 'knex';
import { HubError } from '../errors.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { type DumpValue, dumpRows, dumpTables, inSnapshot, migrationNames } from '../store/dump.ts';
import { newestCheckpoint } from '../store/evidence-rows.ts';
import { appendLog } from '../store/log.ts';
import { readHead } from '../store/log-tree.ts';

export const BACKUP_FORMAT = 'zhengxin-backup@1';

/** First line of a backup. */
export interface BackupHead {
  readonly format: typeof BACKUP_FORMAT;
  readonly madeAt: string;
  readonly hubId: string;
  readonly migrations: readonly string[];
  /** Where the delivery log stood: what the signer will be asked to go on from. */
  readonly log: { readonly number: number; readonly size: number; readonly checkpoint: string | null };
}

export interface BackupContext {
  readonly db: Db;
  readonly databaseUrl: string;
  readonly hubId: string;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly now: () => Date;
}

export interface Backup {
  readonly file: string;
  /** Of the file as it lies there. */
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  readonly logSize: number;
}

/**
 * A consistent copy of the whole database while the hub goes on working: JSON lines, zstd, mode 0600, the same for SQLite and
 * MySQL, so that one can be restored into the other. The last line holds the digest of all before it (docs/backup.md).
 */
export async function backup(file: string, context: BackupContext): Promise<Backup> {
  if (existsSync(file)) throw backupExists(file);
  const { db, databaseUrl, actor, reason, now } = context;
  mkdirSync(dirname(resolve(file)), { recursive: true });
  const part = `${file}.part`;
  rmSync(part, { force: true });
  const counts = { rows: 0, logSize: 0 };
  try {
    await inSnapshot(databaseUrl, (view) =>
      pipeline(
        Readable.from(chunks(lines(view, context, counts))),
        createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } }),
        createWriteStream(part, { mode: 0o600, flags: 'wx' }),
      ),
    );
    flush(part);
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  const { sha256, bytes } = await digestOf(file);
  const detail = {
    file: basename(file),
    sha256,
    bytes,
    rows: counts.rows,
    logSize: counts.logSize,
    reason: reason ?? null,
  };
  await inTransaction(db, (tx) => appendLog(tx, now(), [{ actor, action: 'database.backed-up', detail }]));
  return { file, sha256, bytes, ...counts };
}

function flush(file: string): void {
  const handle = openSync(file, 'r+');
  fsyncSync(handle);
  closeSync(handle);
}

export async function digestOf(file: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Head, tables with their rows, and the digest of it all. */
async function* lines(
  view: Knex,
  { hubId, now }: BackupContext,
  counts: { rows: number; logSize: number },
): AsyncGenerator<string> {
  const hash = createHash('sha256');
  const line = (value: unknown): string => {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    return text;
  };
  const { logNo, size } = await readHead(view);
  counts.logSize = size;
  const checkpoint = (await newestCheckpoint(view, logNo))?.note ?? null;
  const head: BackupHead = {
    format: BACKUP_FORMAT,
    madeAt: now().toISOString(),
    hubId,
    migrations: await migrationNames(view),
    log: { number: logNo, size, checkpoint },
  };
  yield line(head);
  for (const table of await dumpTables(view)) {
    if (table.name === 'migrations') continue;
    yield line({ table: table.name, columns: table.columns });
    for await (const row of dumpRows(view, table)) {
      counts.rows += 1;
      yield line(row.map(packed));
    }
  }
  yield `${JSON.stringify({ rows: counts.rows, sha256: hash.digest('hex') })}\n`;
}

const packed = (value: DumpValue): unknown => (Buffer.isBuffer(value) ? { b: value.toString('base64') } : value);

const CHUNK = 1 << 16;

/** Lines are short; the compressor works better on more at once. */
async function* chunks(source: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let held = '';
  for await (const text of source) {
    held += text;
    if (held.length < CHUNK) continue;
    yield Buffer.from(held);
    held = '';
  }
  if (held !== '') yield Buffer.from(held);
}

const backupExists = (file: string): HubError =>
  new HubError('BACKUP_EXISTING', `${file} 已存在 (it exists already)`, {
    remedy: 'give-up',
    fix: '换一个文件名，旧备份不会被覆盖 (choose another name; an older backup is never overwritten)',
  });
