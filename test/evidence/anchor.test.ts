import { describe, expect, test } from 'vitest';
import { verifyLog } from '../../src/evidence/verify-log.ts';
import { newestAnchor } from '../../src/store/checkpoints.ts';
import { bench, rows } from '../audit/bench.ts';
import { signHead, testSigner } from '../audit/signed.ts';
import { databases } from '../support/databases.ts';

describe('the slot that a platform names for the checkpoint', () => {
  const url = async (): Promise<string> => (await databases[0]?.url()) ?? '';
  const header = 'x-zhengxin-checkpoint';
  const noteIn = (value: string | string[] | undefined): string => Buffer.from(String(value), 'base64').toString();

  test('holds the newest signed head, outside body, digest and batch id, and that is an anchor', async () => {
    const b = await bench(await url(), { anchor: { header: 'X-Zhengxin-Checkpoint' } });
    const { db } = b.hub;
    await b.take(...rows(1, 2));
    await b.push();
    expect(b.requests.map(({ headers }) => headers[header])).toEqual([undefined]);
    expect(await newestAnchor(db)).toBeUndefined();
    const size = await signHead(db);
    await b.take(...rows(3, 4));
    await b.push();
    const [, second] = b.requests;
    const { note } = await db('checkpoints').first();
    expect(noteIn(second?.headers[header])).toBe(note);
    expect(second?.body.includes(String(second.headers[header]))).toBe(false);
    expect(await newestAnchor(db)).toMatchObject({ kind: 'platform', place: 'credit-sharing', size });
    const against = noteIn(second?.headers[header]);
    const options = { now: new Date('2026-11-27T02:00:00Z'), keys: [testSigner()], against };
    await signHead(db);
    expect((await verifyLog(db, options)).findings).toEqual([]);
  });

  test('is no anchor where the platform did not take the batch, and stays empty where no slot is named', async () => {
    const b = await bench(await url(), { anchor: { header: 'X-Zhengxin-Checkpoint' } });
    await b.take(...rows(1, 1));
    await signHead(b.hub.db);
    b.script.push({ status: 401 });
    await b.push();
    expect(b.requests[0]?.headers[header]).toBeDefined();
    expect(await newestAnchor(b.hub.db)).toBeUndefined();
    const plain = await bench(await url(), {});
    await plain.take(...rows(1, 1));
    await signHead(plain.hub.db);
    await plain.push();
    expect(plain.requests[0]?.headers[header]).toBeUndefined();
    expect(await newestAnchor(plain.hub.db)).toBeUndefined();
  });
});
