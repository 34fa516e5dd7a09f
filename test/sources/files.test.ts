import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ExcelJS from 'exceljs';
import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';
import type { FilesSourceSpec, Page } from '../../src/source.ts';
import { openSource } from '../../src/sources/index.ts';
import { numbersOf, readAll, reading, sourceContract } from './contract.ts';
import { zipOf } from './zip-of.ts';

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'hub-drop-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Outcome {
  readonly pages: readonly Page[];
  readonly error: unknown;
}

/** Drops the files, reads all, and keeps what came before a refusal. */
async function read(
  files: { readonly [name: string]: string | Buffer },
  spec: Partial<FilesSourceSpec> = {},
): Promise<Outcome> {
  return inFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return readFolder(folder, spec);
  });
}

async function readFolder(folder: string, spec: Partial<FilesSourceSpec> = {}): Promise<Outcome> {
  const source = await openSource({ use: 'files', folder, settle: '0s', ...spec }, { name: 'test' });
  const pages: Page[] = [];
  try {
    for await (const page of source.pages(undefined, reading())) pages.push(page);
    return { pages, error: undefined };
  } catch (error) {
    return { pages, error };
  } finally {
    await source.close();
  }
}

const fieldsOf = ({ pages }: Outcome) =>
  pages.flatMap((page) =>
    page.rows.map((row) => (row.faults.length === 0 ? row.fields : row.faults.map((fault) => fault.code).join())),
  );

