import type { Readable } from 'node:stream';
import { Readable as Stream } from 'node:stream';
import { sha256 } from '../canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { FileBytes } from '../sources/file-bytes.ts';
import { FileDamage } from '../sources/file-damage.ts';
import { partsOf, readPart } from '../sources/file-parts.ts';
import { XmlDamage, xmlReader } from '../sources/xml.ts';
import { openZip } from '../sources/zip.ts';
import { readJsonPage } from '../wire/json-bytes.ts';

/** A receipt as a file brings it (docs/platform-sftp.md §3): only a claim until it was compared with what was sent. */
export interface ReceiptFile {
  readonly receiptId: string;
  /** The batch that it names, if it names one. */
  readonly batchId: string | undefined;
  readonly bodyDigest: string | undefined;
  readonly count: number | undefined;
  /** 1 transport, 2 package, 3 results per record. */
  readonly level: 1 | 2 | 3;
  /** What a receipt of level 1 or 2 says of the package as a whole. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly rows: readonly ReceiptRow[];
  /** The bytes that it was read from. */
  readonly bytes: Buffer;
}

export interface ReceiptRow {
  readonly rowId: string | undefined;
  /** Number of the row in the file that was sent, from 1. */
  readonly rowNo: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly platformId: string | undefined;
  /** All other columns: where no row id came back, they name the record. */
  readonly others: { readonly [column: string]: string };
}

/** Names of the columns that a platform's receipts use; those of our own form are known anyway. */
export interface ReceiptColumns {
  readonly batchId?: string;
  readonly receiptId?: string;
  readonly rowId?: string;
  readonly rowNo?: string;
  readonly code?: string;
  readonly message?: string;
  readonly platformId?: string;
}

const MAX_BYTES = 32 << 20;
const MAX_MEMBERS = 50;

