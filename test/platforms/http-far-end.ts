import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { PlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import type { FarEnd } from './contract.ts';
import { type FarStore, farStore } from './far-store.ts';

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** How a simulated HTTP platform answers: submits may be lost, everything else is always answered. */
export interface Dialect {
  readonly isSubmit: (ask: Ask) => boolean;
  readonly answer: (ask: Ask, store: FarStore) => Reply;
}

/** An HTTP platform with a store of its own; the spec is made from its address. */
export async function httpFarEnd(dialect: Dialect, specOf: (url: string) => PlatformSpec): Promise<FarEnd> {
  const store = farStore();
  let lose: 'answer' | 'batch' | undefined;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '', headers } = request;
    const ask = { method, path, headers, body: await buffer(request) };
    const losing = dialect.isSubmit(ask) ? lose : undefined;
    if (losing !== undefined) lose = undefined;
    if (losing === 'batch') return void request.socket.resetAndDestroy();
    const reply = dialect.answer(ask, store);
    if (losing === 'answer') return void request.socket.resetAndDestroy();
    response.writeHead(reply.status, { 'content-type': reply.type }).end(reply.body);
  };
  const url = await listen((request, response) => void serve(request, response).catch(() => request.socket.destroy()));
  const spec = specOf(url);
  return {
    spec,
    open: () => openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => new Date() }),
    loseAnswer: () => {
      lose = 'answer';
    },
    loseBatch: () => {
      lose = 'batch';
    },
    reject: store.reject,
    work: () => {},
    held: store.held,
  };
}

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(serve);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy()));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
