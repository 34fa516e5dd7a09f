import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { sm2 } from 'sm-crypto-v2';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Platform } from '../../src/platform.ts';
import type { AnswerSpec, HttpPlatformSpec } from '../../src/platform-spec.ts';
import { openPlatform, wireFormOf } from '../../src/platforms/index.ts';
import { templateForm } from '../../src/wire/body-template.ts';
import { licence, sealedBatch } from '../support/outgoing-batch.ts';
import { platformServer } from '../support/platform-server.ts';
import { httpFarEnd } from './http-far-end.ts';
import { PASSWORD, soapDialect, soapSpec } from './soap-dialect.ts';

const never = new AbortController().signal;
const NOW = new Date('2026-11-27T10:00:00Z');

async function open(spec: HttpPlatformSpec): Promise<Platform> {
  const platform = await openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => NOW });
  onTestFinished(() => platform.close());
  return platform;
}

describe('a body from a template', () => {
  const header = { packageId: 'p', dataClass: 'XK_FR', layoutVersion: 'L', sender: { code: '11', name: '局<&>' } };
  const record = (data: object) => ({
    ...{ rowId: 'r1', recordKey: 'k', dataVersion: 2, op: 'U' as const, payloadHash: 'h' },
    data: JSON.stringify(data),
  });
  const written = async (template: Parameters<typeof templateForm>[0], data: object = { A: '甲' }) =>
    Buffer.from(await templateForm(template).render(header, [record(data)])).toString('utf8');

  test('keeps the types of JSON and leaves out what a record lacks', async () => {
    const json = {
      n: '{recordCount}',
      v: '{dataVersion}',
      name: '{senderName}',
      none: '{data.B}',
      text: 'v{dataVersion}/{data.B}',
      rows: { $each: 'records', id: '{rowId}', $data: 'all' },
    };
    expect(JSON.parse(await written({ json }, { A: '甲', N: 1.5, Z: null }))).toEqual({
      ...{ n: 1, v: 2, name: '局<&>', text: 'v2/' },
      rows: [{ id: 'r1', A: '甲', N: 1.5, Z: null }],
    });
  });

  test('escapes everything in XML, attributes and inner documents too', async () => {
    const xml = {
      a: { '@s': '{senderName}"', b: '{data.A}', inner: { $xml: { c: '{data.A}' } }, list: ['1', '2'], empty: '' },
    };
    expect(await written({ xml }, { A: ']]>\r\n<&' })).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<a s="局&lt;&amp;&gt;&quot;"><b>]]&gt;&#13;\n&lt;&amp;</b>' +
        '<inner>&lt;c&gt;]]&amp;gt;&amp;#13;\n&amp;lt;&amp;amp;&lt;/c&gt;</inner><list>1</list><list>2</list><empty/></a>',
    );
  });

  test('never reads what it filled in, and braces can be written', async () => {
    expect(await written({ json: { a: '{{x}} {data.A}' } }, { A: '{rowId} {{' })).toBe('{"a":"{x} {rowId} {{"}');
  });

  test('is the same bytes for the same records', async () => {
    const wire = wireFormOf(soapSpec('http://127.0.0.1:1'));
    const [a, b] = [await sealedBatch({ wire }), await sealedBatch({ wire })];
    expect(a.bodyDigest).toBe(b.bodyDigest);
  });

  test('in XML cannot carry control characters, and says so before anything is written', () => {
    const { carries } = templateForm({ xml: { a: '{data.A}' } });
    expect(carries?.(JSON.stringify(licence(1)))).toBe(true);
    expect(carries?.(JSON.stringify({ A: 'x\u0001' }))).toBe(false);
    expect(carries?.(JSON.stringify({ A: '\ufffe' }))).toBe(false);
  });
});

