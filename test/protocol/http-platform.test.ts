import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import tls from 'node:tls';
import { inspect } from 'node:util';
import iconv from 'iconv-lite';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Answer, Platform, QueryAnswer } from '../../src/platform.ts';
import type { HttpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { certificate } from '../support/certificate.ts';
import { outgoingBatch } from '../support/outgoing-batch.ts';
import {
  type Behaviour,
  type GoodAnswer,
  type PlatformServer,
  type PlatformServerOptions,
  platformServer,
} from '../support/platform-server.ts';

const SECRET = 'canary-7f3a-do-not-print';
const NOW = new Date('2026-11-27T10:00:00Z');
const STRANGER = { rowId: 'stranger', resultCode: 'OK' };
const JSON_TYPE = { 'content-type': 'application/json' };
const never = new AbortController().signal;

type Given = Omit<Partial<HttpPlatformSpec>, 'use' | 'url'>;

async function open(url: string, given: Given = {}): Promise<Platform> {
  const spec: HttpPlatformSpec = { use: 'http', url, auth: { bearer: SECRET }, timeout: 5, ...given };
  const platform = await openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => NOW });
  onTestFinished(() => platform.close());
  return platform;
}

async function start(options: PlatformServerOptions): Promise<PlatformServer> {
  const server = await platformServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** What one submit to a platform of this behaviour comes to. */
async function send(
  answer: Behaviour,
  given: Given = {},
): Promise<{ readonly answer: Answer; readonly server: PlatformServer }> {
  const server = await start({ answer });
  const platform = await open(server.url, given);
  return { answer: silent(await platform.send(outgoingBatch(), never)), server };
}

/** What a query comes to after the platform took a batch. */
async function query(behaviour: Behaviour, given: Given = {}): Promise<QueryAnswer> {
  const server = await start({ answer: 'accept', query: behaviour });
  const platform = await open(server.url, given);
  await platform.send(outgoingBatch(), never);
  return silent(await platform.query(outgoingBatch(), never));
}

/** No answer ever carries the secret, however it is printed (T5). */
function silent<T extends Answer | QueryAnswer>(answer: T): T {
  expect(inspect(answer, { depth: 9 }) + JSON.stringify(answer)).not.toContain(SECRET);
  return answer;
}

/** The good answer with some members changed. */
const good = (change: (answer: GoodAnswer) => Partial<GoodAnswer>, status = 200): Behaviour => ({
  status,
  body: (answer) => JSON.stringify({ ...answer, ...change(answer) }),
});

describe('a submit', () => {
  test('carries the exact bytes, their digest and the key, and reads every verdict', async () => {
    const batch = outgoingBatch();
    const { answer, server } = await send('accept');
    const [request] = server.requests;
    expect(request?.method).toBe('POST');
    expect(request?.path).toBe('/batches');
    expect(request?.body.equals(Buffer.from(batch.body))).toBe(true);
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': batch.batchId,
      'content-digest': `sha-256=:${createHash('sha256').update(batch.body).digest('base64')}:`,
      'content-length': String(batch.body.length),
      authorization: `Bearer ${SECRET}`,
    });
    expect(answer).toMatchObject({
      outcome: 'answered',
      receiptId: `R-${batch.batchId.slice(0, 8)}`,
      evidence: { status: 200 },
    });
    expect(answer.outcome === 'answered' && answer.verdicts).toEqual(
      batch.idemKeys.map((key) => ({
        idemKey: key,
        outcome: 'accepted',
        code: 'OK',
        platformId: `P-${key.slice(0, 6)}`,
      })),
    );
  });

  test('keeps a path in front of /batches, with or without a final slash', async () => {
    const server = await start({});
    for (const ending of ['/api/v2', '/api/v2/']) {
      await (await open(`${server.url}${ending}`)).send(outgoingBatch(), never);
    }
    expect(server.requests.map((request) => request.path)).toEqual(['/api/v2/batches', '/api/v2/batches']);
  });

  test('is signed by the exchange platform’s header scheme where the job says so', async () => {
    const hmac = { requesterId: 'rid-1', serviceId: 'sid-1', secret: SECRET };
    const { server } = await send('accept', { auth: { hmac }, sign: 'hmac-sha256' });
    const headers = server.requests[0]?.headers;
    const rtime = String(NOW.getTime());
    expect(headers).toMatchObject({
      gjgxjhpt_rid: 'rid-1',
      gjgxjhpt_sid: 'sid-1',
      gjgxjhpt_rtime: rtime,
      gjgxjhpt_sign: createHmac('sha256', SECRET).update(`sid-1rid-1${rtime}`).digest('base64'),
    });
    expect(headers?.authorization).toBeUndefined();
  });

  test('that must be signed but has no secret is refused when the platform is opened', async () => {
    await expect(open('http://127.0.0.1:1', { sign: 'hmac-sha256' })).rejects.toMatchObject({ code: 'PLATFORM_WRONG' });
  });

  test('reads rejections with code and reason, and DUPLICATE as accepted', async () => {
    const { answer } = await send(
      good(({ results }) => ({
        results: results
          .with(0, { rowId: results[0]?.rowId ?? '', resultCode: 'NAME_MISMATCH', resultMsg: '名称不符' })
          .with(1, { rowId: results[1]?.rowId ?? '', resultCode: 'DUPLICATE' })
          .with(2, { rowId: results[2]?.rowId ?? '', resultCode: 'LATE' }),
      })),
    );
    const [first, , third] = outgoingBatch().idemKeys;
    expect(answer.outcome === 'answered' && answer.verdicts).toMatchObject([
      { idemKey: first, outcome: 'rejected', code: 'NAME_MISMATCH', reason: '名称不符' },
      { outcome: 'accepted', code: 'DUPLICATE' },
      { idemKey: third, outcome: 'rejected', code: 'LATE', reason: 'LATE' },
    ]);
  });

  test('taken with 202 is received, its verdicts follow', async () => {
    expect((await send('receive')).answer).toMatchObject({ outcome: 'received', evidence: { status: 202 } });
  });
});

