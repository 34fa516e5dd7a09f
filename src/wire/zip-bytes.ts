import { crc32 } from 'node:zlib';

export interface ZipFile {
  /** Plain relative name, e.g. `data.json`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * A zip archive (PKWARE APPNOTE 6.3) that is the same bytes for the same files, on every machine and under every version of
 * zlib: members are stored, not deflated, and bear the first day that the format knows. Names are UTF-8.
 */
export function zipBytes(files: readonly ZipFile[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const file of files) {
    const name = Buffer.from(file.name);
    const common = commonHead(file, name);
    const local = Buffer.concat([signature(0x04034b50), common, name]);
    directory.push(Buffer.concat([signature(0x02014b50), VERSION, common, centralTail(offset), name]));
    parts.push(local, Buffer.from(file.bytes.buffer, file.bytes.byteOffset, file.bytes.byteLength));
    offset += local.length + file.bytes.length;
  }
  const index = Buffer.concat(directory);
  return Buffer.concat([...parts, index, endRecord(files.length, index.length, offset)]);
}

const VERSION = Buffer.from([20, 0]);

/** Version needed, flags (UTF-8 names), method 0, time, date 1980-01-01, CRC, both sizes, name length, no extra field. */
function commonHead({ bytes }: ZipFile, name: Buffer): Buffer {
  const head = Buffer.alloc(26);
  head.writeUInt16LE(20, 0);
  head.writeUInt16LE(0x0800, 2);
  head.writeUInt16LE(0x0021, 8);
  head.writeUInt32LE(crc32(bytes), 10);
  head.writeUInt32LE(bytes.length, 14);
  head.writeUInt32LE(bytes.length, 18);
  head.writeUInt16LE(name.length, 22);
  return head;
}

/** No comment, first disk, no attributes, and where the member begins. */
function centralTail(offset: number): Buffer {
  const tail = Buffer.alloc(14);
  tail.writeUInt32LE(offset, 10);
  return tail;
}

function endRecord(count: number, size: number, offset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return end;
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
