import type { FileEntryWithStats, SFTPWrapper, Stats } from 'ssh2';
import type { SftpConnection } from './sftp-connection.ts';
import { SftpTrouble } from './sftp-trouble.ts';

/** What the hub does with files at an SFTP server; every call throws SftpTrouble when it could not be done. */
export interface SftpFiles {
  /** Size in bytes; undefined: there is no such file. */
  size(path: string): Promise<number | undefined>;
  /** The content, at most `limit` bytes and one more; undefined: there is no such file. */
  read(path: string, limit: number): Promise<Buffer | undefined>;
  /** Makes a new file, never over an old one, and has it written to disk where the server can do that. */
  create(path: string, bytes: Uint8Array): Promise<void>;
  /** SSH_FXP_RENAME, which fails where `to` exists; never posix-rename@openssh.com, which would overwrite. */
  rename(from: string, to: string): Promise<void>;
  /** No trouble where there is nothing to remove. */
  remove(path: string): Promise<void>;
  /** Plain files of a folder, in name order. */
  list(folder: string): Promise<readonly { readonly name: string; readonly size: number }[]>;
}

const CHUNK = 32_768;
/** Requests on the way at once. */
const WINDOW = 8;

export function sftpFiles({ sftp, gone }: SftpConnection): SftpFiles {
  const call = <T>(what: string, start: (done: (error?: unknown, value?: T) => void) => void): Promise<T> =>
    Promise.race([
      new Promise<T>((resolve, reject) =>
        start((error, value) => (error ? reject(trouble(what, error)) : resolve(value as T))),
      ),
      gone,
    ]);
  const open = (path: string, flags: 'r' | 'wx') =>
    call<Buffer>(`打开 ${path} (open)`, (done) => sftp.open(path, flags, done));
  const closed = (handle: Buffer) => call<void>('关闭文件 (close)', (done) => sftp.close(handle, done));
  return {
    size: (path) =>
      ifThere(call<Stats>(`查看 ${path} (stat)`, (done) => sftp.stat(path, done)).then(({ size }) => size)),
    read: (path, limit) =>
      ifThere(
        open(path, 'r').then(async (handle) => {
          const bytes = await readAll(limit, (buffer, at) =>
            call<number>(`读取 ${path} (read)`, (done) => readChunk(sftp, handle, buffer, at, done)),
          );
          await closed(handle);
          return bytes;
        }),
      ),
    create: async (path, bytes) => {
      const handle = await open(path, 'wx');
      await writeAll(bytes, (chunk, at) =>
        call<void>(`写入 ${path} (write)`, (done) => sftp.write(handle, chunk, 0, chunk.length, at, done)),
      );
      await call<void>(`落盘 ${path} (fsync)`, (done) => sync(sftp, handle, done));
      await closed(handle);
    },
    rename: (from, to) => call<void>(`改名为 ${to} (rename)`, (done) => sftp.rename(from, to, done)),
    remove: async (path) =>
      void (await ifThere(call<void>(`删除 ${path} (remove)`, (done) => sftp.unlink(path, done)))),
    list: async (folder) => {
      const entries = await call<FileEntryWithStats[]>(`列出 ${folder} (list)`, (done) => sftp.readdir(folder, done));
      return entries
        .filter(({ filename, attrs }) => isPlainName(filename) && attrs.isFile())
        .map(({ filename, attrs }) => ({ name: filename, size: attrs.size }))
        .sort((left, right) => (left.name < right.name ? -1 : 1));
    },
  };
}

/** A server may say anything: only names that stay in their folder are used (S27). */
const isPlainName = (name: string): boolean =>
  name !== '.' && name !== '..' && name.length <= 255 && !/[/\\]|\p{Cc}/u.test(name);

/** End of file is no error here. */
function readChunk(
  sftp: SFTPWrapper,
  handle: Buffer,
  buffer: Buffer,
  at: number,
  done: (error?: unknown, read?: number) => void,
): void {
  sftp.read(handle, buffer, 0, buffer.length, at, (error, read) =>
    isStatus(error, EOF) ? done(undefined, 0) : done(error, read),
  );
}

async function readAll(limit: number, chunk: (buffer: Buffer, at: number) => Promise<number>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let at = 0; at <= limit; ) {
    const buffer = Buffer.alloc(CHUNK);
    const read = await chunk(buffer, at);
    if (read === 0) break;
    parts.push(buffer.subarray(0, read));
    at += read;
  }
  return Buffer.concat(parts).subarray(0, limit + 1);
}

async function writeAll(bytes: Uint8Array, write: (chunk: Buffer, at: number) => Promise<void>): Promise<void> {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let from = 0; from < all.length; from += CHUNK * WINDOW) {
    const parts = Array.from({ length: WINDOW }, (_, index) => from + index * CHUNK).filter((at) => at < all.length);
    await Promise.all(parts.map((at) => write(all.subarray(at, at + CHUNK), at)));
  }
}

/** The extension fsync@openssh.com where it is offered; a server without it has said nothing wrong. */
function sync(sftp: SFTPWrapper, handle: Buffer, done: (error?: unknown) => void): void {
  try {
    sftp.ext_openssh_fsync(handle, (error) => (isStatus(error, UNSUPPORTED) ? done() : done(error)));
  } catch {
    done();
  }
}

const [EOF, NO_SUCH_FILE, DENIED, UNSUPPORTED] = [1, 2, 3, 8];

const isStatus = (error: unknown, status: number | undefined): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === status;

function trouble(what: string, error: unknown): SftpTrouble {
  if (isStatus(error, NO_SUCH_FILE))
    return new SftpTrouble('missing', `${what}：没有该文件或目录 (no such file or folder)`);
  if (isStatus(error, DENIED)) return new SftpTrouble('denied', `${what}：没有权限 (permission denied)`);
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
  return new SftpTrouble(
    'failed',
    `${what}：服务器拒绝，可能空间已满或文件已存在 (refused by the server: status ${code})`,
  );
}

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SftpTrouble && error.kind === 'missing') return undefined;
    throw error;
  }
}