describe('a token login', () => {
  async function start(change: Partial<HttpPlatformSpec> = {}, faults = false) {
    const dialect = soapDialect({ faults });
    const far = await httpFarEnd(dialect, (url) => soapSpec(url, change));
    const platform = await far.open();
    onTestFinished(() => platform.close());
    const batch = await sealedBatch({ wire: wireFormOf(far.spec) });
    return { dialect, far, platform, batch };
  }

  test('is made once for many batches', async () => {
    const { dialect, platform, far } = await start();
    const batches = await Promise.all([0, 10, 20].map((first) => sealedBatch({ wire: wireFormOf(far.spec), first })));
    await Promise.all(batches.map((batch) => platform.send(batch, never)));
    expect(dialect.logins()).toBe(1);
  });

  test.each([
    ['by a result code', false],
    ['by a SOAP fault under status 500', true],
  ])('that expired, told %s, is made anew, and the same bytes arrive once', async (_, faults) => {
    const { dialect, platform, far, batch } = await start({}, faults);
    await platform.query(batch, never);
    dialect.expire();
    expect((await platform.send(batch, never)).outcome).toBe('answered');
    expect(dialect.logins()).toBe(2);
    expect((await far.held()).map(({ times }) => times)).toEqual([1, 1, 1]);
  });

  test('that is refused calls a person, sends nothing, and prints neither password nor token', async () => {
    const wrong = `${PASSWORD}-old`;
    const login = { path: '/login', body: { xml: { login: { userName: 'x', passWord: wrong } } } };
    const { platform, far, batch } = await start({
      login: { ...login, code: 'login/code', good: ['200'], token: 'login/token' },
    });
    const answer = await platform.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent', page: true, reason: expect.stringContaining('登录被拒') });
    expect(inspect(answer, { depth: 9 })).not.toContain(PASSWORD);
    expect(await far.held()).toEqual([]);
  });

  test('that never holds does not go round for ever', async () => {
    const { dialect, platform, batch } = await start({
      submit: { path: '/exchange', headers: { token: 'not-the-token', serviceId: 'XK_FR_PUSH' } },
    });
    const answer = await platform.send(batch, never);
    expect(answer).toMatchObject({ outcome: 'not-sent', page: true });
    expect(dialect.logins()).toBe(2);
    expect(inspect(answer, { depth: 9 })).not.toContain('canary');
  });
});

/** A platform that says the same to everything. */
async function answering(
  type: string,
  body: string,
  change: Partial<HttpPlatformSpec>,
  status = 200,
): Promise<HttpPlatformSpec> {
  const far = await httpFarEnd({ isSubmit: () => true, answer: () => ({ status, type, body }) }, (url) => ({
    ...{ use: 'http', url, query: 'none', timeout: 5 },
    ...change,
  }));
  return far.spec as HttpPlatformSpec;
}

const { batchId: id } = await sealedBatch();

