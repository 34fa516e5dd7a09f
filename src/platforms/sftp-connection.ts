import { createHash } from 'node:crypto';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import ssh2, { type SFTPWrapper } from 'ssh2';
import { guardedLookup } from '../hardened-http.ts';
import type { AllowedHosts } from '../wire/allowed-hosts.ts';
import { SftpTrouble } from './sftp-trouble.ts';

export type SftpLogin =
  | { readonly user: string; readonly password: string }
  /** `key`: the private key itself. */
  | { readonly user: string; readonly key: Uint8Array; readonly passphrase?: string };

export interface SftpServer {
  readonly host: string;
  readonly port: number;
  readonly login: SftpLogin;
  /** Fingerprints of the keys that the server may show, `SHA256:…` as `ssh-keygen -lf` prints them. */
  readonly hostKeys: readonly string[];
  readonly allowed: AllowedHosts;
}

export interface SftpConnection {
  readonly sftp: SFTPWrapper;
  /** Rejects as soon as the connection is gone: no request waits for an answer that cannot come. */
  readonly gone: Promise<never>;
  readonly close: () => void;
}

/** Connects, checks the host's key before anything secret is said, and logs in. Throws SftpTrouble. */
export async function connectSftp(server: SftpServer, signal: AbortSignal): Promise<SftpConnection> {
  const address = `${server.host}:${server.port}`;
  const socket = await openSocket(server, signal);
  const client = new ssh2.Client();
  const seen: { key?: string } = {};
  const close = (): void => {
    client.destroy();
    socket.destroy();
  };
  const gone = new Promise<never>((_, reject) => {
    client.once('error', (error) => reject(explain(error, address, seen.key, server.hostKeys)));
    client.once('close', () => reject(new SftpTrouble('lost', `${address} 连接中断 (connection lost)`)));
    signal.addEventListener('abort', () => reject(timedOut(address)), { once: true });
  });
  gone.catch(close);
  try {
    const ready = new Promise<void>((resolve) => client.once('ready', resolve));
    client.connect({ ...loginOf(server.login), ...SETTINGS, sock: socket, hostVerifier: verifier(server, seen) });
    await Promise.race([ready, gone]);
    const sftp = new Promise<SFTPWrapper>((resolve, reject) => {
      client.sftp((error, wrapper) => (error ? reject(noSftp(address)) : resolve(wrapper)));
    });
    return { sftp: await Promise.race([sftp, gone]), gone, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Host keys by SHA-1 signatures are not taken; ssh2's own ciphers and exchanges are sound. */
const SETTINGS = {
  readyTimeout: 0,
  keepaliveInterval: 0,
  algorithms: {
    serverHostKey: [
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'rsa-sha2-512',
      'rsa-sha2-256',
    ],
  },
} satisfies ssh2.ConnectConfig;

function loginOf(login: SftpLogin): ssh2.ConnectConfig {
  if ('password' in login) return { username: login.user, password: login.password };
  const { user, key, passphrase } = login;
  return { username: user, privateKey: Buffer.from(key), ...(passphrase === undefined ? {} : { passphrase }) };
}

/** As `ssh-keygen -lf` prints it. */
const fingerprint = (key: Uint8Array): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

function verifier({ hostKeys }: SftpServer, seen: { key?: string }) {
  return (key: Buffer): boolean => {
    const shown = fingerprint(key);
    seen.key = shown;
    return hostKeys.includes(shown);
  };
}

async function openSocket({ host, port, allowed }: SftpServer, signal: AbortSignal): Promise<Socket> {
  const refused = `${host}:${port} 不在 HUB_ALLOWED_HOSTS 之内 (not in HUB_ALLOWED_HOSTS)`;
  const good = allowed.allowsName(host, port) && (isIP(host) === 0 || allowed.allowsAddress(host, host, port));
  if (!good) throw new SftpTrouble('host-refused', refused);
  const watch = { hostRefused: false };
  // Without this a 5 MB file takes half a minute: every packet would wait for the one before it.
  const socket = connectTcp({ host, port, noDelay: true, lookup: guardedLookup(allowed, port, watch) });
  return new Promise((resolve, reject) => {
    const fail = (trouble: SftpTrouble): void => {
      socket.destroy();
      reject(trouble);
    };
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      fail(
        watch.hostRefused
          ? new SftpTrouble('host-refused', refused)
          : new SftpTrouble('unreachable', `${host}:${port} 无法连接 (cannot connect: ${error.code ?? 'unknown'})`),
      ),
    );
    signal.addEventListener('abort', () => fail(timedOut(`${host}:${port}`)), { once: true });
  });
}

const timedOut = (address: string): SftpTrouble => new SftpTrouble('lost', `${address} 超时 (timed out)`);

const noSftp = (address: string): SftpTrouble =>
  new SftpTrouble('failed', `${address} 不提供 SFTP (offers no SFTP subsystem)`);

/** Only the level of ssh2's errors is read: their texts may quote what the server said. */
function explain(
  error: Error & { readonly level?: string },
  address: string,
  shown: string | undefined,
  pinned: readonly string[],
): SftpTrouble {
  if (shown !== undefined && !pinned.includes(shown)) {
    return new SftpTrouble(
      'host-key',
      `${address} 的主机密钥变了：现为 ${shown}，作业中为 ${pinned.join('、')}；请与平台电话核实后再改 hostKey (the host key changed, now ${shown}: ask the platform by telephone before you change hostKey)`,
    );
  }
  if (error.level === 'client-authentication') {
    return new SftpTrouble(
      'login',
      `${address} 登录被拒，请检查用户名、口令或密钥 (login refused: check user, password or key)`,
    );
  }
  return new SftpTrouble('lost', `${address} 连接中断 (connection lost: ${error.level ?? 'socket'})`);
}