describe('after bytes left, anything but a sound receipt is unknown', () => {
  const html = '<!doctype html><title>统一身份认证</title>';
  const gbk = iconv.encode('{"packageId":"中文","receiptId":"R"}', 'gb18030');
  test.each<[string, Behaviour]>([
    ['200 with an HTML login page', { status: 200, headers: { 'content-type': 'text/html' }, body: html }],
    ['200 with HTML that calls itself JSON', { status: 200, body: html }],
    [
      '200 with good JSON that calls itself HTML',
      { status: 200, headers: { 'content-type': 'text/html' }, body: JSON.stringify },
    ],
    ['200 with nothing', { status: 200 }],
    ['204', { status: 204 }],
    ['206', { status: 206, body: JSON.stringify }],
    ['200 with code -1', { status: 200, body: '{"code":"-1","msg":"失败"}' }],
    ['200 with "OK"', { status: 200, body: '"OK"' }],
    ['200 with null', { status: 200, body: 'null' }],
    ['200 with cut-off JSON', { status: 200, body: (answer) => JSON.stringify(answer).slice(0, -5) }],
    ['200 with a byte order mark', { status: 200, body: (answer) => `\uFEFF${JSON.stringify(answer)}` }],
    ['200 with GBK bytes declared as UTF-8', { status: 200, body: gbk }],
    [
      '200 declared as GBK',
      { status: 200, headers: { 'content-type': 'application/json; charset=GBK' }, body: JSON.stringify },
    ],
    ['200 about another package', good(() => ({ packageId: 'another' }))],
    ['200 that counts one less', good(({ receivedCount }) => ({ receivedCount: receivedCount - 1 }))],
    ['200 that lacks one row', good(({ results }) => ({ results: results.slice(1) }))],
    [
      '200 with one row twice',
      good(({ results: [a, , c] }) => ({ results: [a, a, c].filter((row) => row !== undefined) })),
    ],
    ['200 with one row more', good(({ results }) => ({ results: [...results, STRANGER] }))],
    ['200 with a foreign row', good(({ results }) => ({ results: results.with(1, STRANGER) }))],
    ['200 without a receipt number', good(() => ({ receiptId: '' }))],
    ['200 with a number as verdict', { status: 200, body: (answer) => JSON.stringify(answer).replaceAll('"OK"', '0') }],
    ['202 about another package', good(() => ({ packageId: 'another' }), 202)],
    ['302 to a login page', { status: 302, headers: { location: '/login' } }],
    ['304', { status: 304, headers: {} }],
    ['408', { status: 408 }],
    ['500', { status: 500, body: '{"resultCode":"ERR"}' }],
    ['502', { status: 502, headers: { 'content-type': 'text/html' }, body: html }],
    ['503 without a contract', { status: 503 }],
    ['504', { status: 504 }],
    ['429 without a contract', { status: 429 }],
    ['a reset before the body was read', 'reset-before-body'],
    ['a reset after half of the body', 'reset-in-body'],
    ['a reset after the whole body', 'reset-after-body'],
    [
      'half an answer',
      {
        wire: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"packageI',
        after: 'end',
      },
    ],
    [
      'chunks without an end',
      {
        wire: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n',
        after: 'end',
      },
    ],
    ['a silent end', { wire: '', after: 'end' }],
    ['something that is not HTTP', { wire: 'SSH-2.0-OpenSSH_9.2\r\n\r\n', after: 'end' }],
    ['200 with 200 MB', { flood: 200 << 20 }],
  ])('%s', async (_, behaviour) => {
    const { answer } = await send(behaviour);
    expect(answer).toMatchObject({ outcome: 'unknown', reason: expect.stringMatching(/\(.+\)/) });
  });

  test.each<[string, Behaviour]>([
    ['hangs', 'hang'],
    ['drips one byte after another', { dripMs: 20 }],
    [
      'stops in the middle of its answer',
      { wire: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{', after: 'stay' },
    ],
  ])('the total deadline ends a platform that %s', async (_, behaviour) => {
    const started = performance.now();
    const { answer } = await send(behaviour, { timeout: 0.3 });
    expect(answer.outcome).toBe('unknown');
    expect(performance.now() - started).toBeLessThan(2500);
  });

  test('a stop of the hub after bytes left is unknown as well', async () => {
    const server = await start({ answer: 'hang' });
    const platform = await open(server.url);
    const stop = new AbortController();
    const sent = platform.send(outgoingBatch(), stop.signal);
    await expect.poll(() => server.requests.length).toBe(1);
    stop.abort();
    expect((await sent).outcome).toBe('unknown');
  });

  test('the answer as observed is kept as evidence, at most 1 MiB of it', async () => {
    const { answer } = await send({
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '登录'.repeat(400_000),
    });
    expect(answer.evidence.status).toBe(200);
    expect(answer.evidence.bytes?.length).toBe(1 << 20);
    expect(
      Buffer.from(answer.evidence.bytes ?? [])
        .subarray(0, 6)
        .toString(),
    ).toBe('登录');
  });
});

describe('redirects are never followed', () => {
  test.each([301, 302, 303, 307, 308])('%d to another host hands that host nothing', async (status) => {
    const other = await start({});
    const { answer, server } = await send({ status, headers: { location: `${other.url}/batches` } });
    expect(answer).toMatchObject({ outcome: 'unknown', evidence: { status } });
    expect(server.requests).toHaveLength(1);
    expect(other.requests).toHaveLength(0);
    expect(other.connections()).toBe(0);
  });

  test('a redirect is definite only where the contract says that the endpoint never processes then', async () => {
    const { answer } = await send({ status: 302, headers: { location: '/login' } }, { notProcessed: [302] });
    expect(answer).toMatchObject({ outcome: 'not-sent', page: false });
  });
});

describe('definite answers', () => {
  test.each([
    [400, '{"resultCode":"FORMAT_ERROR","resultMsg":"批次格式不对"}', /FORMAT_ERROR 批次格式不对/],
    [413, '<html>413 Request Entity Too Large', /413/],
    [422, '{"resultCode":"SCHEMA","resultMsg":"x"}', /SCHEMA/],
  ])('%d refuses the whole batch', async (status, body, reason) => {
    const { answer } = await send({ status, body });
    expect(answer).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(reason), evidence: { status } });
  });

  test('422 KEY_REUSED is a conflict', async () => {
    expect((await send({ status: 422, body: '{"resultCode":"KEY_REUSED"}' })).answer.outcome).toBe('conflict');
  });

  test.each([401, 403])('%d is login trouble: nothing stored, and a page', async (status) => {
    expect((await send({ status })).answer).toMatchObject({ outcome: 'not-sent', page: true });
  });

  test.each([404, 405, 406, 409, 410, 411, 415])('%d means that the contract does not fit', async (status) => {
    expect((await send({ status })).answer).toMatchObject({ outcome: 'contract-fault', evidence: { status } });
  });

  test('409 OUTSTANDING for our package asks for a query, for another package it is a contract fault', async () => {
    const { batchId } = outgoingBatch();
    const ours = await send({ status: 409, body: JSON.stringify({ resultCode: 'OUTSTANDING', packageId: batchId }) });
    expect(ours.answer.outcome).toBe('unknown');
    const other = await send({
      status: 409,
      body: JSON.stringify({ resultCode: 'OUTSTANDING', packageId: 'another' }),
    });
    expect(other.answer.outcome).toBe('contract-fault');
  });
});

