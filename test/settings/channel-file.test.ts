import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readChannel } from '../../src/carry/channel-file.ts';
import { SetupError } from '../../src/errors.ts';
import { temporaryFolder } from '../support/databases.ts';

const CHANNEL = `channel: gx-sharing
hub: zhengxin-hub
key: "\${FERRY_KEY}"
signKey: "\${FERRY_SIGN_KEY}"
trust: "04${'ab'.repeat(64)}"
to: { folder: /data/inner, receiptFolder: /data/inner-receipts }
returns: /data/returns
`;
const env = { FERRY_KEY: 'ab'.repeat(32), FERRY_SIGN_KEY: 'cd'.repeat(32) };

function read(text: string) {
  const path = join(temporaryFolder(), 'channel.yaml');
  writeFileSync(path, text);
  try {
    return readChannel(path, env, []);
  } catch (error) {
    if (error instanceof SetupError) return error.faults.map(({ line, en }) => `${line}: ${en}`);
    throw error;
  }
}

test('the far end of a ferry is one file', () => {
  expect(read(CHANNEL)).toMatchObject({ channel: 'gx-sharing', to: { folder: '/data/inner' }, key: env.FERRY_KEY });
  const forwarding = CHANNEL.replace(/to: .*/, 'to: { platform: { use: http, url: "http://127.0.0.1:9/in" } }');
  expect(read(forwarding)).toMatchObject({ to: { platform: { use: 'http' } } });
});

test.each([
  ['key: "${FERRY_KEY}"', `key: ${'ab'.repeat(32)}`, /^3: key is a secret/],
  ['channel: gx-sharing', 'channel: GX sharing', /^1: channel: lower-case letters/],
  ['trust: "04', 'trust: "4', /^5: trust: must be 130 hex digits/],
  ['hub: zhengxin-hub\n', '', /^1: hub is missing/],
  [
    'to: { folder: /data/inner, receiptFolder: /data/inner-receipts }',
    'to: { receiptFolder: /data/in }',
    /^6: to needs folder or platform/,
  ],
  ['returns:', 'retruns:', /returns is missing/],
])('a wrong channel file is refused with its line: %s', (from, to, fault) => {
  const faults = read(CHANNEL.replace(from, to));
  expect(Array.isArray(faults) && faults.some((line) => fault.test(line))).toBe(true);
});

test('a channel file that is not there is a fault of the set-up', () => {
  expect(() => readChannel('/nowhere/channel.yaml', env, [])).toThrow(SetupError);
});
