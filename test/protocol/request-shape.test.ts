import nock from 'nock';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Platform } from '../../src/platform.ts';
import type { HttpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { outgoingBatch } from '../support/outgoing-batch.ts';

/**
 * The requests of docs/platform-http.md, each header of them, as they leave: nothing more may go out than is agreed.
 * No socket is opened here; what the network and the far end may do is tested in http-platform.test.ts.
 */
const ORIGIN = 'http://127.0.0.1:9';
const never = new AbortController().signal;

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: Buffer;
}

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  nock.cleanAll();
  nock.enableNetConnect();
});

/** Keeps every request of this method and answers it 404. */
function hear(method: 'GET' | 'POST'): readonly Seen[] {
  const seen: Seen[] = [];
  nock(ORIGIN)
    .persist()
    .intercept(/./, method)
    .reply(async (request: Request) => {
      const { url, headers } = request;
      seen.push({
        method: request.method,
        url,
        headers: Object.fromEntries(headers),
        body: Buffer.from(await request.arrayBuffer()),
      });
      return [404];
    });
  return seen;
}

async function open(given: Partial<HttpPlatformSpec>): Promise<Platform> {
  const spec: HttpPlatformSpec = { use: 'http', url: `${ORIGIN}/api`, timeout: 5, ...given };
  const platform = await openPlatform(spec, {
    name: 'credit-sharing',
    allowedHosts: [],
    now: () => new Date('2026-11-27T10:00:00Z'),
  });
  onTestFinished(() => platform.close());
  return platform;
}

test('a submit is one POST of the sealed bytes with the agreed headers and no other', async () => {
  const seen = hear('POST');
  const batch = outgoingBatch();
  await (await open({ auth: { bearer: 'token' } })).send(batch, never);
  expect(seen).toEqual([
    {
      method: 'POST',
      url: `${ORIGIN}/api/batches`,
      headers: {
        host: '127.0.0.1:9',
        'user-agent': 'zhengxin-hub',
        accept: 'application/json',
        'accept-encoding': expect.stringMatching(/^gzip\b/),
        authorization: 'Bearer token',
        connection: 'keep-alive',
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(batch.body.length),
        'content-digest': `sha-256=:${Buffer.from(batch.bodyDigest, 'hex').toString('base64')}:`,
        'idempotency-key': batch.batchId,
      },
      body: Buffer.from(batch.body),
    },
  ]);
});

test('a batch that is sent again is the same request', async () => {
  const seen = hear('POST');
  const platform = await open({});
  await platform.send(outgoingBatch(), never);
  await platform.send(outgoingBatch(), never);
  expect(seen).toHaveLength(2);
  expect(seen[1]).toEqual(seen[0]);
});

test('a query is a bare GET by package id, signed like a submit', async () => {
  const seen = hear('GET');
  const batch = outgoingBatch();
  const hmac = { requesterId: 'rid-1', serviceId: 'sid-1', secret: 'secret' };
  await (await open({ auth: { hmac }, sign: 'hmac-sha256' })).query(batch, never);
  expect(seen).toEqual([
    {
      method: 'GET',
      url: `${ORIGIN}/api/batches/${batch.batchId}`,
      headers: {
        host: '127.0.0.1:9',
        'user-agent': 'zhengxin-hub',
        accept: 'application/json',
        'accept-encoding': expect.stringMatching(/^gzip\b/),
        connection: 'keep-alive',
        gjgxjhpt_rid: 'rid-1',
        gjgxjhpt_sid: 'sid-1',
        gjgxjhpt_rtime: '1795773600000',
        gjgxjhpt_sign: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      },
      body: Buffer.alloc(0),
    },
  ]);
});
