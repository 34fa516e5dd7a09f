import { describe, expect, test } from 'vitest';
import { readReceiptFiles } from '../../src/platforms/receipt-file.ts';
import { FileDamage } from '../../src/sources/file-damage.ts';
import { zipBytes } from '../../src/wire/zip-bytes.ts';
import { zipOf } from '../sources/zip-of.ts';

const good = Buffer.from('{"packageId":"a","receiptId":"R1","receivedCount":2}');
const read = (name: string, bytes: Buffer | string) => readReceiptFiles(name, Buffer.from(bytes));
const zip = (...names: readonly string[]): Buffer => zipBytes(names.map((name) => ({ name, bytes: good })));

describe('a zip of receipts', () => {
  test('gives each of its files, by name and not by folder', async () => {
    const receipts = await read('r.zip', zip('ack/one.json', 'two.json'));
    expect(receipts.map(({ receiptId, level }) => [receiptId, level])).toEqual([
      ['R1', 1],
      ['R1', 1],
    ]);
  });

  test.each([
    ['climbs out of its folder', zip('../one.json')],
    ['names an absolute path', zip('/etc/one.json')],
    ['uses backslashes', zip('..\\one.json')],
    ['has one name twice', zip('one.json', 'ONE.json')],
    ['holds another archive', zip('inner.zip')],
    ['has more than fifty members', zip(...Array.from({ length: 51 }, (_, index) => `${index}.json`))],
    ['is cut off', zip('one.json').subarray(0, -5)],
    ['is no zip', Buffer.from('PK\x03\x04 not really')],
  ])('that %s is refused', async (_, bytes) => {
    await expect(read('r.zip', bytes)).rejects.toThrow(FileDamage);
  });

  test('that would swell is refused before it is inflated', async () => {
    const bomb = await zipOf({ 'one.json': Buffer.alloc(8 << 20, ' ') });
    expect(bomb.length).toBeLessThan(100_000);
    await expect(read('r.zip', bomb)).rejects.toThrow('压缩比');
    const wide = zipBytes([{ name: 'one.json', bytes: Buffer.alloc(33 << 20) }]);
    await expect(read('r.zip', wide)).rejects.toThrow(FileDamage);
  });

  test('with a changed byte or a password is refused', async () => {
    const changed = zip('one.json');
    changed.writeUInt8(changed.readUInt8(45) ^ 1, 45);
    await expect(read('r.zip', changed)).rejects.toThrow('校验');
    const locked = zip('one.json');
    const entry = locked.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    locked.writeUInt16LE(locked.readUInt16LE(entry + 8) | 1, entry + 8);
    await expect(read('r.zip', locked)).rejects.toThrow(FileDamage);
  });
});

describe('a receipt', () => {
  test.each([
    ['r.xml', '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><receipt><receiptId>&x;</receiptId></receipt>'],
    ['r.xml', '<receipt><receiptId>R</receiptId>'],
    ['r.json', `${'['.repeat(50)}${']'.repeat(50)}`],
    ['r.json', '{"receiptId":"a","receiptId":"b"}'],
    ['r.json', '{"__proto__":{"x":1},"receiptId":"a"}'],
    ['r.csv', 'rowId,resultCode\n"a,OK\n'],
    ['r.csv', '<html>login</html>'],
    ['r.json', ''],
  ])('%s: %s is refused whole', async (name, content) => {
    await expect(read(name, content)).rejects.toThrow(FileDamage);
  });

  test('in XML and GB18030 keeps its leading zeros and its Chinese', async () => {
    const text =
      '<?xml version="1.0" encoding="GB18030"?><receipt><packageId>p</packageId><receiptId>0012</receiptId><results><result><rowId>007</rowId><resultCode>NAME_MISMATCH</resultCode><resultMsg>名称</resultMsg></result></results></receipt>';
    const bytes = Buffer.concat([
      Buffer.from(text.replace(/名称.*/, '')),
      Buffer.from([0xc3, 0xfb, 0xb3, 0xc6]),
      Buffer.from(text.replace(/.*名称/, '')),
    ]);
    const [receipt] = await read('r.xml', bytes);
    expect(receipt).toMatchObject({ receiptId: '0012', batchId: 'p', level: 3 });
    expect(receipt?.rows).toMatchObject([{ rowId: '007', code: 'NAME_MISMATCH', message: '名称' }]);
  });

  test('without a number of its own is known by its name and content', async () => {
    const [one] = await read('r.csv', 'rowId,resultCode\na,OK\n');
    const [same] = await read('r.csv', 'rowId,resultCode\na,OK\n');
    const [other] = await read('r.csv', 'rowId,resultCode\na,LATE\n');
    expect(one?.receiptId).toBe(same?.receiptId);
    expect(one?.receiptId).not.toBe(other?.receiptId);
  });
});
