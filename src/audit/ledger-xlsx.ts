import exceljs from 'exceljs';
import type { LedgerPrinter, PrintedHead, PrintedRow } from './printed-row.ts';

const COLUMNS: readonly (readonly [string, number, keyof PrintedRow])[] = [
  ['平台 platform', 20, 'platform'],
  ['类型 type', 26, 'type'],
  ['编号 number', 32, 'number'],
  ['名称 name', 36, 'name'],
  ['统一社会信用代码 credit code', 24, 'creditCode'],
  ['版本 version', 9, 'version'],
  ['操作 operation', 12, 'operation'],
  ['结果 state', 18, 'state'],
  ['答复 verdict', 40, 'verdict'],
  ['发出 sent', 18, 'sentAt'],
  ['回执 receipt', 32, 'receiptId'],
  ['批次·行 batch·row', 24, 'batch'],
];

/** The 报送台账 as a workbook, written row by row. */
export function openLedgerXlsx(file: string, head: PrintedHead): LedgerPrinter {
  const workbook = new exceljs.stream.xlsx.WorkbookWriter({ filename: file, useStyles: true, useSharedStrings: false });
  workbook.created = head.instant;
  workbook.modified = head.instant;
  const sheet = workbook.addWorksheet('报送台账', { views: [{ state: 'frozen', ySplit: 4 }] });
  sheet.columns = COLUMNS.map(([, width]) => ({ width }));
  for (const line of headLines(head)) sheet.addRow([harmless(line)]).commit();
  const titles = sheet.addRow(COLUMNS.map(([title]) => title));
  titles.font = { bold: true };
  titles.commit();
  let count = 0;
  return {
    add: async (row) => {
      sheet.addRow(COLUMNS.map(([, , member]) => cell(row[member]))).commit();
      count += 1;
      // exceljs writes in the background: let it, or memory holds every row.
      if (count % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
    },
    end: async () => {
      sheet.addRow([`共 ${count} 条 (${count} lines)`]).commit();
      sheet.commit();
      await workbook.commit();
    },
  };
}

const headLines = ({ title, scope, origin, size, root, takenBy, takenAt }: PrintedHead): string[] => [
  `${title}  ${scope}`,
  `日志 log ${origin} · 条目 size ${size} · 根 root ${root}`,
  `导出 exported by ${takenBy} ${takenAt}`,
];

const cell = (value: string | number): string | number => (typeof value === 'number' ? value : harmless(value));

/**
 * Text that a spreadsheet would take for a formula gets an apostrophe before it (faults.md S20); for people only, what goes
 * to platforms stays as it is. Characters that XML cannot carry go.
 */
export function harmless(text: string): string {
  const clean = text.toWellFormed().replace(UNWRITABLE, ' ');
  return /^[\s\u3000]*[=+\-@＝＋－＠]/.test(clean) || /^[\t\r\n]/.test(clean) ? `'${clean}` : clean;
}

/** What XML 1.0 cannot hold. */
const UNWRITABLE = /(?![\t\n\r])\p{Cc}|[\ufffe\uffff]/gu;