/** Reads a receipt file, or every one in a zip. Throws FileDamage with a sentence for the operator. */
export async function readReceiptFiles(
  name: string,
  bytes: Buffer,
  columns: ReceiptColumns = {},
): Promise<readonly ReceiptFile[]> {
  if (bytes.length > MAX_BYTES) throw new FileDamage('回执文件超过 32 MiB (the receipt is larger than 32 MiB)');
  if (bytes.length === 0) throw new FileDamage('回执文件为空 (the receipt is empty)');
  if (!/\.zip$/i.test(name)) return [await readOne(name, bytes, columns)];
  const { members } = await openZip(bytes);
  const total = members.reduce((sum, { size }) => sum + size, 0);
  if (members.length > MAX_MEMBERS || total > MAX_BYTES)
    throw new FileDamage('回执压缩包过大 (too much in the zip of receipts)');
  const files: ReceiptFile[] = [];
  for (const member of members) {
    if (/\.(?:zip|rar|7z|gz|tar|tgz)$/i.test(member.name))
      throw new FileDamage('压缩包内还有压缩包,不予展开 (an archive in the archive is not opened)');
    const content = await collect(await member.stream());
    files.push(await readOne(member.name.replace(/^.*\//, ''), content, columns));
  }
  return files;
}

const readOne = (name: string, bytes: Buffer, columns: ReceiptColumns): Promise<ReceiptFile> | ReceiptFile =>
  /\.json$/i.test(name)
    ? fromJson(name, bytes, columns)
    : /\.xml$/i.test(name)
      ? fromXml(name, bytes, columns)
      : fromTable(name, bytes, columns);

function fromJson(name: string, bytes: Buffer, columns: ReceiptColumns): ReceiptFile {
  const hasRows = /"results"\s*:/.test(bytes.toString('latin1'));
  const page = hasRows ? readJsonPage(bytes, 'results') : oneRow(readJsonPage(Buffer.concat([OPEN, bytes, CLOSE])));
  if (!('rows' in page)) throw new FileDamage(`${page.zh} (${page.en})`);
  return assemble({ name, bytes, columns, head: page.head, rows: page.rows });
}

const [OPEN, CLOSE] = [Buffer.from('['), Buffer.from(']')];

/** A receipt without results is one JSON object, read with the same suspicion as a row. */
function oneRow(page: ReturnType<typeof readJsonPage>): ReturnType<typeof readJsonPage> {
  if (!('rows' in page)) return page;
  const [only] = page.rows;
  if (only === undefined || only.faults.length > 0)
    throw new FileDamage('回执不是完好的 JSON (not a sound JSON receipt)');
  return { rows: [], head: only.fields ?? {} };
}

function fromXml(name: string, bytes: Buffer, columns: ReceiptColumns): ReceiptFile {
  try {
    const declared = /^<\?xml[^>]*encoding=["']([A-Za-z0-9-]+)["']/.exec(bytes.subarray(0, 200).toString('latin1'));
    const encoding = /^gb/i.test(declared?.[1] ?? '') ? 'gb18030' : 'utf-8';
    const reader = xmlReader('result');
    const rows = reader.write(new TextDecoder(encoding, { fatal: true }).decode(bytes));
    const { head } = reader.end();
    const [root] = isJsonObject(head) ? Object.values(head) : [];
    return assemble({ name, bytes, columns, head: root ?? {}, rows });
  } catch (error) {
    if (error instanceof XmlDamage)
      throw new FileDamage(`回执不是完好的 XML (not a sound XML receipt): ${error.message}`);
    if (error instanceof TypeError) throw new FileDamage('回执不是声明的编码 (not in the encoding that it declares)');
    throw error;
  }
}

async function fromTable(name: string, bytes: Buffer, columns: ReceiptColumns): Promise<ReceiptFile> {
  const file: FileBytes = {
    name,
    size: bytes.length,
    stream: async () => Stream.from([bytes]),
    zip: () => openZip(bytes),
  };
  const { parts } = await partsOf(file, { use: 'files', folder: '' });
  const rows: FileRow[] = [];
  for (const part of parts) for await (const batch of readPart(part)) rows.push(...batch);
  // A table is a list of results even where it lists none.
  return assemble({ name, bytes, columns, head: { level: '3' }, rows });
}

interface FileRow {
  readonly fields: JsonObject | undefined;
  readonly faults: readonly { readonly zh: string; readonly en: string }[];
}

interface Found {
  readonly name: string;
  readonly bytes: Buffer;
  readonly columns: ReceiptColumns;
  readonly head: Json;
  readonly rows: readonly FileRow[];
}

/** Names under which each part is known: the platform's own first, then docs/platform-sftp.md §3, then its Chinese titles. */
const KNOWN = {
  batchId: ['packageId', 'batchId', '批次号'],
  receiptId: ['receiptId', '回执编号'],
  bodyDigest: ['bodyDigest'],
  count: ['receivedCount'],
  level: ['level'],
  rowId: ['rowId', '数据标识', '行标识'],
  rowNo: ['rowNo', '行号', '序号'],
  code: ['resultCode', '结果代码', '校验结果', '处理结果'],
  message: ['resultMsg', '结果说明', '失败原因', '错误信息'],
  platformId: ['platformId', '平台编号'],
} as const;

function assemble({ name, bytes, columns, head, rows }: Found): ReceiptFile {
  const broken = rows.findIndex(({ faults, fields }) => faults.length > 0 || fields === undefined);
  if (broken >= 0) {
    const { zh = '', en = '' } = rows[broken]?.faults[0] ?? {};
    throw new FileDamage(`回执第 ${broken + 1} 行不可读：${zh} (row ${broken + 1} of the receipt: ${en})`);
  }
  const fields = rows.map((row) => row.fields ?? {});
  const top = { ...(isJsonObject(head) ? head : {}) };
  const said = (part: keyof typeof KNOWN): string | undefined =>
    read(top, names(part, columns)) ?? read(fields[0] ?? {}, names(part, columns));
  const results = fields.map((row) => toRow(row, columns));
  const given = Number(read(top, KNOWN.level));
  const code = read(top, names('code', columns));
  return {
    receiptId: said('receiptId') ?? `${name}#${sha256(bytes).slice(0, 16)}`,
    batchId: said('batchId'),
    bodyDigest: read(top, KNOWN.bodyDigest)?.toLowerCase(),
    count: countOf(read(top, KNOWN.count)),
    level: results.length > 0 || given === 3 ? 3 : given === 2 || code !== undefined ? 2 : 1,
    code,
    message: read(top, names('message', columns)),
    rows: results,
    bytes,
  };
}

const names = (part: keyof typeof KNOWN, columns: ReceiptColumns): readonly string[] => {
  const own = part in columns ? columns[part as keyof ReceiptColumns] : undefined;
  return own === undefined ? KNOWN[part] : [own];
};

function toRow(row: JsonObject, columns: ReceiptColumns): ReceiptRow {
  const code = read(row, names('code', columns));
  if (code === undefined) {
    throw new FileDamage(
      `回执缺少结果代码列（${names('code', columns).join('、')}）：若平台用别的列名，请写在 receipt.columns (no column with the result code; name it under receipt.columns)`,
    );
  }
  const known = new Set((Object.keys(KNOWN) as (keyof typeof KNOWN)[]).flatMap((part) => names(part, columns)));
  const others = Object.keys(row).filter((column) => !known.has(column));
  return {
    rowId: read(row, names('rowId', columns)),
    rowNo: countOf(read(row, names('rowNo', columns))),
    code,
    message: read(row, names('message', columns)) ?? '',
    platformId: read(row, names('platformId', columns)),
    others: Object.fromEntries(others.map((column) => [column, read(row, [column]) ?? ''])),
  };
}

function read(row: JsonObject, columns: readonly string[]): string | undefined {
  for (const column of columns) {
    const value = Object.hasOwn(row, column) ? row[column] : undefined;
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  }
  return undefined;
}

const countOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

async function collect(stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of stream) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}
