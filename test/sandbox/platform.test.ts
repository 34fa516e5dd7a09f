import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openPlatform, type PlatformServer } from '../../src/sandbox/platform-server.ts';
import type { Script, Step } from '../../src/sandbox/script.ts';

const TOKEN = 'test-token';

interface Wish {
  readonly receipts?: 'sync' | 'async';
  readonly script?: Script;
  readonly file?: string;
}

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'hub-platform-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

async function platform({
  receipts = 'sync',
  script,
  file = join(folder(), 'p.db'),
}: Wish = {}): Promise<PlatformServer> {
  const opened = await openPlatform({
    name: 'credit-test',
    file,
    port: 0,
    lock: { token: TOKEN },
    receipts,
    ...(script && { script }),
  });
  onTestFinished(() => opened.close());
  return opened;
}

const playing = (answer: Step['answer'], more: Partial<Step> = {}): Script => ({
  steps: [{ answer, ...more }],
  otherwise: { answer: 'accept' },
});

const hex = (text: string): string => createHash('sha256').update(text).digest('hex');
const key40 = (text: string): string =>
  hex(text)
    .replace(/[0189]/g, 'a')
    .slice(0, 40);

function record(name: string, version = 1, data: { readonly [field: string]: string } = { MC: name }): object {
  const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  const payloadHash = hex(JSON.stringify(sorted));
  return { rowId: key40(`${name}/${version}`), recordKey: hex(name), dataVersion: version, op: 'U', payloadHash, data };
}

function bodyOf(packageId: string, records: readonly object[]): string {
  const ops = records.map((one) => (one as { op: 'U' | 'D' }).op);
  const opCounts = { U: ops.filter((op) => op === 'U').length, D: ops.filter((op) => op === 'D').length };
  return JSON.stringify({
    header: { packageId, version: '1', dataClass: 'XK_FR', recordCount: records.length, opCounts },
    records,
  });
}

function submit(
  { url }: PlatformServer,
  packageId: string,
  body: string,
  headers: { readonly [name: string]: string } = {},
  patienceMs = 3000,
): Promise<Response> {
  const digest = createHash('sha256').update(body).digest('base64');
  return fetch(`${url}/batches`, {
    method: 'POST',
    redirect: 'manual',
    signal: AbortSignal.timeout(patienceMs),
    headers: {
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': packageId,
      'content-digest': `sha-256=:${digest}:`,
      ...headers,
    },
    body,
  });
}

const query = ({ url }: PlatformServer, packageId: string): Promise<Response> =>
  fetch(`${url}/batches/${packageId}`, { headers: { authorization: `Bearer ${TOKEN}` } });

const P1 = key40('package one');
const P2 = key40('package two');
const TWO = bodyOf(P1, [record('甲'), record('乙')]);

