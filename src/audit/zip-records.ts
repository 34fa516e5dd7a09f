/** What a zip says of a member, before its bytes and once more in the list at its end (PKWARE APPNOTE 6.3, §4.3 and §4.5.3). */
export interface ZipMember {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  readonly crc: number;
  readonly size: number;
  readonly packed: number;
  /** Place of its head in the zip. */
  readonly offset: number;
}

/** 4 GiB: from here on a number stands in the ZIP64 field beside. */
const WIDE = 0xffff_ffff;
const MANY = 0xffff;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 2.0: deflate; 4.5: ZIP64. On Unix: the members keep their mode. */
const [PLAIN, ZIP64, UNIX] = [20, 45, 3 << 8];
/** A file that only its owner may read. */
const MODE = (0o100600 << 16) >>> 0;

export function localHead({ name, method, crc, size, packed }: ZipMember, mtime: Date): Buffer {
  const isWide = Math.max(size, packed) >= WIDE;
  const extra = isWide ? wideField([size, packed]) : NOTHING;
  const path = Buffer.from(name);
  const head = Buffer.alloc(30);
  head.writeUInt32LE(0x04034b50, 0);
  head.writeUInt16LE(isWide ? ZIP64 : PLAIN, 4);
  head.writeUInt16LE(FLAGS, 6);
  head.writeUInt16LE(method, 8);
  head.writeUInt32LE(dosTime(mtime), 10);
  head.writeUInt32LE(crc, 14);
  head.writeUInt32LE(isWide ? WIDE : packed, 18);
  head.writeUInt32LE(isWide ? WIDE : size, 22);
  head.writeUInt16LE(path.length, 26);
  head.writeUInt16LE(extra.length, 28);
  return Buffer.concat([head, path, extra]);
}

export function centralLine({ name, method, crc, size, packed, offset }: ZipMember, mtime: Date): Buffer {
  const wide = [size, packed, offset].filter((value) => value >= WIDE);
  const extra = wide.length > 0 ? wideField(wide) : NOTHING;
  const path = Buffer.from(name);
  const line = Buffer.alloc(46);
  line.writeUInt32LE(0x02014b50, 0);
  line.writeUInt16LE(UNIX | ZIP64, 4);
  line.writeUInt16LE(wide.length > 0 ? ZIP64 : PLAIN, 6);
  line.writeUInt16LE(FLAGS, 8);
  line.writeUInt16LE(method, 10);
  line.writeUInt32LE(dosTime(mtime), 12);
  line.writeUInt32LE(crc, 16);
  line.writeUInt32LE(Math.min(packed, WIDE), 20);
  line.writeUInt32LE(Math.min(size, WIDE), 24);
  line.writeUInt16LE(path.length, 28);
  line.writeUInt16LE(extra.length, 30);
  line.writeUInt32LE(MODE, 38);
  line.writeUInt32LE(Math.min(offset, WIDE), 42);
  return Buffer.concat([line, path, extra]);
}

interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly length: number;
}

/** What ends the zip: where its list of members is. */
export function endOfZip({ count, offset, length }: Directory): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, MANY), 8);
  end.writeUInt16LE(Math.min(count, MANY), 10);
  end.writeUInt32LE(Math.min(length, WIDE), 12);
  end.writeUInt32LE(Math.min(offset, WIDE), 16);
  const isWide = count >= MANY || Math.max(offset, length) >= WIDE;
  return isWide ? Buffer.concat([wideEnd({ count, offset, length }), end]) : end;
}

function wideEnd({ count, offset, length }: Directory): Buffer {
  const end = Buffer.alloc(56 + 20);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(UNIX | ZIP64, 12);
  end.writeUInt16LE(ZIP64, 14);
  for (const at of [24, 32]) end.writeBigUInt64LE(BigInt(count), at);
  end.writeBigUInt64LE(BigInt(length), 40);
  end.writeBigUInt64LE(BigInt(offset), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(offset + length), 64);
  end.writeUInt32LE(1, 72);
  return end;
}

const NOTHING = Buffer.alloc(0);

/** The extra field that holds numbers too large for their own places. */
function wideField(values: readonly number[]): Buffer {
  const field = Buffer.alloc(4 + 8 * values.length);
  field.writeUInt16LE(1, 0);
  field.writeUInt16LE(8 * values.length, 2);
  for (const [at, value] of values.entries()) field.writeBigUInt64LE(BigInt(value), 4 + 8 * at);
  return field;
}

/** Local time in steps of two seconds, as DOS kept it: the lower half is the time, the upper the date. */
function dosTime(at: Date): number {
  const date = (Math.max(0, at.getFullYear() - 1980) << 9) | ((at.getMonth() + 1) << 5) | at.getDate();
  const time = (at.getHours() << 11) | (at.getMinutes() << 5) | (at.getSeconds() >> 1);
  return ((date << 16) | time) >>> 0;
}
