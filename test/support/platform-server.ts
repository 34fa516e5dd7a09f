import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { SecureContextOptions } from 'node:tls';

/** What the server does with one request; the good answers speak docs/platform-http.md, written here a second time. */
export type Behaviour =
  /** 200 with every row OK; as a query: done, or absent when the package never came. */
  | 'accept'
  /** 200, the first row FORMAT_ERROR, the others OK. */
  | 'reject-first'
  /** 202; as a query: processing. */
  | 'receive'
  /** Reads the request and never answers. */
  | 'hang'
  /** RST after the request's head, before its body was read. */
  | 'reset-before-body'
  /** RST in the middle of the request's body. */
  | 'reset-in-body'
  /** RST after the whole request was read. */
  | 'reset-after-body'
  | { readonly status: number; readonly headers?: { readonly [name: string]: string }; readonly body?: Body }
  /** These bytes on the wire as they are; then the connection ends, or stays open and silent. */
  | { readonly wire: string; readonly after: 'end' | 'stay' }
  /** A sound head, then one byte every so many milliseconds for ever. */
  | { readonly dripMs: number }
  /** A sound head, then this many bytes, or as many as the client takes. */
  | { readonly flood: number };

/** A text, bytes, or what to make of the good answer. */
export type Body = string | Uint8Array | ((good: GoodAnswer) => string);

export interface GoodAnswer {
  packageId: string;
  receiptId: string;
  receivedCount: number;
  state?: string;
  bodyDigest?: string;
  results: { rowId: string; resultCode: string; resultMsg?: string; platformId?: string }[];
}

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface PlatformServer {
  /** `http://127.0.0.1:port`, or https. */
  readonly url: string;
  /** Everything that came, in order; requests that were reset before their end are not among them. */
  readonly requests: readonly Recorded[];
  /** Connections accepted. */
  readonly connections: () => number;
  close(): Promise<void>;
}

export interface PlatformServerOptions {
  /** For submits; default `accept`. */
  readonly answer?: Behaviour;
  /** For queries; default: as `answer`. */
  readonly query?: Behaviour;
  readonly tls?: SecureContextOptions;
  /** Submits take these in order; when none is left, `answer`. The test may add more. */
  readonly script?: Behaviour[];
}

/** A platform on a free loopback port that behaves as told. */
export async function platformServer({
  answer = 'accept',
  query = answer,
  tls,
  script = [],
}: PlatformServerOptions = {}): Promise<PlatformServer> {
  const requests: Recorded[] = [];
  const bodies = new Map<string, Buffer>();
  const sockets = new Set<Socket>();
  let connections = 0;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const behaviour = request.method === 'GET' ? query : (script.shift() ?? answer);
    if (behaviour === 'reset-before-body') return void request.socket.resetAndDestroy();
    if (behaviour === 'reset-in-body') return void request.once('data', () => request.socket.resetAndDestroy());
    const recorded = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: await buffer(request),
    };
    requests.push(recorded);
    if (recorded.method === 'POST') bodies.set(String(request.headers['idempotency-key']), recorded.body);
    const good = request.method === 'GET' ? goodStatus(recorded.path, bodies) : goodAnswer(recorded.body);
    if (good === undefined && typeof behaviour === 'string' && behaviour !== 'hang')
      return void absent(recorded.path, response);
    await behave(behaviour, good, response);
  };
  const listener: RequestListener = (request, response) =>
    void serve(request, response).catch(() => request.socket.destroy());
  const server = tls === undefined ? createHttp(listener) : createHttps(tls, listener);
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
}

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

const packageIdOf = (path: string): string => path.split('/').at(-1) ?? '';

function absent(path: string, response: ServerResponse): void {
  response.writeHead(404, JSON_TYPE).end(JSON.stringify({ packageId: packageIdOf(path), state: 'absent' }));
}

async function behave(behaviour: Behaviour, good: GoodAnswer | undefined, response: ServerResponse): Promise<void> {
  if (behaviour === 'hang') return;
  if (behaviour === 'reset-after-body') return void response.socket?.resetAndDestroy();
  if (typeof behaviour === 'object') return perform(behaviour, good, response);
  if (good === undefined) return;
  const [first] = good.results;
  if (behaviour === 'reject-first' && first !== undefined) {
    good.results[0] = { rowId: first.rowId, resultCode: 'FORMAT_ERROR', resultMsg: '日期格式不对' };
  }
  const { results, ...head } = good;
  if (behaviour === 'receive') {
    const queried = good.state !== undefined;
    return void response
      .writeHead(queried ? 200 : 202, JSON_TYPE)
      .end(JSON.stringify(queried ? { ...head, state: 'processing' } : head));
  }
  response.writeHead(200, JSON_TYPE).end(JSON.stringify({ ...head, results }));
}

async function perform(
  behaviour: Behaviour & object,
  good: GoodAnswer | undefined,
  response: ServerResponse,
): Promise<void> {
  const { socket } = response;
  if ('status' in behaviour) {
    const { status, headers = JSON_TYPE, body = '' } = behaviour;
    const text = typeof body !== 'function' ? body : good === undefined ? '' : body(good);
    response.writeHead(status, headers).end(text);
  } else if ('wire' in behaviour) {
    socket?.write(behaviour.wire);
    if (behaviour.after === 'end') socket?.end();
  } else if ('dripMs' in behaviour) {
    response.writeHead(200, JSON_TYPE).write('{');
    const drip = setInterval(() => response.write(' '), behaviour.dripMs);
    response.on('close', () => clearInterval(drip));
  } else {
    response.writeHead(200, { ...JSON_TYPE, 'content-length': String(behaviour.flood) });
    await pipeline(Readable.from(blanks(behaviour.flood)), response);
  }
}

function* blanks(bytes: number): Generator<Buffer> {
  const block = Buffer.alloc(65_536, ' ');
  for (let left = bytes; left > 0; left -= block.length) yield block.subarray(0, left);
}

function goodAnswer(body: Buffer): GoodAnswer {
  const sent = JSON.parse(body.toString()) as { header: { packageId: string }; records: { rowId: string }[] };
  const results = sent.records.map(({ rowId }) => ({ rowId, resultCode: 'OK', platformId: `P-${rowId.slice(0, 6)}` }));
  const { packageId } = sent.header;
  return { packageId, receiptId: `R-${packageId.slice(0, 8)}`, receivedCount: results.length, results };
}

function goodStatus(path: string, bodies: ReadonlyMap<string, Buffer>): GoodAnswer | undefined {
  const body = bodies.get(packageIdOf(path));
  if (body === undefined) return undefined;
  return { ...goodAnswer(body), state: 'done', bodyDigest: createHash('sha256').update(body).digest('hex') };
}