describe('a platform that keeps the contract', () => {
  it('answers each record of a batch and holds what it accepted', async () => {
    const far = await platform();
    const response = await submit(far, P1, TWO);
    const answer = await response.json();
    expect(response.status).toBe(200);
    expect(answer).toMatchObject({
      packageId: P1,
      receivedCount: 2,
      results: [{ resultCode: 'OK' }, { resultCode: 'OK' }],
    });
    expect(far.books.held().map(({ data }) => data)).toEqual(expect.arrayContaining([{ MC: '甲' }, { MC: '乙' }]));
  });

  it('answers the same package alike and has one effect', async () => {
    const far = await platform();
    const first = await (await submit(far, P1, TWO)).json();
    expect(await (await submit(far, P1, TWO)).json()).toEqual(first);
    expect(far.books.effects().map(({ applied }) => applied)).toEqual([1, 1]);
  });

  it('calls a known row in another package a duplicate and has one effect', async () => {
    const far = await platform();
    await submit(far, P1, TWO);
    const answer = await (await submit(far, P2, bodyOf(P2, [record('甲')]))).json();
    expect(answer).toMatchObject({ results: [{ resultCode: 'DUPLICATE' }] });
    expect(far.books.effects().find(({ rowId }) => rowId === key40('甲/1'))).toMatchObject({ applied: 1, seen: 2 });
  });

  it('refuses a package id, or a row id, that comes back with other content', async () => {
    const far = await platform();
    await submit(far, P1, TWO);
    const samePackage = await submit(far, P1, bodyOf(P1, [record('丙')]));
    const sameRow = await submit(far, P2, bodyOf(P2, [record('甲', 1, { MC: '改过' })]));
    expect([samePackage.status, sameRow.status]).toEqual([422, 422]);
    expect(await sameRow.json()).toMatchObject({ resultCode: 'KEY_REUSED' });
    expect(far.books.counts().held).toBe(2);
  });

  it('answers the same version with the same content, under another key, as a repetition', async () => {
    const far = await platform();
    await submit(far, P1, bodyOf(P1, [record('甲', 1, { MC: '名' })]));
    const again = { ...record('甲', 1, { MC: '名' }), rowId: 'b'.repeat(40) };
    const answer = await (await submit(far, P2, bodyOf(P2, [again]))).json();
    expect(answer).toMatchObject({ results: [{ resultCode: 'DUPLICATE' }] });
  });

  it('never lets an older version overwrite a newer one', async () => {
    const far = await platform();
    await submit(far, P1, bodyOf(P1, [record('甲', 2, { MC: '新' })]));
    const answer = await (await submit(far, P2, bodyOf(P2, [record('甲', 1, { MC: '旧' })]))).json();
    expect(answer).toMatchObject({ results: [{ resultCode: 'OLD_VERSION' }] });
    expect(far.books.held()).toMatchObject([{ dataVersion: 2, data: { MC: '新' } }]);
  });

  it('takes a withdrawal out of view', async () => {
    const far = await platform();
    await submit(far, P1, bodyOf(P1, [record('甲')]));
    await submit(far, P2, bodyOf(P2, [{ ...record('甲', 2), op: 'D' }]));
    expect(far.books.counts()).toMatchObject({ held: 0, withdrawn: 1 });
  });

  it.each([
    ['a wrong token', 401, TWO, { authorization: 'Bearer other' }],
    ['a digest of other bytes', 400, TWO, { 'content-digest': 'sha-256=:AAAA:' }],
    ['another idempotency key', 400, TWO, { 'idempotency-key': P2 }],
    ['another content type', 415, TWO, { 'content-type': 'text/plain' }],
    ['a wrong count', 400, TWO.replace('"recordCount":2', '"recordCount":3'), {}],
    ['a wrong payload hash', 400, TWO.replace('甲', '申'), {}],
    ['one record twice', 400, bodyOf(P1, [record('甲'), record('甲', 2)]), {}],
    ['half a body', 400, TWO.slice(0, 100), {}],
  ])('refuses %s and stores nothing', async (_, status, body, headers) => {
    const far = await platform();
    expect((await submit(far, P1, body, headers)).status).toBe(status);
    expect(far.books.counts()).toMatchObject({ held: 0, packages: 0, requests: 1 });
  });

  it('checks the header scheme by its own arithmetic', async () => {
    const lock = { requesterId: 'rid', serviceId: 'sid', secret: 'secret' };
    const far = await openPlatform({ name: 'signed', file: join(folder(), 'p.db'), port: 0, lock, receipts: 'sync' });
    onTestFinished(() => far.close());
    const time = String(Date.now());
    const sign = createHmac('sha256', 'secret').update(`sidrid${time}`).digest('base64');
    const headers = { gjgxjhpt_rid: 'rid', gjgxjhpt_sid: 'sid', gjgxjhpt_rtime: time, gjgxjhpt_sign: sign };
    expect((await submit(far, P1, TWO, headers)).status).toBe(200);
    expect((await submit(far, P1, TWO, { ...headers, gjgxjhpt_rtime: String(Number(time) + 1) })).status).toBe(401);
    const old = String(Date.now() - 3_600_000);
    const oldSign = createHmac('sha256', 'secret').update(`sidrid${old}`).digest('base64');
    expect((await submit(far, P1, TWO, { ...headers, gjgxjhpt_rtime: old, gjgxjhpt_sign: oldSign })).status).toBe(401);
  });

  it('answers asynchronously: taken, then processing, then done', async () => {
    const far = await platform({ receipts: 'async' });
    const taken = await submit(far, P1, TWO);
    expect(taken.status).toBe(202);
    expect(await taken.json()).not.toHaveProperty('results');
    expect(await (await query(far, P1)).json()).toMatchObject({ state: 'processing', results: [] });
    expect(await (await query(far, P1)).json()).toMatchObject({
      state: 'done',
      bodyDigest: hex(TWO),
      results: [{}, {}],
    });
  });

  it('says in JSON that it does not know a package', async () => {
    const response = await query(await platform(), P1);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ packageId: P1, state: 'absent' });
  });

  it('writes down every request with the digest of its body', async () => {
    const far = await platform();
    await submit(far, P1, TWO);
    await query(far, P1);
    expect(far.books.requests()).toMatchObject([
      { method: 'POST', idempotencyKey: P1, bodyDigest: hex(TWO), status: 200, answer: 'accept' },
      { method: 'GET', path: `/batches/${P1}`, status: 200 },
    ]);
  });

  it('remembers after a restart what it held, answered and had still to play', async () => {
    const file = join(folder(), 'p.db');
    const before = await openPlatform({
      name: 'credit-test',
      file,
      port: 0,
      lock: { token: TOKEN },
      receipts: 'sync',
      script: { steps: [{ answer: 'accept' }, { answer: 'busy' }], otherwise: { answer: 'accept' } },
    });
    const first = await (await submit(before, P1, TWO)).json();
    await before.close();
    const after = await platform({ file });
    expect((await submit(after, P1, TWO)).status).toBe(503);
    expect(await (await submit(after, P1, TWO)).json()).toEqual(first);
    expect(after.books.effects().map(({ applied }) => applied)).toEqual([1, 1]);
  });
});