describe('files, several pages each', () => {
  const csv = (from: number, rows: number) =>
    ['no,name', ...Array.from({ length: rows }, (_, index) => `${from + index},名称`)].join('\r\n');
  sourceContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hub-drop-'));
    writeFileSync(join(folder, 'a.csv'), csv(10_000, 2_500));
    writeFileSync(join(folder, 'b.zip'), await zipOf({ 'x.csv': csv(20_000, 700), 'y.csv': csv(30_000, 700) }));
    writeFileSync(join(folder, 'c.csv'), csv(40_000, 1_000));
    const expected = [...[10_000, 2_500], 20_000, 700, 30_000, 700, 40_000, 1_000];
    const numbers: string[] = [];
    for (let index = 0; index < expected.length; index += 2) {
      const [from = 0, rows = 0] = expected.slice(index, index + 2);
      for (let no = from; no < from + rows; no += 1) numbers.push(String(no));
    }
    return {
      open: () => openSource({ use: 'files', folder, settle: '0s' }, { name: 'test' }),
      expected: numbers.sort(),
      close: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe('separated files', () => {
  it('are read in UTF-8, with BOM, and in GB18030', async () => {
    const text = '许可证号,企业名称\n00123,"南宁""𠮷""文化,公司"\n';
    const wanted = { 许可证号: '00123', 企业名称: '南宁"𠮷"文化,公司' };
    for (const content of [
      Buffer.from(text),
      Buffer.from(`\ufeff${text}`),
      iconv.encode(text, 'gb18030'),
      Buffer.from(text.trimEnd()),
    ])
      expect(fieldsOf(await read({ 'a.csv': content }))).toEqual([wanted]);
    expect(fieldsOf(await read({ 'a.tsv': 'a\tb\n1,2\t3\n' }))).toEqual([{ a: '1,2', b: '3' }]);
  });

  it('a misplaced quote or a missing cell costs its own line only', async () => {
    const outcome = await read({ 'a.csv': 'a,b\n1,2\n"x"y,2\n3,4\n5\n6,7,8\n某"某",9\n"m\nn",1\n锟斤拷,2\n' });
    expect(fieldsOf(outcome)).toEqual([
      { a: '1', b: '2' },
      'ROW_QUOTE_WRONG',
      { a: '3', b: '4' },
      'ROW_COLUMNS_WRONG',
      'ROW_COLUMNS_WRONG',
      { a: '某"某"', b: '9' },
      { a: 'm\nn', b: '1' },
      'TEXT_GARBLED',
    ]);
    const rows = outcome.pages.flatMap((page) => page.rows);
    expect(rows[1]).toMatchObject({ raw: '"x"y,2', fields: undefined });
    // A garbled row still shows whose it is.
    expect(rows.at(-1)?.fields).toEqual({ a: '锟斤拷', b: '2' });
  });

  it('template titles, notes and examples are no rows, columns may stand in any order', async () => {
    const text =
      '许可证汇总表,,\n表格说明:请如实填写,,\n名称,证号,日期\n示例行,桂001,2025-01-01\n甲,1,2\n,,\n说明:以上为样例,,\n乙,3,4\n#count=2\n';
    expect(fieldsOf(await read({ 'a.csv': text }))).toEqual([
      { 名称: '甲', 证号: '1', 日期: '2' },
      { 名称: '乙', 证号: '3', 日期: '4' },
    ]);
  });

  it.each([
    ['cut off inside quotes', 'a,b\n1,2\n3,"four'],
    ['with fewer rows than it promises', 'a,b\n1,2\n#count=2\n'],
    ['that is a web page', '<html><body>404</body></html>'],
    ['that is a zip in truth', Buffer.from('PK\x03\x04aaaaaaaa', 'latin1')],
    ['with a column twice', 'a,a\n1,2\n'],
    ['that is empty', ''],
    ['in UTF-16', Buffer.from('\ufeffa,b\n1,2\n', 'utf16le')],
    ['in UTF-8 cut inside a character', Buffer.from('名,称\n一二三,四\n五六七,八\n九十').subarray(0, -1)],
  ])('a file %s is refused whole, with a name and a reason', async (_, content) => {
    const { pages, error } = await read({ 'a.csv': content, 'b.csv': 'a\n1\n' });
    expect(pages.map((page) => page.externalId)).toEqual(['b.csv']);
    expect(error).toMatchObject({
      code: 'SOURCE_FILE_REFUSED',
      remedy: 'give-up',
      message: expect.stringContaining('a.csv'),
    });
    expect(pages.at(-1)?.cursor).not.toHaveProperty(['files', 'a.csv']);
  });
});

describe('a drop folder', () => {
  it('a file is read once, a changed one again, a refused one stays for the next time', () =>
    inFolder(async (folder) => {
      const source = await openSource({ use: 'files', folder, settle: '0s' }, { name: 'test' });
      writeFileSync(join(folder, 'a.csv'), 'no\n1\n');
      const first = await readAll(source);
      const cursor = first.at(-1)?.cursor;
      expect(numbersOf(first)).toEqual(['1']);
      expect(await readAll(source, cursor)).toEqual([]);
      writeFileSync(join(folder, 'a.csv'), 'no\n1\n2\n');
      expect(numbersOf(await readAll(source, cursor))).toEqual(['1', '2']);
      writeFileSync(join(folder, 'b.csv'), 'no\n"3');
      await expect(readAll(source, cursor)).rejects.toMatchObject({ code: 'SOURCE_FILE_REFUSED' });
      writeFileSync(join(folder, 'b.csv'), 'no\n"3"');
      expect(numbersOf(await readAll(source, cursor))).toEqual(['1', '2', '3']);
    }));

  it('unfinished, hidden and unwanted files are left alone; a marker says finished', async () => {
    const files = {
      'a.csv.part': 'no\n1',
      'b.tmp': 'x',
      '~$c.xlsx': 'x',
      '.d.csv': 'no\n2',
      'e.csv': 'no\n3\n',
      'f.csv': 'no\n4\n',
      'f.csv.ok': '',
    };
    expect(numbersOf((await read(files, { marker: '.ok' })).pages)).toEqual(['4']);
    expect(numbersOf((await read(files, { match: '*.csv' })).pages)).toEqual(['3', '4']);
  });

  it('a file just dropped is waited for', async () => {
    expect(numbersOf((await read({ 'a.csv': 'no\n1\n' }, { settle: '1s' })).pages)).toEqual(['1']);
  });

  it('links lead nowhere (S27)', () =>
    inFolder(async (outside) => {
      writeFileSync(join(outside, 'secret.csv'), 'no\nsecret\n');
      await inFolder(async (folder) => {
        symlinkSync(join(outside, 'secret.csv'), join(folder, 'a.csv'));
        linkSync(join(outside, 'secret.csv'), join(folder, 'b.csv'));
        mkdirSync(join(folder, 'c.csv'));
        const { pages, error } = await readFolder(folder);
        expect(pages).toEqual([]);
        expect(error).toMatchObject({ message: expect.stringMatching(/a\.csv.*b\.csv/s) });
      });
    }));

  it('snapshots say how many rows to expect', async () => {
    const { pages } = await read({ 'a.csv': 'no\n1\n2\n' }, { snapshot: true });
    expect(pages[0]).toMatchObject({ snapshot: { before: 0, expected: 2, last: true }, endOfIntake: true });
  });
});

describe('documents', () => {
  it('NDJSON, JSON and XML keep what they say', async () => {
    expect(fieldsOf(await read({ 'a.ndjson': '{"no":1.10}\n{"no":\n\n{"no":"2"}' }))).toEqual([
      { no: '1.10' },
      'ROW_SYNTAX_WRONG',
      { no: '2' },
    ]);
    expect(fieldsOf(await read({ 'a.json': '{"d":[{"no":"1"}]}' }, { items: 'd' }))).toEqual([{ no: '1' }]);
    const xml =
      '<?xml version="1.0" encoding="GBK"?><l><r id="1"><no>00123</no></r><r><no>1.10</no><x>a</x><x>b</x></r></l>';
    expect(fieldsOf(await read({ 'a.xml': iconv.encode(xml, 'gbk') }, { items: 'r' }))).toEqual([
      { '@id': '1', no: '00123' },
      { no: '1.10', x: ['a', 'b'] },
    ]);
  });

  it.each([
    ['a.ndjson', '{"no":1}\n{"no"'],
    ['a.json', '[{"no":1}'],
    ['a.xml', '<l><r><no>1</no></r>'],
    ['a.xml', '<!DOCTYPE l><l><r><no>1</no></r></l>'],
  ])('%s cut off or with a DOCTYPE is refused: %s', async (name, content) => {
    expect(await read({ [name]: content })).toMatchObject({ pages: [], error: { code: 'SOURCE_FILE_REFUSED' } });
  });
});

async function workbook(fill: (book: ExcelJS.Workbook) => void): Promise<Buffer> {
  const book = new ExcelJS.Workbook();
  fill(book);
  return Buffer.from(await book.xlsx.writeBuffer());
}

describe('workbooks', () => {
  it('merged headers, notes, serial dates, long numbers and hidden sheets are understood', async () => {
    const file = await workbook((book) => {
      book.addWorksheet('hidden', { state: 'hidden' }).addRow(['no', 'x']);
      const sheet = book.addWorksheet('数据');
      sheet.addRow(['许可证汇总表']);
      sheet.mergeCells('A1:E1');
      sheet.addRow(['证号', '主体', null, '有效期', null]);
      sheet.addRow([null, '名称', '代码', '起', '止']);
      for (const area of ['A2:A3', 'B2:C2', 'D2:E2']) sheet.mergeCells(area);
      sheet.addRow(['示例行', '某公司', '9145…', 1, 2]);
      sheet.addRow([
        '00123',
        { richText: [{ text: '南宁' }, { text: '公司' }] },
        450100197001011200,
        new Date('2017-12-31T00:00:00Z'),
        43100.5,
      ]);
      sheet.addRow([]);
      sheet.addRow(['x', { error: '#N/A' }, '1', 1, 2]);
      sheet.addRow(['说明:以上']);
    });
    const outcome = await read({ 'a.xlsx': file });
    expect(outcome.error).toBeUndefined();
    expect(fieldsOf(outcome)).toEqual([
      { 证号: '00123', 名称: '南宁公司', 代码: '450100197001011200', 起: 43100, 止: 43100.5 },
      'CELL_ERROR',
    ]);
    expect(fieldsOf(await read({ 'a.zip': await zipOf({ 'a.xlsx': file }) }))).toEqual(fieldsOf(outcome));
  });

  it('half a workbook, an old .xls and a CSV called .xlsx are refused', async () => {
    const file = await workbook((book) => void book.addWorksheet('s').addRow(['no']));
    const { pages, error } = await read({
      'a.xlsx': file.subarray(0, file.length / 2),
      'b.xls': 'x',
      'c.xlsx': 'no\n1',
    });
    expect(pages).toEqual([]);
    expect(error).toMatchObject({ message: expect.stringMatching(/a\.xlsx.*b\.xls.*c\.xlsx/s) });
  });
});

describe('zips (S28)', () => {
  const good = { 'a.csv': 'no\n1\n', 'b.csv': 'no\n2\n' };
  const broken = async (change: (zip: Buffer) => Buffer) => read({ 'a.zip': change(await zipOf(good)) });

  it('all members of one zip are one intake', async () => {
    const { pages } = await read({ 'a.zip': await zipOf(good) });
    expect(numbersOf(pages)).toEqual(['1', '2']);
    expect(pages.map((page) => page.externalId)).toEqual(['a.zip']);
  });

  it.each([
    ['half', (zip: Buffer) => zip.subarray(0, zip.length / 2)],
    ['with garbage behind it', (zip: Buffer) => Buffer.concat([zip, Buffer.from('garbage')])],
    [
      'with a name that climbs out',
      (zip: Buffer) => Buffer.from(zip.toString('latin1').replaceAll('a.csv', '../ax'), 'latin1'),
    ],
    ['with a name twice', (zip: Buffer) => Buffer.from(zip.toString('latin1').replaceAll('b.csv', 'A.csv'), 'latin1')],
    [
      'with an archive inside',
      (zip: Buffer) => Buffer.from(zip.toString('latin1').replaceAll('b.csv', 'b.zip'), 'latin1'),
    ],
  ])('a zip %s is refused whole', async (_, change) => {
    expect(await broken(change)).toMatchObject({ pages: [], error: { code: 'SOURCE_FILE_REFUSED' } });
  });

  it('a wrong CRC and a bomb are refused', async () => {
    const bytes = await zipOf({ 'a.csv': 'no\n1\n' }, { compress: false });
    const at = bytes.indexOf('no\n1\n');
    bytes[at + 3] = 0x39;
    expect(await read({ 'a.zip': bytes })).toMatchObject({
      pages: [],
      error: { message: expect.stringContaining('CRC') },
    });
    const bomb = await zipOf({ 'a.csv': `no\n${'0'.repeat(20_000_000)}\n` });
    expect(await read({ 'a.zip': bomb })).toMatchObject({
      pages: [],
      error: { message: expect.stringContaining(':1') },
    });
  });
});
