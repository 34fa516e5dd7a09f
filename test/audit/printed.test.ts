import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import exceljs from 'exceljs';
import { describe, expect, test } from 'vitest';
import { openLedgerPdf } from '../../src/audit/ledger-pdf.ts';
import { harmless, openLedgerXlsx } from '../../src/audit/ledger-xlsx.ts';
import { type PrintedRow, printedName } from '../../src/audit/printed-row.ts';
import { temporaryFolder } from '../support/databases.ts';
import { inkOf, pdfFonts, pdfText, popplerAvailable } from '../support/poppler.ts';

const head = {
  title: '报送台账 delivery ledger',
  scope: 'period 2026-W48',
  origin: 'hub.example.gov.cn/delivery-log',
  size: 17,
  root: 'XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=',
  takenBy: 'user:auditor',
  takenAt: '2026-11-28 09:00',
  instant: new Date('2026-11-28T01:00:00Z'),
};

const line = (change: Partial<PrintedRow> = {}): PrintedRow => ({
  platform: 'credit-sharing',
  type: 'licence/printing',
  number: '（桂）印证字第450000001号',
  name: '南宁某某印刷有限公司',
  creditCode: '91450100MA5KA0017F',
  version: 1,
  operation: '报送 U',
  state: '已接收 accepted',
  verdict: 'OK',
  sentAt: '2026-11-27 10:00',
  receiptId: 'R-1',
  batch: 'abcdefghijkl · 1',
  ...change,
});

async function pdf(rows: readonly PrintedRow[]): Promise<string> {
  const file = join(temporaryFolder(), 'ledger.pdf');
  const printer = openLedgerPdf(file, head);
  for (const row of rows) await printer.add(row);
  await printer.end();
  return file;
}

describe.skipIf(!popplerAvailable)('the printed ledger', () => {
  test('prints platform and receipt number whole, on as many lines as they need, and what the platform said of a refusal', async () => {
    const receiptId = 'credit-publicity-R-0b6f1b0a-5a55-4f0a-9d31-2f0c8f6b1a77';
    const refused = { state: '退回 rejected', verdict: 'FORMAT_ERROR：统一社会信用代码与名称不符' };
    const text = pdfText(
      await pdf([line({ platform: 'credit-publicity', receiptId }), line({ ...refused, number: '第二号' })]),
    );
    const printed = text.split('\n');
    // Two lines of one cell stand below each other: what pdftotext reads between them are the row's other cells.
    const pieces = ['credit-publicity-R-0b6f1b0', '-5a55-4f0a-9d31'];
    expect(text).toContain('credit-publicity ');
    expect(pieces.map((piece) => text.includes(piece))).toEqual([true, true]);
    expect(text).not.toContain('…');
    const lineOf = (what: string): number => printed.findIndex((each) => each.includes(what));
    expect(lineOf('FORMAT_ERROR') - lineOf('第二号')).toBe(1);
    expect(text).toContain('统一社会信用代码与名称不符');
  });

  test('shows Chinese on a machine without Chinese fonts: its own font is embedded and leaves ink on the page', async () => {
    const full = await pdf(Array.from({ length: 30 }, () => line({ name: '南宁市青秀区某某印刷' })));
    const empty = await pdf(Array.from({ length: 30 }, () => line({ name: '' })));
    expect(pdfFonts(full)).toMatch(/NotoSansSC\S*\s+CID TrueType\s+\S+\s+yes yes yes/);
    expect(pdfText(full)).toContain('南宁市青秀区某某印刷');
    const names = { x: 0.315, y: 0.15, width: 0.1, height: 0.5 };
    expect(inkOf(empty, 1, names)).toBe(0);
    expect(inkOf(full, 1, names)).toBeGreaterThan(0.05);
  });

  test('writes a letter that the font lacks as its number, never as an empty box', async () => {
    const text = pdfText(await pdf([line({ name: '𠮷野家堃喆' })]));
    expect(text).toContain('[U+20BB7]野家堃喆');
  });

  test('goes on over pages, each with scope, tree head and who took it out', async () => {
    const text = pdfText(await pdf(Array.from({ length: 100 }, (_, at) => line({ number: `第${at}号` }))));
    expect(text.match(/user:auditor/g)).toHaveLength(3);
    expect(text).toContain('第 3 页');
    expect(text).toContain('第99号');
    expect(text).toContain('共 100 条');
  });
});

test('the same ledger printed twice is the same bytes', async () => {
  expect(readFileSync(await pdf([line()]))).toEqual(readFileSync(await pdf([line()])));
});

describe('the workbook', () => {
  test('has text where a spreadsheet would see a formula (S20)', async () => {
    const file = join(temporaryFolder(), 'ledger.xlsx');
    const printer = openLedgerXlsx(file, head);
    const evil = ['=1+1', '+cmd|x', '-2', '@SUM(A1)', '＝1', '＋1', '\t=1', '\r=1', ' =1', "=cmd|' /C calc'!A0"];
    for (const name of evil) await printer.add(line({ name }));
    await printer.add(line({ name: '广西某某“集团”；有限公司', verdict: '\u0000\ud800' }));
    await printer.end();
    const book = new exceljs.Workbook();
    await book.xlsx.readFile(file);
    const names = book.worksheets[0]?.getColumn(4).values.filter((value) => typeof value === 'string') ?? [];
    expect(names.slice(1, 1 + evil.length).every((name) => name.startsWith("'"))).toBe(true);
    expect(names.at(-1)).toBe('广西某某“集团”；有限公司');
    expect(harmless('南宁=某某')).toBe('南宁=某某');
  });
});

test('whoever has no credit code may be a person, and is masked', () => {
  expect(printedName({ name: '张三丰', creditCode: null })).toBe('张**');
  expect(printedName({ name: '南宁某某公司', creditCode: '91450100MA5KA0017F' })).toBe('南宁某某公司');
});
