import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base32, canonicalJson, sha256Bytes } from '../../src/canonical.ts';
import { batchId, idemKey } from '../../src/delivery/delivery-key.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 30 });
const recordKeyHex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const identity = fc.record({
  hubId: text,
  platform: text,
  recordKeyHex,
  version: fc.integer({ min: 1, max: 1e9 }),
  rendition: fc.integer({ min: 1, max: 99 }),
});

describe('the idem key', () => {
  // Computed with Python: base64.b32encode(hashlib.sha256(json.dumps([...], separators=(',',':'), ensure_ascii=False))).
  const one = {
    hubId: 'gx-hub',
    platform: 'credit-sharing',
    recordKeyHex: `${'00'.repeat(31)}01`,
    version: 1,
    rendition: 1,
  };
  test.each([
    [one, 'b7ecn6sf32byjiemnlkvs3sl7cixmoguz43huxsy'],
    [{ ...one, platform: 'credit-publicity', version: 12, rendition: 2 }, 'w2y74kak7vaewdcrkw42dzszoyjunu3aus3576dv'],
    [
      { hubId: '中"心', platform: 'p\\q', recordKeyHex: 'ff'.repeat(32), version: 3, rendition: 1 },
      'bvljeofmagusr3iaw5kxnldkr4cpfj7rfdrrvqjt',
    ],
  ])('agrees with a vector made by another program (%#)', (of, key) => {
    expect(idemKey(of)).toBe(key);
  });

  test('is the same as by the general canonical JSON', () => {
    fc.assert(
      fc.property(identity, (of) => {
        const parts = ['hub-idem-v1', of.hubId, of.platform, of.recordKeyHex, of.version, of.rendition];
        expect(idemKey(of)).toBe(base32(sha256Bytes(canonicalJson(parts))).slice(0, 40));
      }),
    );
  });

  test('changes with every part of the identity', () => {
    const others = [
      { hubId: 'x' },
      { platform: 'x' },
      { recordKeyHex: 'ab'.repeat(32) },
      { version: 2 },
      { rendition: 2 },
    ];
    const keys = [one, ...others.map((other) => ({ ...one, ...other }))].map(idemKey);
    expect(new Set(keys).size).toBe(6);
  });
});

describe('the batch id', () => {
  const keys = [
    'b7ecn6sf32byjiemnlkvs3sl7cixmoguz43huxsy',
    'w2y74kak7vaewdcrkw42dzszoyjunu3aus3576dv',
    'bvljeofmagusr3iaw5kxnldkr4cpfj7rfdrrvqjt',
  ];

  test('agrees with vectors made by another program', () => {
    expect(batchId('credit-sharing', keys)).toBe('6lfbvkr6vh7legrcab3pqvbxrudssdxr73yczwi2');
    expect(batchId('credit-sharing', keys.slice(0, 1))).toBe('gcszuxa5j7ncr2zcifuirlxugkgazsfp3hwucewy');
  });

  test('depends on the members and not on their order, as the general canonical JSON has it', () => {
    const members = fc.uniqueArray(identity.map(idemKey), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(text, members, (platform, batch) => {
        const expected = base32(sha256Bytes(canonicalJson(['hub-batch-v1', platform, batch.toSorted()]))).slice(0, 40);
        expect(batchId(platform, batch)).toBe(expected);
        expect(batchId(platform, batch.toReversed())).toBe(expected);
        expect(batchId(platform, batch.slice(1))).not.toBe(expected);
      }),
    );
  });
});
