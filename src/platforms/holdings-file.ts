import { Readable } from 'node:stream';
import { HubError } from '../errors.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { HeldRecord } from '../platform.ts';
import type { HoldingsSpec } from '../platform-spec.ts';
import type { FileBytes } from '../sources/file-bytes.ts';
import { FileDamage } from '../sources/file-damage.ts';
import { partsOf, readPart } from '../sources/file-parts.ts';
import { openZip } from '../sources/zip.ts';

/** Largest list that is read, in bytes. */
export const MAX_HOLDINGS_BYTES = 256 << 20;

/** The newest list of a folder: names are compared, so they bear a date or a number. */
export const newestList = (names: readonly string[], { match }: HoldingsSpec): string | undefined =>
  names
    .filter((name) => LISTS.test(name) && name.startsWith(match ?? ''))
    .toSorted()
    .at(-1);

const LISTS = /\.(?:csv|xlsx|json|ndjson|zip)$/i;

/**
 * What a platform says it holds, from a file that it exported (docs/platform-sftp.md §5): per row our row id, or record key and version;
 * the operation and the digest where it keeps them. Throws PLATFORM_UNREADABLE rather than skip a row: half a list would look like loss.
 */
export async function* holdingsIn(name: string, bytes: Buffer): AsyncGenerator<HeldRecord> {
  const file: FileBytes = {
    name,
    size: bytes.length,
    stream: async () => Readable.from([bytes]),
    zip: () => openZip(bytes),
  };
  try {
    const { parts } = await partsOf(file, { use: 'files', folder: '' });
    let row = 0;
    for (const part of parts) {
      for await (const rows of readPart(part)) {
        for (const { fields, faults } of rows) {
          row += 1;
          if (fields === undefined || faults.length > 0)
            throw unreadable(name, `第 ${row} 行不可读 (row ${row} is unreadable)`);
          yield held(fields) ?? fail(name, row);
        }
      }
    }
  } catch (error) {
    if (error instanceof FileDamage) throw unreadable(name, error.message);
    throw error;
  }
}

function held(fields: JsonObject): HeldRecord | undefined {
  const operation = /^(?:D|删除|撤回)$/i.test(text(fields, 'op', '操作') ?? 'U') ? 'WITHDRAW' : 'UPSERT';
  const payloadHash = text(fields, 'payloadHash');
  const idemKey = text(fields, 'rowId', '数据标识', '行标识');
  const recordKey = text(fields, 'recordKey')?.toLowerCase();
  const version = Number(text(fields, 'dataVersion', '版本'));
  const common = {
    operation,
    ...(payloadHash === undefined ? {} : { payloadHash: payloadHash.toLowerCase() }),
  } as const;
  if (recordKey !== undefined && /^[0-9a-f]{64}$/.test(recordKey) && Number.isInteger(version) && version > 0) {
    return { ...common, recordKey, version };
  }
  return idemKey === undefined ? undefined : { ...common, idemKey };
}

function text(fields: JsonObject, ...columns: readonly string[]): string | undefined {
  const found = isJsonObject(fields)
    ? columns.map((column) => fields[column]).find((value) => value != null)
    : undefined;
  return found === undefined || String(found).trim() === '' ? undefined : String(found).trim();
}

const fail = (name: string, row: number): never => {
  throw unreadable(name, `第 ${row} 行没有数据标识 (row ${row} has neither row id nor record key and version)`);
};

export const noList = (folder: string): HubError => unreadable(folder, '没有清单文件 (no list there)');

const unreadable = (name: string, reason: string): HubError =>
  new HubError(
    'PLATFORM_UNREADABLE',
    `平台的持有清单 ${name} 不可信：${reason} (the platform's list cannot be trusted)`,
    {
      remedy: 'give-up',
      fix: '什么都没有比对；请平台重新导出后再试 (nothing was compared; have the platform export it again)',
    },
  );