describe('a platform with a script', () => {
  it('loses: keeps the batch and resets the connection before the answer', async () => {
    const far = await platform({ script: playing('lose') });
    await expect(submit(far, P1, TWO)).rejects.toThrow('fetch failed');
    expect(far.books.counts().held).toBe(2);
    expect((await (await query(far, P1)).json()) as object).toMatchObject({ state: 'done', bodyDigest: hex(TWO) });
  });

  it('drops: resets the connection and keeps nothing', async () => {
    const far = await platform({ script: playing('drop') });
    await expect(submit(far, P1, TWO)).rejects.toThrow('fetch failed');
    expect(far.books.counts()).toMatchObject({ held: 0, requests: 1 });
    expect((await submit(far, P1, TWO)).status).toBe(200);
  });

  it('hangs: never answers', async () => {
    const far = await platform({ script: playing('hang') });
    await expect(submit(far, P1, TWO, {}, 300)).rejects.toThrow(/timeout/);
    expect(far.books.counts().held).toBe(0);
  });

  it('is busy and says for how long', async () => {
    const response = await submit(await platform({ script: playing('busy', { retryAfter: 7 }) }), P1, TWO);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '7']);
  });

  it('talks garbage: HTML with status 200', async () => {
    const response = await submit(await platform({ script: playing('garbage') }), P1, TWO);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  });

  it('gives half an answer after keeping the batch', async () => {
    const far = await platform({ script: playing('half') });
    await expect(submit(far, P1, TWO).then((response) => response.text())).rejects.toThrow();
    expect(far.books.counts().held).toBe(2);
  });

  it('lies: calls records OK that it does not keep', async () => {
    const far = await platform({ script: playing('lie', { count: 1 }) });
    expect(await (await submit(far, P1, TWO)).json()).toMatchObject({
      results: [{ resultCode: 'OK' }, { resultCode: 'OK' }],
    });
    expect(far.books.counts().held).toBe(1);
  });

  it('refuses a whole batch only when the poison is inside', async () => {
    const far = await platform({
      script: { steps: [], otherwise: { answer: 'refuse', poison: { field: 'MC', contains: '乙' } } },
    });
    expect((await submit(far, P1, TWO)).status).toBe(400);
    expect((await submit(far, P2, bodyOf(P2, [record('甲')]))).status).toBe(200);
    expect(far.books.counts().held).toBe(1);
  });

  it('rejects the records that a rule means and keeps the others', async () => {
    const rules = [{ field: 'MC', values: ['乙'], code: 'NAME_MISMATCH' }];
    const far = await platform({ script: playing('reject', { rules }) });
    const answer = await (await submit(far, P1, TWO)).json();
    expect(answer).toMatchObject({ results: [{ resultCode: 'OK' }, { resultCode: 'NAME_MISMATCH' }] });
    expect(far.books.counts().held).toBe(1);
  });

  it('rejects a share of the records', async () => {
    const far = await platform({ script: playing('reject', { ratio: 0.5 }) });
    const many = Array.from({ length: 200 }, (_, i) => record(`第${i}条`));
    await submit(far, P1, bodyOf(P1, many));
    expect(far.books.counts().held).toBeGreaterThan(70);
    expect(far.books.counts().held).toBeLessThan(130);
  });

  it('redirects', async () => {
    expect((await submit(await platform({ script: playing('redirect') }), P1, TWO)).status).toBe(302);
  });

  it('answers late', async () => {
    const far = await platform({ script: playing('delay', { ms: 60 }) });
    const before = performance.now();
    expect((await submit(far, P1, TWO)).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThan(50);
  });

  it('plays its steps in order, each as often as it says, and queries apart from submits', async () => {
    const steps: Step[] = [
      { answer: 'busy', times: 2 },
      { answer: 'unauthorised', on: 'query' },
      { answer: 'redirect' },
    ];
    const far = await platform({ script: { steps, otherwise: { answer: 'accept' } } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await submit(far, P1, TWO)).status);
    expect(statuses).toEqual([503, 503, 302, 200]);
    expect((await query(far, P1)).status).toBe(401);
    expect((await query(far, P1)).status).toBe(200);
  });
});
