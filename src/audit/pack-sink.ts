import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { HubError } from '../errors.ts';

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
export function openSink(out: string, writtenAt: Date): PackSink {
  const part = `${out}.part`;
  mkdirSync(dirname(resolve(out)), { recursive: true });
  rmSync(part, { recursive: true, force: true });
  const written = out.endsWith('.zip') ? zipTarget(part, writtenAt) : folderTarget(part);
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
      await written.bytes(path, bytes);
    },
    take: async (path, file) => {
      const hash = createHash('sha256');
      let bytes = 0;
      for await (const chunk of createReadStream(file)) {
        hash.update(chunk);
        bytes += chunk.length;
      }
      note(path, { bytes, sha256: hash.digest('hex') });
      await written.file(path, file);
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
  bytes(path: string, bytes: Uint8Array): Promise<void>;
  file(path: string, file: string): Promise<void>;
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
    bytes: async (path, bytes) => writeFileSync(place(path), bytes, { mode: 0o600, flag: 'wx' }),
    file: (path, file) =>
      pipeline(createReadStream(file), createWriteStream(place(path), { mode: 0o600, flags: 'wx' })),
    end: async () => {},
    destroy: () => {},
  };
}

/** Every member waits until the one before it is on its way, so that memory holds one of them. */
function zipTarget(part: string, mtime: Date): Target {
  const zip = new yazl.ZipFile();
  const out = createWriteStream(part, { mode: 0o600, flags: 'wx' });
  const done = pipeline(zip.outputStream, out);
  done.catch(() => {});
  const member = async (path: string, content: Readable, compress: boolean): Promise<void> => {
    const through = new PassThrough();
    unpooled(() => zip.addReadStreamLazy(path, { mtime, mode: 0o100600, compress }, handedOverOnce(through)));
    await Promise.race([pipeline(content, through), done]);
    await Promise.race([finished(through), done]);
  };
  return {
    bytes: (path, bytes) => member(path, Readable.from([bytes]), true),
    file: (path, file) => member(path, createReadStream(file), false),
    end: async () => {
      zip.end();
      await done;
    },
    destroy: () => void out.destroy(),
  };
}

/** The zip keeps every member's name to the end: one that lies in node's common pool would keep all 64 KB of it. */
function unpooled(work: () => void): void {
  const { poolSize } = Buffer;
  Buffer.poolSize = 0;
  try {
    work();
  } finally {
    Buffer.poolSize = poolSize;
  }
}

/** The zip keeps its list of members to the end: a stream that stayed in it would keep its buffers and its compressor, too. */
function handedOverOnce(stream: Readable): (take: (error: unknown, stream: Readable) => void) => void {
  let kept: Readable | undefined = stream;
  return (take) => {
    const given = kept;
    kept = undefined;
    if (given !== undefined) take(null, given);
  };
}

export const outTaken = (out: string): HubError =>
  new HubError('PACK_EXISTING', `${out} 已存在 (it exists already)`, {
    remedy: 'give-up',
    fix: '换一个 --out，或先移走旧的证据包 (choose another --out, or move the older pack away)',
  });
