import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import type { FilesSourceSpec } from '../source.ts';
import { readCsv, readTsv } from './csv.ts';
import { readJson, readNdjson, readXml } from './documents.ts';
import { allBytes, type FileBytes, type FileFormat, type FileReader, type ReadHow } from './file-bytes.ts';
import { FileDamage } from './file-damage.ts';
import { declaredEncoding, encodingNamed, guessEncoding, type TextEncoding } from './text-encoding.ts';
import { readXlsx } from './xlsx.ts';
import { openZip, type Zip, type ZipMember } from './zip.ts';

const readers = {
  csv: readCsv,
  tsv: readTsv,
  xlsx: readXlsx,
  ndjson: readNdjson,
  json: readJson,
  xml: readXml,
} satisfies { readonly [F in FileFormat]: FileReader };

/** One readable part of a dropped file: the file itself, or a member of its zip. */
export interface FilePart {
  readonly file: FileBytes;
  readonly format: FileFormat;
  readonly how: ReadHow;
}

export const readPart = ({ file, format, how }: FilePart): ReturnType<FileReader> => readers[format](file, how);

/** The bytes of an open file. */
export const diskBytes = (handle: FileHandle, name: string, size: number): FileBytes => ({
  name,
  size,
  stream: async () => handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 262_144 }),
  zip: () => openZip(handle.fd),
});

const MAX_NESTED_XLSX = 128 * 1_048_576;

/** An XLSX inside a zip must be held in memory to be looked into. */
const memberBytes = (member: ZipMember): FileBytes => {
  const bytes: FileBytes = {
    name: member.name,
    size: member.size,
    stream: () => member.stream(),
    zip: async () => openZip(await allBytes(bytes, MAX_NESTED_XLSX)),
  };
  return bytes;
};

/** Hex SHA-256 of the whole file, and the parts to read. Throws FileDamage. */
export async function partsOf(
  file: FileBytes,
  spec: FilesSourceSpec,
): Promise<{ readonly sha256: string; readonly parts: FilePart[] }> {
  const first = await inspect(file);
  if (!/\.zip$/i.test(file.name)) return { sha256: first.sha256, parts: [partOf(file, first, spec)] };
  const parts: FilePart[] = [];
  for (const member of dataMembers(await file.zip())) {
    const bytes = memberBytes(member);
    parts.push(partOf(bytes, await inspect(bytes), spec));
  }
  return { sha256: first.sha256, parts };
}

/** Finder's and Explorer's own droppings are no data. */
function dataMembers(zip: Zip): readonly ZipMember[] {
  const members = zip.members.filter(({ name }) => !/(?:^|\/)(?:__MACOSX\/|\.|Thumbs\.db$|desktop\.ini$)/i.test(name));
  if (members.length === 0) throw new FileDamage('压缩包内没有数据文件 (nothing in the archive)');
  if (members.some(({ name }) => /\.(?:zip|rar|7z|gz|tar|tgz)$/i.test(name)))
    throw new FileDamage('压缩包内还有压缩包,不予展开 (an archive in the archive is not opened)');
  return members;
}

interface Inspection {
  readonly sha256: string;
  readonly start: Buffer;
  readonly encoding: TextEncoding | { readonly damage: string };
}

async function inspect(file: FileBytes): Promise<Inspection> {
  const hash = createHash('sha256');
  const guess = guessEncoding();
  let start: Buffer = Buffer.alloc(0);
  for await (const chunk of (await file.stream()) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    if (start.length < 512) start = Buffer.concat([start, chunk.subarray(0, 512)]);
    if (!isZip(start)) guess.push(chunk);
  }
  return { sha256: hash.digest('hex'), start, encoding: guess.end() };
}

function partOf(file: FileBytes, seen: Inspection, spec: FilesSourceSpec): FilePart {
  const format = spec.format ?? formatOf(file.name);
  if (format === undefined)
    throw new FileDamage(
      `不认识的文件类型 ${file.name} (unknown kind of file):请用 match 排除或用 format 指明 (exclude it by \`match\` or say \`format\`)`,
    );
  if (seen.start.length === 0) throw new FileDamage('文件为空 (the file is empty)');
  refuseMismatch(format, seen.start);
  const encoding = format === 'xlsx' ? 'utf-8' : encodingOf(format, seen, spec);
  return { file, format, how: { encoding, items: spec.items, sheet: spec.sheet } };
}

const ENDINGS: { readonly [ending: string]: FileFormat } = {
  csv: 'csv',
  tsv: 'tsv',
  xlsx: 'xlsx',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
  json: 'json',
  xml: 'xml',
};

function formatOf(name: string): FileFormat | undefined {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  if (ending === 'xls' || ending === 'xlsm')
    throw new FileDamage('请另存为不含宏的 .xlsx (save as .xlsx without macros)');
  return Object.hasOwn(ENDINGS, ending) ? ENDINGS[ending] : undefined;
}

const isZip = (start: Buffer): boolean => start.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'));

/** PDF, old Office, gzip, RAR. */
const FOREIGN = ['%PDF', '\xd0\xcf\x11\xe0', '\x1f\x8b', 'Rar!'];

/** What the first bytes say must agree with the ending: a saved error page or an old .xls is no data (S29). */
function refuseMismatch(format: FileFormat, start: Buffer): void {
  if (format === 'xlsx') {
    if (!isZip(start))
      throw new FileDamage('内容不是 XLSX,请用 Excel/WPS 另存为 .xlsx (not an XLSX inside: save as .xlsx)');
    return;
  }
  const text = start
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (/^<(!doctype\s+html|html|head|body|script)\b/i.test(text) || (format !== 'xml' && text.startsWith('<')))
    throw new FileDamage('内容是网页而非数据 (a web page instead of data)');
  if (isZip(start) || start.includes(0) || FOREIGN.some((mark) => text.startsWith(mark)))
    throw new FileDamage(
      '内容与扩展名不符,或为 UTF-16 文本;请存为 UTF-8 (content and ending disagree, or UTF-16: save as UTF-8)',
    );
}

function encodingOf(format: FileFormat, seen: Inspection, spec: FilesSourceSpec): TextEncoding {
  const declared = format === 'xml' ? declaredEncoding(seen.start, '') : '';
  if (declared !== '') {
    const named = encodingNamed(declared);
    if (named === undefined)
      throw new FileDamage(`XML 声明的编码 ${declared.slice(0, 20)} 不予接收 (encoding not taken)`);
    return named;
  }
  const hasBom = seen.start[0] === 0xef && seen.start[1] === 0xbb && seen.start[2] === 0xbf;
  if (hasBom) return 'utf-8';
  if (spec.encoding !== undefined) return spec.encoding;
  if (typeof seen.encoding === 'object') throw new FileDamage(seen.encoding.damage);
  return seen.encoding;
}
