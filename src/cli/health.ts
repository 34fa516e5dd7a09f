import { once } from 'node:events';
import { createServer } from 'node:http';
import { HubError } from '../errors.ts';
import type { Listen } from '../settings.ts';
import { type Db, select } from '../store/database.ts';

export interface Health {
  readonly url: string;
  close(): Promise<void>;
}

/** GET /healthz: the process answers. GET /readyz: so does the database, else 503. */
export async function openHealth({ host, port }: Listen, db: Db): Promise<Health> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0];
    const known = request.method === 'GET' && (path === '/healthz' || path === '/readyz');
    const good = known && (path === '/healthz' || (await answers(db)));
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    };
    response.writeHead(good ? 200 : known ? 503 : 404, headers);
    response.end(JSON.stringify({ status: good ? 'up' : known ? 'down' : 'not found' }));
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  server.maxConnections = 50;
  server.listen(port, host);
  await once(server, 'listening').catch((error: unknown) => {
    throw inUse(host, port, error);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

const answers = (db: Db): Promise<boolean> =>
  select(db, 'SELECT COUNT(*) AS n FROM cursors').then(
    () => true,
    () => false,
  );

const inUse = (host: string, port: number, cause: unknown): HubError =>
  new HubError('LISTEN_REFUSED', `无法监听 ${host}:${port} (cannot listen there)`, {
    remedy: 'give-up',
    fix: '端口可能已被占用：是否已有一个 hub serve 在运行？或改 HUB_LISTEN (is another hub serve running? else change HUB_LISTEN)',
    cause,
  });
