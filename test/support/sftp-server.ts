import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { basename, join } from 'node:path';
import ssh2, { type Attributes, type Connection, type SFTPWrapper } from 'ssh2';

/** What the server does wrong; may be changed while it runs. */
export interface SftpFaults {
  /** The connection is cut once this many bytes were written. */
  cutAfterBytes?: number | undefined;
  /** Writing fails once this many bytes were written: quota. */
  quotaBytes?: number | undefined;
  /** Renaming is refused. */
  refuseRename?: boolean;
  /** Renames the package, then cuts the connection before it answers. */
  cutAfterRename?: boolean;
  /** Cuts the connection when the `.ok` is to be made. */
  cutBeforeOk?: boolean;
  /** Takes a file into the archive the moment it has its final name. */
  takeAtOnce?: boolean;
  /** Adds this to every size that it tells. */
  lieBytes?: number;
  /** Reads back other bytes than were written. */
  garbleReads?: boolean;
}

export interface SftpServerUnderTest {
  readonly port: number;
  readonly hostKey: string;
  readonly faults: SftpFaults;
  /** Every request that changed something, in order: `open /in/a.part`, `rename /in/a.part /in/a`, `remove …`. */
  readonly done: string[];
  close(): Promise<void>;
}

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;
export const PASSWORD = 'only-for-tests';

/** An SFTP server of our own over a folder of the disk, whose faults can be told; paths are `/in/…`, `/archive/…`. */
export async function openSftpServer(folder: string, password: string = PASSWORD): Promise<SftpServerUnderTest> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  const parsed = ssh2.utils.parseKey(pem);
  if (parsed instanceof Error || Array.isArray(parsed)) throw new Error('no host key');
  const faults: SftpFaults = {};
  const done: string[] = [];
  const clients = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [pem] }, (client) => {
    clients.add(client.on('close', () => clients.delete(client)).on('error', () => {}));
    client.on('authentication', (attempt) =>
      attempt.method === 'password' && attempt.password === password ? attempt.accept() : attempt.reject(['password']),
    );
    client.on('session', (accept) =>
      accept().on('sftp', (open) => serve(open(), { folder, faults, done, cut: () => client.end() })),
    );
  });
  // Small answers would wait for each other otherwise (Nagle), at both ends.
  const door = createServer({ noDelay: true }, (socket) => server.injectSocket(socket));
  await once(door.listen(0, '127.0.0.1'), 'listening');
  const close = async (): Promise<void> => {
    for (const client of clients) client.end();
    await new Promise<void>((closed) => door.close(() => closed()));
  };
  const digest = createHash('sha256').update(parsed.getPublicSSH()).digest('base64').replace(/=+$/, '');
  return { port: (door.address() as AddressInfo).port, hostKey: `SHA256:${digest}`, faults, done, close };
}

interface Served {
  readonly folder: string;
  readonly faults: SftpFaults;
  readonly done: string[];
  readonly cut: () => void;
}

function serve(sftp: SFTPWrapper, { folder, faults, done, cut }: Served): void {
  const handles = new Map<number, { fd: number } | { names: string[]; path: string }>();
  let next = 0;
  let written = 0;
  const local = (path: string): string => join(folder, path);
  const keep = (id: number, what: { fd: number } | { names: string[]; path: string }): void => {
    next += 1;
    handles.set(next, what);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(next);
    sftp.handle(id, handle);
  };
  const held = (handle: Buffer) => handles.get(handle.readUInt32BE(0));
  const fd = (handle: Buffer): number => {
    const found = held(handle);
    return found !== undefined && 'fd' in found ? found.fd : -1;
  };
  const attributes = (path: string): Attributes => {
    const { mode, uid, gid, size, atimeMs, mtimeMs } = statSync(path);
    return { mode, uid, gid, size: size + (faults.lieBytes ?? 0), atime: atimeMs / 1000, mtime: mtimeMs / 1000 };
  };
  const status = (id: number, work: () => void): void => {
    try {
      work();
      sftp.status(id, STATUS_CODE.OK);
    } catch (error) {
      sftp.status(id, codeOf(error));
    }
  };
  const stat = (id: number, path: string): void => {
    if (existsSync(local(path))) sftp.attrs(id, attributes(local(path)));
    else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
  };
  sftp.on('OPEN', (id, path, flags) => {
    if (faults.cutBeforeOk && path.includes('.ok') && flags & OPEN_MODE.WRITE) return cut();
    try {
      const opened = openSync(local(path), flags & OPEN_MODE.WRITE ? (flags & OPEN_MODE.EXCL ? 'wx' : 'w') : 'r');
      if (flags & OPEN_MODE.WRITE) done.push(`open ${path}`);
      keep(id, { fd: opened });
    } catch (error) {
      sftp.status(id, codeOf(error));
    }
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    written += data.length;
    if (faults.cutAfterBytes !== undefined && written > faults.cutAfterBytes) return cut();
    if (faults.quotaBytes !== undefined && written > faults.quotaBytes)
      return void sftp.status(id, STATUS_CODE.FAILURE);
    status(id, () => writeSync(fd(handle), data, 0, data.length, offset));
  });
  sftp.on('READ', (id, handle, offset, length) => {
    const buffer = Buffer.alloc(Math.min(length, 32_768));
    const read = readSync(fd(handle), buffer, 0, buffer.length, offset);
    if (faults.garbleReads && read > 0) buffer.writeUInt8(buffer.readUInt8(0) ^ 1, 0);
    if (read === 0) sftp.status(id, STATUS_CODE.EOF);
    else sftp.data(id, buffer.subarray(0, read));
  });
  sftp.on('CLOSE', (id, handle) => {
    const found = held(handle);
    handles.delete(handle.readUInt32BE(0));
    status(id, () => {
      if (found === undefined || !('fd' in found)) return;
      fsyncSync(found.fd);
      closeSync(found.fd);
    });
  });
  sftp.on('STAT', stat);
  sftp.on('LSTAT', stat);
  sftp.on('REMOVE', (id, path) =>
    status(id, () => {
      rmSync(local(path));
      done.push(`remove ${path}`);
    }),
  );
  sftp.on('RENAME', (id, from, to) => {
    if (faults.refuseRename || existsSync(local(to))) return void sftp.status(id, STATUS_CODE.FAILURE);
    renameSync(local(from), local(to));
    done.push(`rename ${from} ${to}`);
    if (to.endsWith('.ok')) return void sftp.status(id, STATUS_CODE.OK);
    if (faults.takeAtOnce) renameSync(local(to), local(join('/archive', basename(to))));
    if (faults.cutAfterRename) return cut();
    sftp.status(id, STATUS_CODE.OK);
  });
  sftp.on('OPENDIR', (id, path) => {
    if (existsSync(local(path))) keep(id, { names: readdirSync(local(path)), path });
    else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
  });
  sftp.on('READDIR', (id, handle) => {
    const found = held(handle);
    const names = found !== undefined && 'names' in found ? found.names.splice(0) : [];
    if (found === undefined || !('names' in found) || names.length === 0) return void sftp.status(id, STATUS_CODE.EOF);
    const entries = names.map((filename) => {
      const attrs = attributes(local(join(found.path, filename)));
      return { filename, longname: filename, attrs };
    });
    sftp.name(id, entries);
  });
  sftp.on('REALPATH', (id, path) => sftp.name(id, [{ filename: path, longname: path, attrs: {} as Attributes }]));
}

const codeOf = (error: unknown): number => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE;
};