describe('an answer by configuration', () => {
  const answer: AnswerSpec = {
    code: '/code',
    message: '/msg',
    echo: '/id',
    codes: { accepted: ['0'], received: ['1'], rejected: ['4'], refused: ['5'], conflict: ['9'], notProcessed: ['-5'] },
    results: { at: '/bad', row: '/no', code: '/why', message: '/text', accepted: ['none'], lists: 'rejected' },
  };
  const body = { json: { id: '{packageId}', rows: { $each: 'records', $data: 'all' } } } as const;

  async function send(reply: object | string, count = 3, change: Partial<HttpPlatformSpec> = {}) {
    const text = typeof reply === 'string' ? reply : JSON.stringify(reply);
    const spec = await answering('application/json', text, { body, answer, ...change });
    const batch = await sealedBatch({ count, wire: wireFormOf(spec) });
    return { answer: await (await open(spec)).send(batch, never), batch };
  }

  test.each<[string, object | string, string]>([
    ['its code for accepted', { code: 0, id, bad: [] }, 'answered'],
    ['its code for received', { code: '1', id }, 'received'],
    ['its code for a refused batch', { code: '5', id, msg: '格式' }, 'refused'],
    ['a rejection of more than one record', { code: '4', id }, 'refused'],
    ['its code for other content', { code: '9' }, 'conflict'],
    ['its code for “not processed”', { code: -5 }, 'not-sent'],
    ['a code that stands nowhere', { code: '7', id }, 'unknown'],
    ['no code', { id }, 'unknown'],
    ['accepted, about another package', { code: '0', id: 'other', bad: [] }, 'unknown'],
    ['accepted, without the list', { code: '0', id }, 'unknown'],
    ['accepted, with a row that is none of ours', { code: '0', id, bad: [{ no: 7, why: 'X' }] }, 'unknown'],
    [
      'accepted, with a row twice',
      {
        code: '0',
        id,
        bad: [
          { no: 1, why: 'X' },
          { no: 1, why: 'X' },
        ],
      },
      'unknown',
    ],
    ['“OK”', '"OK"', 'unknown'],
    ['an inherited member as code', { id, __proto__: { code: '0' } }, 'unknown'],
    ['nothing', '', 'unknown'],
  ])('%s', async (_, reply, outcome) => {
    expect((await send(reply)).answer.outcome).toBe(outcome);
  });

  test('names the bad rows only, by number', async () => {
    const { answer: told, batch } = await send({ code: '0', id, bad: [{ no: 2, why: 'LATE', text: '迟报' }] });
    expect(told).toMatchObject({
      verdicts: [
        { idemKey: batch.idemKeys[0], outcome: 'accepted' },
        { idemKey: batch.idemKeys[1], outcome: 'rejected', code: 'LATE', reason: '迟报' },
        { idemKey: batch.idemKeys[2], outcome: 'accepted' },
      ],
    });
  });

  test('of one record per request rejects that record', async () => {
    const one = { id: '{rowUuid}', $data: 'all' };
    const { results: _, echo: __, ...single } = answer;
    const { answer: told } = await send({ code: '4', msg: '主体不存在' }, 1, {
      body: { json: one },
      batchSize: 1,
      answer: single,
    });
    expect(told).toMatchObject({
      outcome: 'answered',
      verdicts: [{ outcome: 'rejected', code: '4', reason: '主体不存在' }],
    });
  });

  test('XML with a DOCTYPE proves nothing', async () => {
    const xml = '<!DOCTYPE r [<!ENTITY a "0">]><r><code>&a;</code></r>';
    const read: AnswerSpec = { form: 'xml', code: 'r/code', codes: { accepted: ['0'] } };
    const spec = await answering('text/xml', xml, { body, answer: read });
    const told = await (await open(spec)).send(await sealedBatch({ wire: wireFormOf(spec) }), never);
    expect(told).toMatchObject({ outcome: 'unknown', reason: expect.stringContaining('DOCTYPE') });
  });

  test.each([
    ['another fault', '<e><Fault><faultstring>kaputt</faultstring></Fault></e>'],
    ['a fault that says accepted', '<e><Fault><faultstring>0</faultstring></Fault></e>'],
    ['an accepted answer', '<e><code>0</code></e>'],
  ])('status 500 with %s is unknown', async (__, xml) => {
    const read: AnswerSpec = { form: 'xml', code: 'e/code', fault: 'e/Fault/faultstring', codes: { accepted: ['0'] } };
    const spec = await answering('text/xml', xml, { body, answer: read }, 500);
    const told = await (await open(spec)).send(await sealedBatch({ wire: wireFormOf(spec) }), never);
    expect(told.outcome).toBe('unknown');
  });

  test('where nothing can be asked, only a promise of one effect allows a resend', async () => {
    const batch = await sealedBatch();
    const spec: HttpPlatformSpec = { use: 'http', url: 'http://127.0.0.1:1', body, answer, query: 'none' };
    expect((await (await open({ ...spec, idempotent: true })).query(batch, never)).outcome).toBe('absent');
    expect((await (await open({ ...spec, idempotent: false })).query(batch, never)).outcome).toBe('unknown');
  });
});

describe('signed parameters', () => {
  test('travel in headers or in the query, with time, nonce and the body’s digest', async () => {
    const server = await platformServer();
    onTestFinished(() => server.close());
    const { privateKey, publicKey } = sm2.generateKeyPairHex();
    const params = { appId: 'gx', timestamp: '{timestamp}', nonce: '{nonce}', digest: '{bodyDigest}' };
    const base = { use: 'sorted-params', params, as: 'x-sign' } as const;
    const batch = await sealedBatch();
    const byHeader: HttpPlatformSpec = {
      use: 'http',
      url: server.url,
      sign: { ...base, algorithm: 'sm2', privateKey, into: 'headers', encoding: 'hex' },
    };
    const byQuery: HttpPlatformSpec = {
      use: 'http',
      url: server.url,
      sign: { ...base, algorithm: 'hmac-sm3', secret: 'canary-sm3', into: 'query' },
    };
    expect((await (await open(byHeader)).send(batch, never)).outcome).toBe('answered');
    expect((await (await open(byQuery)).send(batch, never)).outcome).toBe('answered');
    const [first, second] = server.requests;
    const text = (nonce: unknown) => `appId=gx&digest=${batch.bodyDigest}&nonce=${nonce}&timestamp=${NOW.getTime()}`;
    const signature = String(first?.headers['x-sign']);
    const told = { hash: true, userId: '1234567812345678' };
    expect(sm2.doVerifySignature(text(first?.headers['nonce']), signature, publicKey, told)).toBe(true);
    const query = new URL(second?.path ?? '', server.url).searchParams;
    const mac = createHmac('sm3', 'canary-sm3')
      .update(text(query.get('nonce')))
      .digest('hex')
      .toUpperCase();
    expect(query.get('x-sign')).toBe(mac);
    expect(query.get('nonce')).toMatch(/^[0-9a-f]{32}$/);
    expect(query.get('nonce')).not.toBe(first?.headers['nonce']);
  });
});
