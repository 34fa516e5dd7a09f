import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const STARTED = 'process.exitCode = main(process.argv.slice(2));';

/** What verify.mjs says of the order of versions, for batches of `[settled at, members as record/version/rendition]`. */
function said(batches: readonly (readonly [number, readonly string[]])[]): unknown {
  const source = readFileSync(join(import.meta.dirname, '../../src/audit/verify.mjs'), 'utf8').trimEnd();
  expect(source.endsWith(STARTED)).toBe(true);
  const asked = `
const given = ${JSON.stringify(batches)}.map(([settledAt, texts], n) => {
  const members = texts.map((text) => text.split('/')).map(([recordKey, version, rendition], at) =>
    ({ row: at + 1, recordKey, version: Number(version), rendition: Number(rendition) }));
  return { id: 'b' + n, settledAt, members };
});
const files = new Map(given.map(({ id, members }) => ['batches/' + id + '/members.json', Buffer.from(JSON.stringify(members))]));
const pack = { has: (name) => files.has(name), read: (name) => files.get(name) };
const applied = openApplied();
for (const { id, members } of given)
  for (const [place, member] of members.entries())
    count({ id, batch: { platform: 'p' }, place, member, state: 'accepted' }, { totals: {}, applied });
const found = [];
const batches = new Map(given.map(({ id, settledAt }) => [id, { platform: 'p', settledAt }]));
checkOrder(pack, batches, { applied }, (code, where, text) => found.push([code, where, text]));
console.log(JSON.stringify(found));`;
  const input = `${source.slice(0, -STARTED.length)}${asked}`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], { input });
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString());
}

const many = Array.from({ length: 9000 }, (_, at) => `r${at}/1/0`);

test('versions that grow are no finding, nor is the same one in a higher rendition', () => {
  expect(
    said([
      [3, many],
      [9, ['r5/2/0', 'r8999/1/1']],
    ]),
  ).toEqual([]);
});

test('a version that a platform took after a higher one, or twice, is named among thousands', () => {
  expect(
    said([
      [3, [...many, 'late/7/0']],
      [9, ['r5/1/0', 'late/6/0']],
    ]),
  ).toEqual([
    [14, 'entry 9', 'p took version 1 of record r5 after version 1'],
    [14, 'entry 9', 'p took version 6 of record late after version 7'],
  ]);
});
