import { expect, test } from 'vitest';
import { retryAfterSeconds } from '../../src/wire/retry-after.ts';

const now = new Date('2026-11-27T10:00:00Z');

test.each([
  ['120', 120],
  [' 120 ', 120],
  ['0', 1],
  ['999999999', 86_400],
  ['99999999999999999999', 86_400],
  ['Fri, 27 Nov 2026 10:02:00 GMT', 120],
  ['Fri, 27 Nov 2026 09:00:00 GMT', 1],
  ['Wed, 01 Jan 2031 00:00:00 GMT', 86_400],
])('Retry-After: %s means %d s at 10:00', (header, seconds) => {
  expect(retryAfterSeconds(header, now)).toBe(seconds);
});

test.each([
  undefined,
  '',
  'abc',
  '-1',
  '+5',
  '1.5',
  '1e9',
  '0x10',
  '120 s',
  '2026-11-27T10:02:00Z',
  'Fri, 27 Foo 2026 10:02:00 GMT',
])('Retry-After: %s is garbage and ignored', (header) => {
  expect(retryAfterSeconds(header, now)).toBeUndefined();
});
