import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ferryHeader, headerDigest, openFerry, sealFerry } from '../../src/wire/ferry-package.ts';
import { newSm2Pair } from '../../src/wire/sm2.ts';

const pair = newSm2Pair();
const key = 'ab'.repeat(32);
const head = {
  channel: 'gx-sharing',
  direction: 'out',
  hub: 'hub-a',
  number: 7,
  previous: 'cd'.repeat(32),
  packageId: 'a'.repeat(40),
  contentType: 'application/json; charset=utf-8',
  records: 3,
} as const;
const content = Buffer.from('{"许可":"（桂）字第1号"}');
const trust = { channel: 'gx-sharing', direction: 'out', hub: 'hub-a', key, trust: pair.publicKey } as const;
const seal = (): Buffer => sealFerry({ head, content }, { key, signKey: pair.privateKey });
const codeOf = (opened: ReturnType<typeof openFerry>): string => ('code' in opened ? opened.code : 'good');

test('what was packed comes out again, and nothing of it can be read on the way', () => {
  const bytes = seal();
  const opened = openFerry(bytes, trust);
  expect('content' in opened && opened.content.equals(content)).toBe(true);
  expect('header' in opened && opened.header).toMatchObject(head);
  expect(bytes.includes('许可')).toBe(false);
});

test('the same content under the same number has the same header, so that a lost medium can be written again', () => {
  const [one, two] = [seal(), seal()].map((bytes) => openFerry(bytes, trust));
  expect(one && 'headerDigest' in one && one.headerDigest).toBe(two && 'headerDigest' in two && two.headerDigest);
  expect(headerDigest(ferryHeader({ head, content }, key).header)).toBe(
    one && 'headerDigest' in one && one.headerDigest,
  );
});

test('every changed, lost or added byte is noticed and named', () => {
  const bytes = seal();
  const bodyFrom = bytes.length - ferryHeader({ head, content }, key).cipher.length;
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ bits, at);
      const code = codeOf(openFerry(changed, trust));
      if (at >= bodyFrom) expect(code).toBe('FERRY_ALTERED');
      else expect(['FERRY_UNREADABLE', 'FERRY_FORGED', 'FERRY_FOREIGN']).toContain(code);
    }),
    { numRuns: 60 },
  );
  expect(codeOf(openFerry(bytes.subarray(0, -1), trust))).toBe('FERRY_ALTERED');
  expect(codeOf(openFerry(Buffer.concat([bytes, Buffer.from('x')]), trust))).toBe('FERRY_ALTERED');
  expect(codeOf(openFerry(bytes.subarray(0, 100), trust))).toBe('FERRY_UNREADABLE');
  expect(codeOf(openFerry(Buffer.from('PK\x03\x04'), trust))).toBe('FERRY_UNREADABLE');
  expect(codeOf(openFerry(Buffer.alloc(0), trust))).toBe('FERRY_UNREADABLE');
});

test('another hub, channel or direction, another signer and another shared key are told apart', () => {
  const bytes = seal();
  expect(codeOf(openFerry(bytes, { ...trust, hub: 'hub-b' }))).toBe('FERRY_FOREIGN');
  expect(codeOf(openFerry(bytes, { ...trust, channel: 'gx-publicity' }))).toBe('FERRY_FOREIGN');
  expect(codeOf(openFerry(bytes, { ...trust, direction: 'back' }))).toBe('FERRY_FOREIGN');
  expect(codeOf(openFerry(bytes, { ...trust, trust: newSm2Pair().publicKey }))).toBe('FERRY_FORGED');
  expect(codeOf(openFerry(bytes, { ...trust, key: 'ac'.repeat(32) }))).toBe('FERRY_KEY_WRONG');
});

/** SM4 and SM3 by the examples of GB/T 32907 and GB/T 32905, through the same library calls. */
test('SM3 and SM4 are those of the standards', async () => {
  const { createCipheriv, createHash } = await import('node:crypto');
  expect(createHash('sm3').update('abc').digest('hex')).toBe(
    '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0',
  );
  const block = Buffer.from('0123456789abcdeffedcba9876543210', 'hex');
  const cipher = createCipheriv('sm4-ecb', block, null).setAutoPadding(false);
  expect(cipher.update(block).toString('hex')).toBe('681edf34d206965e86b3e94f536e4246');
});
