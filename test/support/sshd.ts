import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A private OpenSSH server with its own sftp-server on a free loopback port; it ends with the test. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** Private key that may log in. */
  readonly keyFile: string;
  /** `SHA256:…` */
  readonly hostKey: string;
  /** Folders `in`, `archive`, `receipts`, `done` of this server, on the local disk. */
  readonly folder: string;
  /** Shows another host key from now on. */
  readonly changeHostKey: () => Promise<void>;
}

const KEYGEN = '/usr/bin/ssh-keygen';
const SSHD = '/usr/sbin/sshd';
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

export const sshdAvailable: boolean = existsSync(SSHD) && existsSync(SFTP_SERVER);

export async function startSshd(): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-sshd-'));
  for (const name of ['in', 'archive', 'receipts', 'done']) mkdirSync(join(folder, name));
  chmodSync(folder, 0o755);
  const keyFile = makeKey(folder, 'client');
  writeFileSync(join(folder, 'authorized'), readFileSync(`${keyFile}.pub`), { mode: 0o600 });
  const port = await freePort();
  const { username: user } = userInfo();
  const state = { child: await run(folder, port, makeKey(folder, 'host')) };
  onTestFinished(async () => {
    await stop(state.child);
    rmSync(folder, { recursive: true, force: true });
  });
  const changeHostKey = async (): Promise<void> => {
    await stop(state.child);
    state.child = await run(folder, port, makeKey(folder, 'other'));
  };
  return { port, user, keyFile, hostKey: fingerprintOf(join(folder, 'host')), folder, changeHostKey };
}

function makeKey(folder: string, name: string): string {
  const file = join(folder, name);
  execFileSync(KEYGEN, ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  return file;
}

const fingerprintOf = (file: string): string =>
  String(execFileSync(KEYGEN, ['-lf', `${file}.pub`])).split(' ')[1] ?? '';

async function run(folder: string, port: number, hostKey: string): Promise<ChildProcess> {
  const settings = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin yes',
    'PidFile none',
    `Subsystem sftp ${SFTP_SERVER}`,
  ];
  const file = join(folder, 'sshd_config');
  writeFileSync(file, settings.join('\n'));
  // Debian's sshd insists on this folder, which a machine without a running one may lack.
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn(SSHD, ['-D', '-e', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    // Read to its end: a server whose messages nobody takes would stop.
    child.stderr.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('Server listening')) resolve();
    });
    child.once('exit', () => reject(new Error(`sshd did not start: ${said}`)));
  });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  await new Promise((closed) => probe.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no free loopback port');
  return address.port;
}
