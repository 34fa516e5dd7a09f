import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

/** A server that only this machine can reach. */
export interface Loopback {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void;

/** Port 0 takes a free one. A handler that fails answers 500 with the reason. */
export async function listen(port: number, handler: Handler): Promise<Loopback> {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const handled = (async () => handler(request, response, url))();
    handled.catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: String(error) });
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const taken = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendBytes(response, status, 'application/json; charset=utf-8', Buffer.from(JSON.stringify(value)));
}

export function sendBytes(response: ServerResponse, status: number, type: string, bytes: Buffer): void {
  response.writeHead(status, { 'content-type': type, 'content-length': bytes.length }).end(bytes);
}

const MOST_BYTES = 64 * 1024 * 1024;

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error('body is larger than 64 MiB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Who may come in: a bearer token, or the four `gjgxjhpt_…` headers (国家数据共享平台). */
export type Lock =
  | { readonly token: string }
  | { readonly requesterId: string; readonly serviceId: string; readonly secret: string };

export function opens(lock: Lock, request: IncomingMessage): boolean {
  if ('token' in lock) return same(request.headers.authorization ?? '', `Bearer ${lock.token}`);
  const header = (name: string): string => String(request.headers[`gjgxjhpt_${name}`] ?? '');
  const [rid, sid, time] = [header('rid'), header('sid'), header('rtime')];
  if (rid !== lock.requesterId || sid !== lock.serviceId || !isRecent(time)) return false;
  return same(
    header('sign'),
    createHmac('sha256', lock.secret)
      .update(sid + rid + time)
      .digest('base64'),
  );
}

/** Milliseconds since 1970; ten minutes of difference between two clocks are forgiven. */
const isRecent = (time: string): boolean => /^\d{13}$/.test(time) && Math.abs(Number(time) - Date.now()) < 600_000;

function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
