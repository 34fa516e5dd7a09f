import { type FileHandle, open } from 'node:fs/promises';

/** A new file that grows at its end. */
export interface AppendedFile {
  /** Bytes so far. */
  position(): number;
  write(bytes: Uint8Array): Promise<void>;
  /** Other bytes in the place of some that were written. */
  rewrite(bytes: Uint8Array, at: number): Promise<void>;
  close(): Promise<void>;
  destroy(): void;
}

/** Bytes that wait before they are written together. */
const AT_ONCE = 131_072;

/**
 * Creates it, for its owner only. Small pieces are copied together before they go to the disk: kept as they are, each would
 * keep the pool of memory that node cut it from.
 */
export async function openAppended(path: string): Promise<AppendedFile> {
  const file = await open(path, 'wx', 0o600);
  const waiting = Buffer.allocUnsafeSlow(AT_ONCE);
  let length = 0;
  let position = 0;
  const flush = async (): Promise<void> => {
    await writeAt(file, waiting.subarray(0, length), position - length);
    length = 0;
  };
  return {
    position: () => position,
    write: async (bytes) => {
      if (length + bytes.length > AT_ONCE) await flush();
      if (bytes.length > AT_ONCE) await writeAt(file, bytes, position);
      else {
        waiting.set(bytes, length);
        length += bytes.length;
      }
      position += bytes.length;
    },
    rewrite: async (other, at) => {
      await flush();
      await writeAt(file, other, at);
    },
    close: async () => {
      await flush();
      await file.close();
    },
    destroy: () => void file.close().catch(() => {}),
  };
}

/** A write may be cut short, by a disk that fills up for one. */
async function writeAt(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
