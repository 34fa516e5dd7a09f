import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { createZstdDecompress } from 'node:zlib';
import { HubError } from '../errors.ts';
import type { DumpTable, DumpValue } from '../store/dump.ts';
import { BACKUP_FORMAT, type BackupHead } from './backup.ts';

/** What a backup holds, in its order. */
export type BackupPart =
  | { readonly head: BackupHead }
  | { readonly table: DumpTable }
  | { readonly rows: DumpValue[][] };

const AT_ONCE = 500;
/** A MySQL server takes packets of some size only. */
const MOST_CHARACTERS = 4_000_000;

/**
 * Reads a backup from front to end. Its digest stands at the end, so whoever acts on what it says reads it once through
 * before. Throws HubError BACKUP_BROKEN, which says where.
 */
export async function* readBackup(file: string): AsyncGenerator<BackupPart> {
  const hash = createHash('sha256');
  let [number, count, ended, weight] = [0, 0, false, 0];
  let rows: DumpValue[][] = [];
  for await (const line of linesOf(file)) {
    number += 1;
    if (ended) throw broken(file, `第 ${number} 行在结尾之后`, `line ${number} stands after the end`);
    const value = parse(file, number, line);
    const isRow = Array.isArray(value);
    if (!isRow && rows.length > 0) {
      yield { rows };
      [rows, weight] = [[], 0];
    }
    if (isRow) {
      count += 1;
      rows.push(value.map(unpacked));
      weight += line.length;
      if (rows.length >= AT_ONCE || weight > MOST_CHARACTERS) {
        yield { rows };
        [rows, weight] = [[], 0];
      }
    } else if (number === 1) yield { head: headOf(file, value) };
    else if (typeof value['table'] === 'string')
      yield { table: { name: value['table'], columns: value['columns'] as string[] } };
    else {
      ended = true;
      if (value['sha256'] !== hash.digest('hex'))
        throw broken(file, '内容与摘要不符', 'its content and its digest differ');
      if (value['rows'] !== count)
        throw broken(file, `应有 ${value['rows']} 行，只有 ${count} 行`, `${count} of ${value['rows']} rows`);
      continue;
    }
    hash.update(`${line}\n`);
  }
  if (!ended) throw broken(file, `在第 ${number} 行之后中断`, `it is cut after line ${number}`);
}

/** The whole of it, thrown away: what is left is certainty. */
export async function checkBackup(file: string): Promise<BackupHead> {
  let head: BackupHead | undefined;
  for await (const part of readBackup(file)) if ('head' in part) head = part.head;
  if (head === undefined) throw broken(file, '没有首行', 'it has no first line');
  return head;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file);
  const plain = createZstdDecompress();
  input.on('error', (error) => plain.destroy(error));
  input.pipe(plain);
  try {
    yield* createInterface({ input: plain, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    input.destroy();
  }
}

interface Line {
  readonly [name: string]: unknown;
}

function parse(file: string, number: number, line: string): Line | unknown[] {
  try {
    return JSON.parse(line);
  } catch {
    throw broken(file, `第 ${number} 行不是 JSON`, `line ${number} is no JSON`);
  }
}

function headOf(file: string, value: Line): BackupHead {
  if (value['format'] === BACKUP_FORMAT) return value as unknown as BackupHead;
  throw broken(file, '不是本系统的备份', 'it is no backup of this program');
}

const unpacked = (value: unknown): DumpValue =>
  typeof value === 'object' && value !== null && 'b' in value && typeof value.b === 'string'
    ? Buffer.from(value.b, 'base64')
    : (value as DumpValue);

const broken = (file: string, zh: string, en: string, cause?: unknown): HubError =>
  new HubError('BACKUP_BROKEN', `备份 ${file} 不完整：${zh} (the backup is broken: ${en})`, {
    remedy: 'give-up',
    fix: '请用更早的备份，或从异地副本重新复制；数据库未被改动 (take an older backup or copy it again; the database was not touched)',
    cause,
  });

const unreadable = (file: string, cause: unknown): HubError =>
  cause instanceof HubError ? cause : broken(file, '无法解压', 'it cannot be decompressed', cause);