describe('429 and 503 with Retry-After', () => {
  const cases: [string, number | undefined][] = [
    ['120', 120],
    ['Fri, 27 Nov 2026 10:02:00 GMT', 120],
    ['Fri, 27 Nov 2026 09:00:00 GMT', 1],
    ['0', 1],
    ['1000000000', 86_400],
    ['-1', undefined],
    ['1e9', undefined],
    ['abc', undefined],
  ];
  test.each(cases)('Retry-After: %s waits %s s where the contract says “not processed”', async (header, seconds) => {
    for (const status of [429, 503]) {
      const answer = { status, headers: { ...JSON_TYPE, 'retry-after': header } };
      const definite = (await send(answer, { notProcessed: [429, 503] })).answer;
      expect(definite).toMatchObject({ outcome: 'not-sent', page: false });
      expect('retryAfterS' in definite ? definite.retryAfterS : undefined).toBe(seconds);
    }
  });

  test('without that contract the outcome is unknown, and the wait is honoured all the same', async () => {
    const { answer } = await send({ status: 429, headers: { 'retry-after': '120' } });
    expect(answer).toMatchObject({ outcome: 'unknown', retryAfterS: 120 });
  });

  test('a contract cannot turn a success into “not processed”', async () => {
    expect((await send('accept', { notProcessed: [200, 202] })).answer.outcome).toBe('answered');
  });
});

