import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BackupSettings } from '../backup-settings.ts';
import { HubError } from '../errors.ts';
import { connectSftp, type SftpConnection } from '../platforms/sftp-connection.ts';
import { sftpFiles } from '../platforms/sftp-files.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';

/** Where copies lie, somewhere else than the hub. */
export interface BackupPlace {
  /** Names of the files there, in order. */
  list(): Promise<readonly string[]>;
  /** Writes under another name first; throws where the name is taken. */
  put(name: string, file: string): Promise<void>;
  /** SHA-256 of what lies there, read back byte for byte. */
  digest(name: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): void;
}

/** A folder, or an SFTP server whose key is pinned. Throws HubError BACKUP_UNREACHABLE. */
export async function openBackupPlace(settings: BackupSettings, signal: AbortSignal): Promise<BackupPlace> {
  try {
    return settings.to.startsWith('sftp:') ? await sftpPlace(settings, signal) : folderPlace(settings.to);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HubError('BACKUP_UNREACHABLE', `到不了异地备份处：${why} (cannot reach the place of the copies)`, {
      remedy: 'retry',
      fix: '检查 HUB_BACKUP_TO、网络与主机密钥；半小时后自动再试 (check HUB_BACKUP_TO, the network and the host key; it is tried again in half an hour)',
      cause,
    });
  }
}

function folderPlace(folder: string): BackupPlace {
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(folder, name);
  return {
    list: async () => readdirSync(folder).toSorted(),
    put: (name, file) => pipeline(createReadStream(file), createWriteStream(path(name), { mode: 0o600, flags: 'wx' })),
    digest: (name) => digestOf(createReadStream(path(name))),
    rename: async (from, to) => renameSync(path(from), path(to)),
    remove: async (name) => rmSync(path(name), { force: true }),
    close: () => {},
  };
}

async function digestOf(content: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}

async function sftpPlace(settings: BackupSettings, signal: AbortSignal): Promise<BackupPlace> {
  const connection = await connect(settings, signal);
  const { sftp, gone, close } = connection;
  const files = sftpFiles(connection);
  const folder = decodeURIComponent(new URL(settings.to).pathname).replace(/\/+$/, '');
  const path = (name: string): string => `${folder}/${name}`;
  return {
    list: async () => (await files.list(folder)).map(({ name }) => name),
    put: (name, file) => {
      const there = sftp.createWriteStream(path(name), { flags: 'wx', mode: 0o600 });
      return Promise.race([pipeline(createReadStream(file), there), gone]);
    },
    digest: (name) => Promise.race([digestOf(sftp.createReadStream(path(name))), gone]),
    rename: (from, to) => files.rename(path(from), path(to)),
    remove: (name) => files.remove(path(name)),
    close,
  };
}

function connect({ to, keyFile, hostKey }: BackupSettings, signal: AbortSignal): Promise<SftpConnection> {
  const { hostname, port, username, password } = new URL(to);
  const user = decodeURIComponent(username);
  const key = keyFile === undefined ? undefined : readFileSync(keyFile);
  const server = {
    host: hostname,
    port: port === '' ? 22 : Number(port),
    login: key === undefined ? { user, password: decodeURIComponent(password) } : { user, key },
    hostKeys: hostKey === undefined ? [] : [hostKey],
    // The address is the operator's own setting; nothing else is spoken to.
    allowed: allowedHosts([`${hostname}:${port === '' ? 22 : port}`]),
  };
  return connectSftp(server, signal);
}
