import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** COM_QUERY with COMMIT. */
const isCommit = (bytes: Buffer): boolean => bytes[4] === 3 && /^commit/i.test(bytes.subarray(5).toString('latin1'));

/** Stands between the hub and a MySQL server, and can break the line in the middle of a COMMIT. */
export interface MysqlProxy {
  /** The server's url by way of the proxy. */
  readonly url: string;
  /** The next COMMIT reaches the server, its answer never comes back; or it never reaches the server; or nobody ever answers. */
  readonly breakCommit: (how: 'after' | 'before' | 'hang') => void;
}

export async function mysqlProxy(serverUrl: string): Promise<MysqlProxy> {
  const target = new URL(serverUrl);
  let planned: 'after' | 'before' | 'hang' | undefined;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const sockets: readonly Socket[] = [client, upstream];
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        for (const each of sockets) each.destroy();
      });
    }
    let muted = false;
    client.on('data', (bytes) => {
      const how = planned !== undefined && isCommit(bytes) ? planned : undefined;
      if (how === undefined) return void upstream.write(bytes);
      planned = undefined;
      muted = true;
      if (how === 'before') return void client.resetAndDestroy();
      upstream.write(bytes);
      if (how === 'after') upstream.once('data', () => client.resetAndDestroy());
    });
    upstream.on('data', (bytes) => {
      if (!muted) client.write(bytes);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const behind = new URL(serverUrl);
  behind.port = String((server.address() as AddressInfo).port);
  return {
    url: behind.href,
    breakCommit: (how) => {
      planned = how;
    },
  };
}
