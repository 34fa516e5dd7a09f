import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openZip } from '../../src/audit/zip-file.ts';
import { centralLine, endOfZip } from '../../src/audit/zip-records.ts';
import { temporaryFolder } from '../support/databases.ts';

const AT = new Date('2026-11-27T02:00:00Z');

/** Somebody else's reader of zips: it checks every CRC, then says what it found. */
function readElsewhere(zip: string): { readonly names: number; readonly bad: string | null; readonly last: string } {
  const program = [
    'import json, sys, zipfile',
    'z = zipfile.ZipFile(sys.argv[1]); n = z.namelist()',
    'print(json.dumps({"names": len(n), "bad": z.testzip(), "last": z.read(n[-1]).decode()}))',
  ].join('\n');
  return JSON.parse(execFileSync('python3', ['-c', program, zip], { encoding: 'utf8' }));
}

test('members from memory and from files come out as they went in', async () => {
  const folder = temporaryFolder();
  const [out, file] = [join(folder, 'a.zip'), join(folder, 'ledger.pdf')];
  writeFileSync(file, '台账'.repeat(100_000));
  const zip = await openZip(out, AT);
  await zip.add('批次/members.json', Buffer.from('{}\n'));
  await zip.add('empty', Buffer.alloc(0));
  await zip.take('ledger.pdf', file);
  await zip.add('manifest.json', Buffer.from('manifest '.repeat(1000)));
  await zip.end();
  expect(readElsewhere(out)).toEqual({ names: 4, bad: null, last: 'manifest '.repeat(1000) });
  expect(readFileSync(out).includes(Buffer.from('批次/members.json'))).toBe(true);
  expect(existsSync(`${out}.list`)).toBe(false);
});

test('more members than the old format can count', async () => {
  const out = join(temporaryFolder(), 'many.zip');
  const zip = await openZip(out, AT);
  for (let n = 0; n < 65_536; n += 1) await zip.add(`proofs/${n}`, Buffer.alloc(0));
  await zip.add('last', Buffer.from('the last'));
  await zip.end();
  expect(readElsewhere(out)).toEqual({ names: 65_537, bad: null, last: 'the last' });
});

test('numbers from 4 GiB on stand in the ZIP64 fields', () => {
  const [size, offset] = [5_000_000_000, 6_000_000_000];
  const line = centralLine({ name: 'a', method: 0, crc: 1, size, packed: size, offset }, AT);
  expect([20, 24, 42].map((at) => line.readUInt32LE(at))).toEqual([0xffffffff, 0xffffffff, 0xffffffff]);
  const values = [0, 8, 16].map((at) => Number(line.readBigUInt64LE(47 + 4 + at)));
  expect(values).toEqual([size, size, offset]);
  const end = endOfZip({ count: 1, offset, length: 63 });
  expect(end.readUInt32LE(0)).toBe(0x06064b50);
  expect(Number(end.readBigUInt64LE(48))).toBe(offset);
});

test('what is given up leaves no list behind, and one that was left is in nobody’s way', async () => {
  const out = join(temporaryFolder(), 'a.zip');
  writeFileSync(`${out}.list`, 'left by one that was killed');
  const zip = await openZip(out, AT);
  await zip.add('a', Buffer.from('a'));
  zip.destroy();
  expect(existsSync(`${out}.list`)).toBe(false);
});
