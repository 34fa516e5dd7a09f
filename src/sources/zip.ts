import { type Readable, Transform } from 'node:stream';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { FileDamage } from './file-damage.ts';

/** A zip that was looked through before anything was inflated. */
export interface Zip {
  /** Plain files only, in name order. */
  readonly members: readonly ZipMember[];
  close(): void;
}

export interface ZipMember {
  readonly name: string;
  /** Inflated size in bytes as declared; the stream fails when it is not so. */
  readonly size: number;
  /** Checked against its CRC-32 while it is read. */
  stream(): Promise<Readable>;
}

const MAX_MEMBERS = 1_000;
const MAX_INFLATED = 2 * 1024 ** 3;
const MAX_RATIO = 200;
const RATIO_FREE = 1_048_576;

/** Archives up to these limits only; names that leave the folder, links, doubles and encryption are refused (S27, S28). */
export async function openZip(source: number | Buffer): Promise<Zip> {
  const options = { lazyEntries: true, autoClose: false, strictFileNames: true } as const;
  let file: ZipFile | undefined;
  try {
    file =
      typeof source === 'number'
        ? await yauzl.fromFdPromise(source, options)
        : await yauzl.fromBufferPromise(source, options);
    const zip = file;
    if (zip.entryCount > MAX_MEMBERS) throw new FileDamage(`压缩包内超过 ${MAX_MEMBERS} 个文件 (too many members)`);
    const entries = await entriesOf(zip);
    check(entries);
    const plain = entries.filter((entry) => !entry.fileName.endsWith('/'));
    const members = plain.map((entry) => ({
      name: entry.fileName,
      size: entry.uncompressedSize,
      stream: () => openMember(zip, entry),
    }));
    members.sort((a, b) => (a.name < b.name ? -1 : 1));
    return { members, close: () => undefined };
  } catch (error) {
    throw asDamage(error);
  }
}

async function entriesOf(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    entries.push(entry);
    if (entries.length > MAX_MEMBERS) throw new FileDamage('压缩包内文件过多 (too many members)');
  }
  return entries;
}

function check(entries: readonly Entry[]): void {
  const names = new Set<string>();
  let inflated = 0;
  for (const entry of entries) {
    const name = entry.fileName.normalize('NFC').toLowerCase();
    if (names.has(name)) throw new FileDamage(`压缩包内有重名文件 (a name stands twice in the archive)`);
    names.add(name);
    checkEntry(entry);
    inflated += entry.uncompressedSize;
  }
  if (inflated > MAX_INFLATED) throw new FileDamage('解压后超过 2 GiB (more than 2 GiB inflated)');
}

const TYPE_MASK = 0o170000;
const PLAIN_TYPES = new Set([0, 0o100000, 0o040000]);

function checkEntry(entry: Entry): void {
  if (entry.isEncrypted()) throw new FileDamage('压缩包已加密 (the archive is encrypted)');
  if (!PLAIN_TYPES.has((entry.externalFileAttributes >>> 16) & TYPE_MASK))
    throw new FileDamage('压缩包内含链接或设备 (a link or device in the archive)');
  const bomb = entry.uncompressedSize > RATIO_FREE && entry.uncompressedSize > MAX_RATIO * entry.compressedSize;
  if (bomb) throw new FileDamage(`压缩比超过 ${MAX_RATIO}:1 (compressed more than ${MAX_RATIO}:1)`);
}

async function openMember(zip: ZipFile, entry: Entry): Promise<Readable> {
  try {
    const stream = await zip.openReadStreamPromise(entry);
    const checked = crcCheck(entry.crc32);
    stream.on('error', (error) => checked.destroy(asDamage(error)));
    checked.on('close', () => stream.destroy());
    return stream.pipe(checked);
  } catch (error) {
    throw asDamage(error);
  }
}

/** yauzl checks sizes but not content. */
function crcCheck(expected: number): Transform {
  let crc = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      crc = crc32(chunk, crc);
      done(null, chunk);
    },
    flush(done) {
      done(crc === expected ? null : new FileDamage('压缩包内容校验失败 (wrong CRC in the archive)'));
    },
  });
}

const asDamage = (error: unknown): Error => {
  if (error instanceof FileDamage) return error;
  const why = error instanceof Error ? error.message.slice(0, 120) : 'unknown';
  return new FileDamage(`不是完好的 zip (not a sound zip: ${why})`);
};
