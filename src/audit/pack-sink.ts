import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HubError } from '../errors.ts';
import { piecesOf } from './file-pieces.ts';
import { openZip } from './zip-file.ts';

/** What the manifest says of a file. */
export interface FileFact {
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Where a pack is written, one file after the other; every file is counted for the manifest. */
export interface PackSink {
  readonly files: ReadonlyMap<string, FileFact>;
  add(path: string, bytes: Uint8Array | string): Promise<void>;
  /** Takes over a finished file of the local disk; it is gone from there afterwards. */
  take(path: string, file: string): Promise<void>;
  /** The pack is whole from here on; until then no file has its final name. */
  close(): Promise<void>;
  abort(): void;
}

/** A `.zip`, or a folder; neither may exist yet. */
export async function openSink(out: string, writtenAt: Date): Promise<PackSink> {
  const part = `${out}.part`;
  mkdirSync(dirname(resolve(out)), { recursive: true });
  rmSync(part, { recursive: true, force: true });
  const written = out.endsWith('.zip') ? await openZip(part, writtenAt) : folderTarget(part);
  const files = new Map<string, FileFact>();
  const note = (path: string, fact: FileFact): void => {
    if (files.has(path)) throw new Error(`${path} is written twice`);
    files.set(path, fact);
  };
  return {
    files,
    add: async (path, content) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      note(path, { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') });
      await written.add(path, bytes);
    },
    take: async (path, file) => {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const piece of piecesOf(file)) {
        hash.update(piece);
        bytes += piece.length;
      }
      note(path, { bytes, sha256: hash.digest('hex') });
      await written.take(path, file);
      rmSync(file, { force: true });
    },
    close: async () => {
      await written.end();
      renameSync(part, out);
    },
    abort: () => {
      written.destroy();
      rmSync(part, { recursive: true, force: true });
    },
  };
}

interface Target {
  add(path: string, bytes: Uint8Array): Promise<void>;
  take(path: string, file: string): Promise<void>;
  end(): Promise<void>;
  destroy(): void;
}

function folderTarget(root: string): Target {
  const place = (path: string): string => {
    const to = join(root, ...path.split('/'));
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    return to;
  };
  return {
    add: async (path, bytes) => writeFileSync(place(path), bytes, { mode: 0o600, flag: 'wx' }),
    take: (path, file) =>
      pipeline(createReadStream(file), createWriteStream(place(path), { mode: 0o600, flags: 'wx' })),
    end: async () => {},
    destroy: () => {},
  };
}

export const outTaken = (out: string): HubError =>
  new HubError('PACK_EXISTING', `${out} 已存在 (it exists already)`, {
    remedy: 'give-up',
    fix: '换一个 --out，或先移走旧的证据包 (choose another --out, or move the older pack away)',
  });
