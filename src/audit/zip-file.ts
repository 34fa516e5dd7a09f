import { rmSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import { type AppendedFile, openAppended } from './appended-file.ts';
import { piecesOf } from './file-pieces.ts';
import { centralLine, endOfZip, localHead, type ZipMember } from './zip-records.ts';

/** A `.zip` while it is written, one member after the other. */
export interface ZipFile {
  /** A member from memory, deflated. */
  add(name: string, bytes: Uint8Array): Promise<void>;
  /** A member from a finished file, stored as it is: what is that large is compressed already. */
  take(name: string, file: string): Promise<void>;
  end(): Promise<void>;
  destroy(): void;
}

const packed = promisify(deflateRaw);

/**
 * Writes a zip (PKWARE APPNOTE 6.3, with ZIP64 where it is needed) whose list of members waits on the disk, in `<path>.list`, until the
 * end: memory holds one member, however many there are.
 */
export async function openZip(path: string, mtime: Date): Promise<ZipFile> {
  // One that was killed may have left it.
  rmSync(`${path}.list`, { force: true });
  const zip = await openAppended(path);
  const list = await openAppended(`${path}.list`);
  let count = 0;
  const begin = async (member: ZipMember): Promise<void> => {
    await zip.write(localHead(member, mtime));
  };
  const noted = async (member: ZipMember): Promise<void> => {
    count += 1;
    await list.write(centralLine(member, mtime));
  };
  return {
    add: async (name, bytes) => {
      const isEmpty = bytes.length === 0;
      const content = isEmpty ? bytes : await packed(bytes);
      const sizes = { size: bytes.length, packed: content.length };
      const member = { name, method: isEmpty ? 0 : 8, crc: crc32(bytes), ...sizes, offset: zip.position() };
      await begin(member);
      await zip.write(content);
      await noted(member);
    },
    take: async (name, file) => {
      const { size } = statSync(file);
      const member = { name, method: 0, crc: 0, size, packed: size, offset: zip.position() };
      await begin(member);
      const crc = await copied(file, zip);
      await zip.rewrite(localHead({ ...member, crc }, mtime), member.offset);
      await noted({ ...member, crc });
    },
    end: async () => {
      await list.close();
      const offset = zip.position();
      await copied(`${path}.list`, zip);
      await zip.write(endOfZip({ count, offset, length: zip.position() - offset }));
      await zip.close();
      rmSync(`${path}.list`);
    },
    destroy: () => {
      for (const file of [zip, list]) file.destroy();
      rmSync(`${path}.list`, { force: true });
    },
  };
}

/** Its CRC-32. */
async function copied(file: string, to: AppendedFile): Promise<number> {
  let crc = 0;
  for await (const piece of piecesOf(file)) {
    crc = crc32(piece, crc);
    await to.write(piece);
  }
  return crc;
}
