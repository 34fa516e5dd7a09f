import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../src/canonical.ts';
import { entryBytes, makeEntry, readEntry } from '../../src/evidence/entry.ts';
import type { JsonObject } from '../../src/json.ts';

const parts = {
  id: '0b9d4b9e-6e9e-4a80-9d2f-3d6d1b0c1c11',
  now: new Date('2026-11-27T02:00:00Z'),
  actor: 'scheduler',
  action: 'batch.outcome',
  platform: 'credit-sharing',
  batchId: 'abcdefghijklmnopqrstuvwxyz234567abcdefgh',
  runId: 12,
  detail: {
    event: 'answered',
    from: 'SENDING',
    to: 'SETTLED',
    attempt: 1,
    epoch: 3,
    accepted: 1000,
    nil: false,
    gone: null,
  },
};
const bytes = entryBytes(makeEntry(parts));
const told = (text: string): string => {
  const read = readEntry(Buffer.from(text));
  return 'wrong' in read ? read.wrong : 'read';
};

test('numbers become text, states stand at the top, what has no value is left out', () => {
  expect(bytes.toString()).toBe(
    '{"action":"batch.outcome","actor":"scheduler","attempt":"1","batch":"abcdefghijklmnopqrstuvwxyz234567abcdefgh","epoch":"3",' +
      '"evidence":{"accepted":"1000","event":"answered","nil":"false","run":"12"},"from":"SENDING",' +
      '"id":"0b9d4b9e-6e9e-4a80-9d2f-3d6d1b0c1c11","platform":"credit-sharing","t":"2026-11-27T02:00:00.000Z","to":"SETTLED","v":"1"}',
  );
});

test('a lone surrogate never gets into the bytes', () => {
  const entry = makeEntry({ ...parts, detail: { reason: 'a\ud800b' } });
  expect(entry.evidence['reason']).toBe('a\ufffdb');
  expect(readEntry(entryBytes(entry))).toEqual({ entry });
});

test('what is not exactly the form is refused, and told apart', () => {
  const text = bytes.toString();
  expect(told(text)).toBe('read');
  expect(told(text.replace('{"action"', '{ "action"'))).toContain('canonical');
  expect(told(text.replace('"attempt":"1"', '"attempt":1'))).toContain('canonical');
  expect(told(text.replace('"attempt":"1",', '"attempt":"1","attempt":"1",'))).toContain('canonical');
  expect(told(text.replace('"v":"1"}', '"v":"1"}}'))).toContain('canonical');
  expect(told(text.replace('"v":"1"}', '"v":"1"'))).toContain('canonical');
  expect(told(text.replace('"v":"1"', '"v":"1","w":"1"'))).toContain('unknown member w');
  expect(told(text.replace(',"v":"1"', ''))).toContain('member v is missing');
  expect(told(text.replace('scheduler', 'sched\\u0075ler'))).toContain('canonical');
  expect(told(text.replace('2026-11-27T02:00:00.000Z', '2026-11-27'))).toContain('instant');
  expect(told(text.replace('"v":"1"', '"v":"2"'))).toContain('version');
  expect(told(text.replace('scheduler', 'x'.repeat(9000)))).toContain('at most 8192');
  expect(readEntry(Buffer.concat([bytes.subarray(0, 30), Buffer.of(0xff), bytes.subarray(30)]))).toHaveProperty(
    'wrong',
  );
});

test('members named like parts of every object are told as any other', () => {
  const detail = JSON.parse('{"__proto__":"1","a":{"__proto__":{"b":"c"}},"toString":"2"}') as JsonObject;
  const made = entryBytes(makeEntry({ ...parts, detail }));
  expect(made.toString()).toContain('"__proto__":"1","a":{"__proto__":{"b":"c"}},"run":"12","toString":"2"');
  expect(readEntry(made)).toHaveProperty('entry');
});

test('whatever a detail holds, its entry reads back as it was made', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 3 })), (detail) => {
      const entry = makeEntry({ ...parts, detail: detail as JsonObject });
      const made = entryBytes(entry);
      if (made.length > 8192) return;
      const read = readEntry(made);
      if ('wrong' in read) throw new Error(`${read.wrong}: ${made}`);
      expect(canonicalJson(read.entry as unknown as JsonObject)).toBe(made.toString());
    }),
    { numRuns: 500 },
  );
});