describe('nothing was sent', () => {
  const roots = tls.getCACertificates('default');
  afterEach(() => tls.setDefaultCACertificates(roots));

  test('when nobody listens', async () => {
    const server = await platformServer();
    await server.close();
    const platform = await open(server.url);
    expect(silent(await platform.send(outgoingBatch(), never))).toMatchObject({ outcome: 'not-sent', page: false });
    expect(silent(await platform.query(outgoingBatch(), never))).toMatchObject({ outcome: 'unknown' });
  });

  test('when the name does not resolve', async () => {
    const platform = await open('http://no-such-platform.invalid');
    expect(silent(await platform.send(outgoingBatch(), never))).toMatchObject({ outcome: 'not-sent', page: false });
  });

  test('when the host is not allowed', async () => {
    const server = await start({});
    const spec: HttpPlatformSpec = { use: 'http', url: server.url };
    const platform = await openPlatform(spec, { name: 'p', allowedHosts: ['credit.example.cn'], now: () => NOW });
    expect(await platform.send(outgoingBatch(), never)).toMatchObject({ outcome: 'not-sent', page: true });
    expect(server.connections()).toBe(0);
  });

  const yesterday = new Date(Date.now() - 86_400_000);
  test.each([
    ['self-signed', certificate(), false],
    ['expired', certificate({ notBefore: new Date(0), notAfter: yesterday }), true],
    ['for another host', certificate({ host: 'credit.example.cn' }), true],
  ])('when the certificate is %s; a person is called', async (_, pair, trusted) => {
    if (trusted) tls.setDefaultCACertificates([...roots, pair.cert]);
    const server = await start({ tls: pair });
    const platform = await open(server.url.replace('127.0.0.1', 'localhost'));
    expect(silent(await platform.send(outgoingBatch(), never))).toMatchObject({ outcome: 'not-sent', page: true });
    expect(server.requests).toHaveLength(0);
  });

  test('while a good certificate lets the batch through', async () => {
    const pair = certificate();
    tls.setDefaultCACertificates([...roots, pair.cert]);
    const server = await start({ tls: pair });
    const platform = await open(server.url.replace('127.0.0.1', 'localhost'));
    expect((await platform.send(outgoingBatch(), never)).outcome).toBe('answered');
  });

  test('when the far end speaks TLS 1.0 only', async () => {
    const pair = certificate();
    tls.setDefaultCACertificates([...roots, pair.cert]);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = await start({ tls: { ...pair, ...old } });
    const platform = await open(server.url.replace('127.0.0.1', 'localhost'));
    expect(await platform.send(outgoingBatch(), never)).toMatchObject({ outcome: 'not-sent', page: true });
  });

  test('when the handshake stalls until the deadline', async () => {
    const mute = createServer((socket) => socket.on('error', () => socket.destroy()));
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void mute.close());
    const address = mute.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const platform = await open(`https://127.0.0.1:${port}`, { timeout: 0.3 });
    expect(await platform.send(outgoingBatch(), never)).toMatchObject({ outcome: 'not-sent', page: false });
  });

  test('when the hub was stopped before: then it throws, for there is no answer', async () => {
    const server = await start({});
    const platform = await open(server.url);
    await expect(platform.send(outgoingBatch(), AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
    expect(server.connections()).toBe(0);
  });
});

describe('a query', () => {
  test('finds the verdicts of a batch that was applied', async () => {
    const answer = await query('accept');
    expect(answer).toMatchObject({ outcome: 'answered' });
    expect(answer.outcome === 'answered' && answer.verdicts.map((verdict) => verdict.idemKey)).toEqual(
      outgoingBatch().idemKeys,
    );
  });

  test('asks for the package by name, with the login and nothing else', async () => {
    const server = await start({});
    const platform = await open(`${server.url}/api`);
    await platform.query(outgoingBatch(), never);
    expect(server.requests).toMatchObject([
      {
        method: 'GET',
        path: `/api/batches/${outgoingBatch().batchId}`,
        headers: { authorization: `Bearer ${SECRET}` },
      },
    ]);
    expect(server.requests[0]?.body.length).toBe(0);
  });

  test('finds a batch that was applied although the connection broke before the answer', async () => {
    const server = await start({ answer: 'reset-after-body', query: 'accept' });
    const platform = await open(server.url);
    expect((await platform.send(outgoingBatch(), never)).outcome).toBe('unknown');
    expect((await platform.query(outgoingBatch(), never)).outcome).toBe('answered');
  });

  test('of a batch still in work is received', async () => {
    expect(await query('receive')).toMatchObject({ outcome: 'received', receiptId: expect.stringMatching(/^R-/) });
  });

  test('of a batch that never came is absent', async () => {
    const platform = await open((await start({ answer: 'accept' })).url);
    expect(await platform.query(outgoingBatch(), never)).toMatchObject({
      outcome: 'absent',
      evidence: { status: 404 },
    });
  });

  test('that finds other bytes under our package is a conflict', async () => {
    expect((await query(good(() => ({ bodyDigest: '0'.repeat(64) })))).outcome).toBe('conflict');
  });

  const { batchId } = outgoingBatch();
  test.each<[string, Behaviour]>([
    [
      '404 without the agreed body',
      { status: 404, headers: { 'content-type': 'text/html' }, body: '404 page not found' },
    ],
    ['404 about another package', { status: 404, body: '{"packageId":"another","state":"absent"}' }],
    ['404 in another state', { status: 404, body: JSON.stringify({ packageId: batchId, state: 'lost' }) }],
    ['200 that says absent', { status: 200, body: JSON.stringify({ packageId: batchId, state: 'absent' }) }],
    ['200 with an HTML login page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['200 done with a row missing', good(({ results }) => ({ results: results.slice(1) }))],
    ['200 done with another count', good(() => ({ receivedCount: 499 }))],
    ['200 without a digest', good(() => ({ bodyDigest: '' }))],
    ['200 about another package', good(() => ({ packageId: 'another' }))],
    ['302', { status: 302, headers: { location: '/login' } }],
    ['401', { status: 401 }],
    ['409', { status: 409 }],
    ['500', { status: 500 }],
    ['a reset', 'reset-after-body'],
  ])('%s proves nothing', async (_, behaviour) => {
    expect((await query(behaviour)).outcome).toBe('unknown');
  });

  test('honours Retry-After', async () => {
    const busy = { status: 503, headers: { 'retry-after': '7' } };
    expect(await query(busy)).toMatchObject({ outcome: 'unknown', retryAfterS: 7 });
  });
});
