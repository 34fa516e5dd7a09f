import { once } from 'node:events';
import { createWriteStream, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import ExcelJS from 'exceljs';
import iconv from 'iconv-lite';
import type { Books, Entry } from './books.ts';
import { dayNumber, momentOf } from './days.ts';
import { excelSerial } from './dirt.ts';
import type { Kind, Row } from './world.ts';

/**
 * 老办公室: drops tables into a folder, first under a name that ends in `.tmp`, then renamed.
 * Printing licences as CSV in GB18030, publication licences as XLSX from a template.
 */
export interface OldOffice {
  readonly folder: string;
  /** Drops what changed since the last file; the names of the files. */
  drop(): Promise<readonly string[]>;
}

export function openOldOffice(folder: string, books: Books): OldOffice {
  mkdirSync(folder, { recursive: true });
  const drop = async (): Promise<readonly string[]> => {
    const printing = await dropOne(folder, books, 'printing', '印刷经营许可证', 'csv', writeCsv);
    const publication = await dropOne(folder, books, 'publication', '出版物经营许可证', 'xlsx', writeXlsx);
    return [...printing, ...publication];
  };
  return { folder, drop };
}

type Write = (file: string, entries: Iterable<Entry>) => Promise<void>;

async function dropOne(
  folder: string,
  books: Books,
  kind: Kind,
  title: string,
  ending: string,
  write: Write,
): Promise<string[]> {
  const dropped = books.note(`dropped.${kind}`);
  const since = dropped === undefined ? 0 : Number(dropped) + 1;
  if (books.list(kind, { since, offset: 0, limit: 1 }).total === 0) return [];
  const serial = Number(books.note(`files.${kind}`) ?? 0) + 1;
  const name = `${title}-${books.today().replaceAll('-', '')}-${String(serial).padStart(3, '0')}.${ending}`;
  const seen = { newest: since };
  await write(join(folder, `${name}.tmp`), watch(entriesSince(books, kind, since), seen));
  renameSync(join(folder, `${name}.tmp`), join(folder, name));
  books.setNote(`files.${kind}`, String(serial));
  books.setNote(`dropped.${kind}`, String(seen.newest));
  return [name];
}

function* entriesSince(books: Books, kind: Kind, since: number): Generator<Entry> {
  for (let offset = 0; ; offset += 1000) {
    const { rows } = books.list(kind, { since, offset, limit: 1000 });
    yield* rows;
    if (rows.length < 1000) return;
  }
}

function* watch(entries: Iterable<Entry>, seen: { newest: number }): Generator<Entry> {
  for (const entry of entries) {
    seen.newest = Math.max(seen.newest, entry.changedAt);
    yield entry;
  }
}

/** Column of the approval system → heading on the office's form, in the order of the printing form. */
const HEADINGS: Row = {
  lsh: '档案号',
  xkzbh: '许可编号',
  zsmc: '许可证书名称',
  qymc: '行政相对人名称',
  xdrlb: '行政相对人类别',
  tyshxydm: '统一社会信用代码',
  fddbr: '法定代表人',
  zjlx: '证件类型',
  zjhm: '证件号码',
  jdwsmc: '行政许可决定文书名称',
  jdwsh: '行政许可决定文书号',
  xklb: '许可类别',
  xknr: '许可内容',
  jdrq: '许可决定日期',
  yxqz: '有效期自',
  yxjz: '有效期至',
  fzjg: '许可机关',
  sjlydw: '数据来源单位',
  zt: '当前状态',
  ztrq: '状态日期',
  ztyy: '状态原因',
  gkqk: '公开属性',
  bmsc: '保密审查',
  bz: '备注',
  gxsj: '更新时间',
};

const STATUS: Row = { '1': '有效', '2': '吊销', '3': '撤销', '4': '注销', '5': '暂扣', '6': '失效' };

const formRow = ({ row, changedAt }: Entry): Row => ({
  ...row,
  zt: STATUS[row['zt'] ?? ''] ?? '',
  gxsj: momentOf(changedAt),
});

async function writeCsv(file: string, entries: Iterable<Entry>): Promise<void> {
  const out = createWriteStream(file);
  const columns = Object.keys(HEADINGS);
  const line = (cells: readonly string[]): Buffer => iconv.encode(`${cells.map(csvCell).join(',')}\r\n`, 'gb18030');
  out.write(line(Object.values(HEADINGS)));
  for (const entry of entries) {
    const row = formRow(entry);
    const hasRoom = out.write(line(columns.map((column) => row[column] ?? '')));
    if (!hasRoom) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

const csvCell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const DATES = ['jdrq', 'yxqz', 'yxjz', 'ztrq'];

/** Title and notes merged over the width, an example row, columns in the order that this office likes, a note at the end. */
async function writeXlsx(file: string, entries: Iterable<Entry>): Promise<void> {
  const book = new ExcelJS.stream.xlsx.WorkbookWriter({ filename: file, useStyles: true });
  const sheet = book.addWorksheet('出版物批发');
  const columns = [
    'xkzbh',
    'tyshxydm',
    'qymc',
    ...Object.keys(HEADINGS).filter((name) => !['xkzbh', 'tyshxydm', 'qymc', 'lsh'].includes(name)),
    'lsh',
  ];
  sheet.addRow(['出版物经营许可证（批发）信息报送表']);
  sheet.addRow(['填表说明：1. 统一社会信用代码按文本填写；2. 有效期长期的填“长期”；3. 不得改动表头。']);
  writeHeader(sheet, columns);
  sheet.addRow(['示例：新出发桂批字第0000号', '（18 位）', '示例：某某图书有限公司']).commit();
  for (const entry of entries) {
    const row = formRow(entry);
    const added = sheet.addRow(columns.map((column) => cellOf(column, row[column] ?? '', entry.index)));
    for (const [i, column] of columns.entries()) if (DATES.includes(column)) added.getCell(i + 1).numFmt = 'yyyy/m/d';
    added.commit();
  }
  sheet.addRow([]).commit();
  sheet.addRow(['表格说明：本表每周五上午报局信息中心。']).commit();
  await book.commit();
}

/** Two lines: 有效期 spans its two columns, every other heading spans both lines. */
function writeHeader(sheet: ExcelJS.Worksheet, columns: readonly string[]): void {
  sheet.mergeCells(1, 1, 1, columns.length);
  sheet.mergeCells(2, 1, 2, columns.length);
  const from = columns.indexOf('yxqz');
  sheet.addRow(
    columns.map((column, i) => (i === from ? '有效期' : i === from + 1 ? '' : (HEADINGS[column] ?? column))),
  );
  sheet.addRow(columns.map((column, i) => (i === from || i === from + 1 ? (HEADINGS[column] ?? column) : '')));
  sheet.mergeCells(3, from + 1, 3, from + 2);
  for (const i of columns.keys()) if (i !== from && i !== from + 1) sheet.mergeCells(3, i + 1, 4, i + 1);
}

/** Some clerks type dates, for others they become cells of type date (serial numbers underneath). */
function cellOf(column: string, text: string, index: number): string | number | null {
  if (text === '') return null;
  if (!DATES.includes(column)) return text;
  if (/^\d{5}$/.test(text)) return Number(text);
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(dayNumber(text));
  return isDate && text < '2100' && index % 2 === 0 ? excelSerial(text) : text;
}
