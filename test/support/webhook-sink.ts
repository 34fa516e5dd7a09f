import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface WebhookSink {
  readonly url: string;
  readonly calls: readonly Call[];
  /** What the next calls are answered; `hang`: nothing ever. */
  answer: { readonly status: number; readonly body: string; readonly location?: string } | 'hang';
  close(): Promise<void>;
}

/** A robot on a free loopback port that keeps what it is told. */
export async function webhookSink(): Promise<WebhookSink> {
  const calls: Call[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      calls.push({ method: request.method ?? '', url, headers: request.headers, body });
      if (sink.answer === 'hang') return;
      const { status, body: said, location } = sink.answer;
      response.writeHead(status, location === undefined ? {} : { location }).end(said);
    });
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sink: WebhookSink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/robot/send?access_token=canary-webhook-token`,
    calls,
    answer: { status: 200, body: '{"errcode":0,"errmsg":"ok"}' },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
  return sink;
}
