import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Answer } from '../../src/platform.ts';
import type { HttpPlatformSpec, TlsSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { pinOf, tlsMaterial } from '../../src/wire/tls-material.ts';
import { certificate } from '../support/certificate.ts';
import { temporaryFolder } from '../support/databases.ts';
import { outgoingBatch } from '../support/outgoing-batch.ts';

const DAY_MS = 86_400_000;
const yesterday = new Date(Date.now() - DAY_MS);
const never = new AbortController().signal;

/** A platform with TLS that counts requests and accepts everything. */
async function tlsServer(options: ServerOptions, instead?: { readonly status: number; readonly body: string }) {
  let requests = 0;
  const server = createServer(options, (request, response) => {
    requests += 1;
    request.resume();
    if (instead !== undefined) return void response.writeHead(instead.status).end(instead.body);
    const { batchId, idemKeys } = outgoingBatch();
    const results = idemKeys.map((rowId) => ({ rowId, resultCode: 'OK' }));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ packageId: batchId, receiptId: 'R-1', receivedCount: results.length, results }));
  });
  server.on('tlsClientError', () => {});
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, requests: () => requests };
}

async function send(url: string, tls: TlsSpec): Promise<Answer> {
  const spec: HttpPlatformSpec = { use: 'http', url, tls, timeout: 5 };
  const platform = await openPlatform(spec, { name: 'p', allowedHosts: [], now: () => new Date() });
  onTestFinished(() => platform.close());
  return platform.send(outgoingBatch(), never);
}

describe('the platform proves itself', () => {
  const good = certificate();
  const other = certificate();

  test('by a private root that the job names, as text or as a file', async () => {
    const server = await tlsServer(good);
    const file = join(temporaryFolder(), 'root.pem');
    writeFileSync(file, good.cert);
    expect((await send(server.url, { ca: good.cert })).outcome).toBe('answered');
    expect((await send(server.url, { ca: file })).outcome).toBe('answered');
  });

  test('and by a pinned key, while any other key stops everything before it is sent', async () => {
    const server = await tlsServer(good);
    const pinned = await send(server.url, { ca: good.cert, pins: [pinOf(other.cert), pinOf(good.cert)] });
    expect(pinned.outcome).toBe('answered');
    const refused = await send(server.url, { ca: good.cert, pins: [pinOf(other.cert)] });
    expect(refused).toMatchObject({
      outcome: 'not-sent',
      page: true,
      reason: expect.stringContaining('公钥与约定的不符'),
    });
    expect(server.requests()).toBe(1);
  });

  test.each<[string, ServerOptions & { cert: string }, string | undefined, RegExp]>([
    [
      'expired',
      certificate({ notBefore: new Date(0), notAfter: yesterday }),
      undefined,
      /已过期，请联系平台更换.*renew/,
    ],
    ['for another host', certificate({ host: 'credit.example.cn' }), undefined, /不是发给这个地址的.*another host/],
    ['self-signed', good, other.cert, /tls\.ca.*root/],
    [
      'old: TLS 1.0 only',
      { ...good, minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' },
      undefined,
      /TLS 1\.2/,
    ],
  ])('one that is %s ends as “not sent”, with a page that says what to do (F16)', async (_, options, ca, sentence) => {
    const server = await tlsServer(options);
    const answer = await send(server.url, { ca: ca ?? options.cert });
    expect(answer).toMatchObject({ outcome: 'not-sent', page: true, reason: expect.stringMatching(sentence) });
    expect(server.requests()).toBe(0);
  });
});

describe('the hub proves itself', () => {
  const platform = certificate();
  const ours = certificate({ host: 'hub' });

  const asking = () => tlsServer({ ...platform, ca: ours.cert, requestCert: true, rejectUnauthorized: true });

  test('by the client certificate that the platform issued', async () => {
    const server = await asking();
    expect((await send(server.url, { ca: platform.cert, ...ours })).outcome).toBe('answered');
  });

  test.each<[string, () => TlsSpec, ServerOptions]>([
    ['none', () => ({ ca: platform.cert }), {}],
    ['none, with TLS 1.2', () => ({ ca: platform.cert }), { maxVersion: 'TLSv1.2' }],
  ])(
    '%s is refused by the platform: nothing was processed, and a person is told which certificate to mend',
    async (_, tls, version) => {
      const server = await tlsServer({
        ...platform,
        ca: ours.cert,
        requestCert: true,
        rejectUnauthorized: true,
        ...version,
      });
      expect(await send(server.url, tls())).toMatchObject({
        outcome: 'not-sent',
        page: true,
        reason: expect.stringMatching(/客户端证书.*client certificate/),
      });
      expect(server.requests()).toBe(0);
    },
  );

  test.each([
    [495, ''],
    [400, '<html><body><h1>400 Bad Request</h1>No required SSL certificate was sent</body></html>'],
  ])('a proxy that says so with %s blames no record', async (status, body) => {
    const server = await tlsServer(platform, { status, body });
    expect(await send(server.url, { ca: platform.cert, ...ours })).toMatchObject({ outcome: 'not-sent', page: true });
  });

  test('a platform that hangs up without a word after the handshake leaves it unknown', async () => {
    const server = await asking();
    const stranger = certificate({ host: 'stranger' });
    expect((await send(server.url, { ca: platform.cert, ...stranger })).outcome).toBe('unknown');
    expect(server.requests()).toBe(0);
  });

  test('a key that does not open, or a file that is missing, is found before anything is sent', async () => {
    await expect(send('https://localhost:1', { ...ours, key: certificate().key })).rejects.toMatchObject({
      code: 'PLATFORM_WRONG',
    });
    await expect(send('https://localhost:1', { cert: '/nowhere/client.pem', key: ours.key })).rejects.toMatchObject({
      message: expect.stringContaining('tls.cert'),
    });
    expect(tlsMaterial({ cert: ours.cert })).toMatchObject({ en: 'tls.cert and tls.key go together' });
  });
});
