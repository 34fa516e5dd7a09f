import { createServer, type RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HardenedHttp, hardenedHttp } from '../../src/hardened-http.ts';
import { allowedHosts } from '../../src/wire/allowed-hosts.ts';
import { exchangeHeaders } from '../../src/wire/exchange-sign.ts';
import { type Listening, listen } from './server.ts';

const answers: { readonly [path: string]: RequestListener } = {
  '/redirect': (_, answer) => answer.writeHead(302, { location: '/echo' }).end(),
  '/bomb': (_, answer) => answer.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(6_000_000))),
  '/drip': (request, answer) => {
    const timer = setInterval(() => answer.write('x'), 50);
    request.socket.on('close', () => clearInterval(timer));
  },
  '/half': (request, answer) => {
    answer.writeHead(200, { 'content-length': '100' });
    answer.write('half', () => request.socket.destroy());
  },
  '/reset': (request) => request.socket.destroy(),
  '/echo': (request, answer) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer.end(`${request.method} ${Buffer.concat(chunks).toString('hex')}`));
  },
};

describe('the hardened HTTP client', () => {
  let server: Listening;
  let http: HardenedHttp;
  const ask = (url: string, body?: Uint8Array) =>
    http.request({
      method: body === undefined ? 'GET' : 'POST',
      url,
      headers: { Authorization: 'Bearer CANARY-1234' },
      signal: new AbortController().signal,
      ...(body === undefined ? {} : { body }),
    });
  beforeEach(async () => {
    server = await listen(createServer((request, answer) => answers[request.url ?? '']?.(request, answer)));
    http = hardenedHttp({ allowed: allowedHosts(['127.0.0.1']), timeoutS: 1, maxAnswerBytes: 1_000_000 });
  });
  afterEach(async () => {
    http.close();
    await server.close();
  });

  it('sends the exact bytes and never follows a redirect (T1)', async () => {
    const echo = await ask(`${server.url}/echo`, Buffer.from([0, 255, 10]));
    expect(echo.outcome === 'answer' && Buffer.from(echo.body).toString()).toBe('POST 00ff0a');
    expect(await ask(`${server.url}/redirect`, Buffer.from('x'))).toMatchObject({ outcome: 'answer', status: 302 });
  });

  it('ends at its total deadline although bytes keep dripping (T3)', async () => {
    expect(await ask(`${server.url}/drip`)).toMatchObject({ outcome: 'failure', kind: 'timeout', sent: true });
  });

  it('stops a compressed bomb (T4)', async () => {
    expect(await ask(`${server.url}/bomb`)).toMatchObject({ outcome: 'failure', kind: 'too-large', sent: true });
  });

  it('tells what was sent from what never left', async () => {
    expect(await ask(`${server.url}/half`)).toMatchObject({ kind: 'cut-off', sent: true });
    expect(await ask(`${server.url}/reset`, Buffer.from('x'))).toMatchObject({ kind: 'cut-off', sent: true });
    await server.close();
    expect(await ask(`${server.url}/echo`)).toMatchObject({ kind: 'connect', sent: false });
  });

  it('gives away no secret in any failure (T5)', async () => {
    const failures = [
      await ask(`${server.url}/half?token=CANARY-1234`),
      await ask(`${server.url}/drip`),
      await ask('http://10.0.0.1/?k=CANARY-1234'),
    ];
    expect(failures.every((failure) => failure.outcome === 'failure')).toBe(true);
    expect(inspect(failures, { depth: 10, showHidden: true }) + JSON.stringify(failures)).not.toContain('CANARY');
  });

  it('connects only where it is allowed, in any spelling (S24)', async () => {
    const port = new URL(server.url).port;
    const refused = [
      'http://169.254.169.254/',
      `http://localhost:${port}/echo`,
      `http://[::1]:${port}/`,
      'http://u@127.0.0.1/',
      'file:///etc/passwd',
      'gopher://127.0.0.1/',
    ];
    for (const url of refused) expect(await ask(url), url).toMatchObject({ kind: 'host-refused', sent: false });
    for (const host of ['127.1', '2130706433', '0x7f.1'])
      expect(await ask(`http://${host}:${port}/echo`), host).toMatchObject({ status: 200 });
  });

  it('ignores a proxy in the environment (S26)', async () => {
    vi.stubEnv('HTTP_PROXY', 'http://127.0.0.1:9');
    vi.stubEnv('http_proxy', 'http://127.0.0.1:9');
    try {
      expect(await ask(`${server.url}/echo`)).toMatchObject({ status: 200 });
    } finally {
      vi.unstubAllEnvs();
    }
  });
});

describe('the allow-list', () => {
  it('checks the resolved address: a name that now points to loopback or link-local is refused', () => {
    const allowed = allowedHosts(['bureau.gov.cn', '10.1.0.0/16', '[fd00::1]:8443']);
    expect(allowed.allowsAddress('10.9.9.9', 'bureau.gov.cn', 80)).toBe(true);
    expect(allowed.allowsAddress('127.0.0.1', 'bureau.gov.cn', 80)).toBe(false);
    expect(allowed.allowsAddress('::ffff:7f00:1', 'bureau.gov.cn', 80)).toBe(false);
    expect(allowed.allowsAddress('169.254.169.254', 'bureau.gov.cn', 80)).toBe(false);
    expect(allowed.allowsName('10.1.2.3', 22)).toBe(true);
    expect(allowed.allowsName('10.2.0.1', 80)).toBe(false);
    expect(allowed.allowsName('fd00::1', 8443)).toBe(true);
    expect(allowed.allowsName('fd00::1', 443)).toBe(false);
  });
});

describe('the exchange signature', () => {
  it('equals the known vector', () => {
    const identity = {
      requesterId: '7f0c0000-0000-4000-8000-000000000001',
      serviceId: 's_4500000000000_0001',
      secret: '0123456789abcdef0123456789abcdef',
    };
    expect(exchangeHeaders(identity, new Date(1_700_000_000_000))).toEqual({
      gjgxjhpt_rid: identity.requesterId,
      gjgxjhpt_sid: identity.serviceId,
      gjgxjhpt_rtime: '1700000000000',
      gjgxjhpt_sign: '3Syd9jdHLgY68/Zx2WKfcozU6DKy1hgpsxcT7ZKpwpM=',
    });
  });
});
