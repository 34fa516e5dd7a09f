import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HeldRecord, OutgoingBatch, Platform } from '../../src/platform.ts';
import { openPlatform } from '../../src/platforms/index.ts';
import { openPlatform as openFarEnd, type PlatformServer } from '../../src/sandbox/platform-server.ts';
import { temporaryFolder } from '../support/databases.ts';
import { cleanUp } from '../support/hub.ts';
import { outgoingBatch } from '../support/outgoing-batch.ts';

const signal = new AbortController().signal;

async function farEnd(): Promise<{ readonly far: PlatformServer; readonly near: Platform }> {
  const lock = { token: 'a-token-for-this-test' };
  const far = await openFarEnd({
    name: 'far',
    file: join(temporaryFolder(), 'far.db'),
    port: 0,
    lock,
    receipts: 'sync',
  });
  cleanUp(() => far.close());
  return { far, near: await client(far.url) };
}

async function client(url: string): Promise<Platform> {
  const spec = { use: 'http', url, auth: { bearer: 'a-token-for-this-test' }, timeout: 5 } as const;
  const near = await openPlatform(spec, { name: 'credit-sharing', allowedHosts: [], now: () => new Date() });
  cleanUp(() => near.close());
  return near;
}

async function list(near: Platform): Promise<HeldRecord[]> {
  const found: HeldRecord[] = [];
  for await (const held of near.holdings?.(signal) ?? []) found.push(held);
  return found;
}

const send = (near: Platform, batch: OutgoingBatch) => near.send(batch, signal);

test('what a platform holds is listed over several pages, each record once', async () => {
  const { near } = await farEnd();
  await send(near, outgoingBatch(1500));
  const held = await list(near);
  expect(held).toHaveLength(1500);
  expect(held[0]).toMatchObject({
    version: 1,
    operation: 'UPSERT',
    payloadHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('records that the platform called good and did not keep are not in its list', async () => {
  const { far, near } = await farEnd();
  far.setScript({ steps: [{ answer: 'lie', count: 2 }], otherwise: { answer: 'accept' } });
  expect(await send(near, outgoingBatch(500))).toMatchObject({ outcome: 'answered' });
  expect(await list(near)).toHaveLength(498);
});

test.each([
  { answer: 'half', on: 'query' },
  { answer: 'garbage', on: 'query' },
  { answer: 'unauthorised', on: 'query' },
  { answer: 'busy', on: 'query' },
  { answer: 'redirect', on: 'query' },
] as const)('a list that ends in “$answer” is no list', async (step) => {
  const { far, near } = await farEnd();
  await send(near, outgoingBatch(3));
  far.setScript({ steps: [step], otherwise: { answer: 'accept' } });
  await expect(list(near)).rejects.toMatchObject({ code: 'PLATFORM_UNREADABLE' });
});

const KEY = 'ab'.repeat(32);
const row = { recordKey: KEY, dataVersion: 1, op: 'U', payloadHash: KEY };

test.each([
  ['counts more than it lists', { total: 2, rows: [row], next: null }],
  ['lists a record twice', { total: 2, rows: [row, row], next: null }],
  ['goes on behind another record', { total: 2, rows: [row], next: 'ff'.repeat(32) }],
  ['goes on for ever without rows', { total: 2, rows: [], next: KEY }],
  ['has a row without a digest', { total: 1, rows: [{ ...row, payloadHash: undefined }], next: null }],
])('a list that %s is no list', async (_, answer) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  cleanUp(() => server.close());
  const near = await client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await expect(list(near)).rejects.toMatchObject({ code: 'PLATFORM_UNREADABLE' });
});
