import { canonicalJson } from '../canonical.ts';
import type { Json } from '../json.ts';
import { isReadable, MAX_COLUMNS, type RowFaultCode, rowFault, textFaults } from '../wire/row-fault.ts';
import { FileDamage } from './file-damage.ts';
import type { RowRead } from './row-read.ts';

export type Cell = string | number | boolean | null;

/** One line of a sheet or of a separated file, before anyone knows which line is the header. */
export interface TableLine {
  readonly cells: readonly Cell[];
  /** Exact text; absent for spreadsheets, whose raw form is their canonical JSON. */
  readonly raw: string | undefined;
  readonly fault: RowFaultCode | undefined;
  /** How many of the following lines belong to the same header cell, by vertical merging. */
  readonly headerBelow?: number;
}

export interface TableOptions {
  /** A line with too few or too many cells is a fault (CSV); spreadsheets leave empty cells out. */
  readonly strictWidth: boolean;
}

const LOOK_AHEAD = 10;

/**
 * Rows by the names of the header, in whatever order the columns stand. The header is looked for in the first ten
 * lines; titles, template notes («表格说明», 填表说明 …), 示例 rows and empty lines are no rows (domain.md §10.16).
 */
export async function* tableRows(
  lines: AsyncIterable<readonly TableLine[]>,
  options: TableOptions,
): AsyncGenerator<readonly RowRead[]> {
  let waiting: TableLine[] = [];
  let table: Table | undefined;
  for await (const batch of lines) {
    if (table !== undefined) yield takeLines(table, batch, options);
    else waiting = waiting.concat(batch);
    if (table === undefined && waiting.length >= LOOK_AHEAD) {
      table = begin(waiting);
      yield takeLines(table, waiting.slice(table.headerLines), options);
    }
  }
  if (table === undefined) {
    table = begin(waiting);
    yield takeLines(table, waiting.slice(table.headerLines), options);
  }
  refuseWrongCount(table);
}

interface Table {
  readonly names: readonly string[];
  readonly headerLines: number;
  rows: number;
  /** Of a closing line `#count=123`. */
  promised: number | undefined;
}

function begin(lines: readonly TableLine[]): Table {
  const index = headerIndex(lines.slice(0, LOOK_AHEAD));
  const last = index + (lines[index]?.headerBelow ?? 0);
  const names = headerNames(lines[last]?.cells ?? []);
  if (names.length === 0) throw new FileDamage('没有表头 (no header line)');
  const repeated = names.find((name, at) => name !== '' && names.indexOf(name) !== at);
  if (repeated !== undefined) throw new FileDamage(`表头“${repeated}”出现两次 (the column ${repeated} stands twice)`);
  if (names.length > MAX_COLUMNS) throw new FileDamage(`超过 ${MAX_COLUMNS} 列 (more than ${MAX_COLUMNS} columns)`);
  if (names.some((name) => FORBIDDEN.has(name) || textFaults(name).length > 0))
    throw new FileDamage('表头含乱码或不予接收的列名 (a garbled or forbidden column name)');
  return { names, headerLines: last + 1, rows: 0, promised: undefined };
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** The first line with (nearly) as many names as the fullest one; titles and notes have one or two. */
function headerIndex(lines: readonly TableLine[]): number {
  const counts = lines.map(nameCount);
  const most = Math.max(0, ...counts);
  return Math.max(
    0,
    counts.findIndex((count) => count >= 0.6 * most && count > 0),
  );
}

/** A merged text counts once, in however many cells it stands. */
function nameCount({ cells, fault, headerBelow }: TableLine): number {
  if (fault !== undefined) return 0;
  const names = cells.filter(isName);
  return headerBelow === undefined ? names.length : new Set(names).size;
}

const isName = (cell: Cell): boolean => typeof cell === 'string' && cell.trim() !== '';

function headerNames(cells: readonly Cell[]): string[] {
  const names = cells.map((cell) =>
    cell === null
      ? ''
      : String(cell)
          .trim()
          .replace(/\s*\n\s*/g, ''),
  );
  while (names.at(-1) === '') names.pop();
  return names;
}

function takeLines(table: Table, lines: readonly TableLine[], options: TableOptions): RowRead[] {
  const rows: RowRead[] = [];
  for (const line of lines) {
    if (table.promised !== undefined && !isEmpty(line))
      throw new FileDamage('合计行之后还有内容 (rows behind the count line)');
    const promised = line.fault === undefined ? countLine(line.cells) : undefined;
    if (promised !== undefined) table.promised = promised;
    else if (line.fault !== undefined || !(isEmpty(line) || isNote(line.cells, table.names.length)))
      rows.push(toRow(table, line, options));
  }
  table.rows += rows.length;
  return rows;
}

const isEmpty = (line: TableLine): boolean =>
  line.fault === undefined &&
  line.cells.every((cell) => cell === null || (typeof cell === 'string' && cell.trim() === ''));

const NOTE =
  /^[«《【[（(]?(?:表格说明|填表说明|填写说明|填报说明|填表须知|说明|备注|注)[»》】\]）)]?(?:[:：、\s].*)?$/s;
const EXAMPLE = /^[«《【[（(]?(?:示例|样例)(?:行|数据)?[»》】\]）)]?(?:[:：、\s].*)?$/s;

/** Notes stand alone in their line; an example line is full but says so in its first cell. */
function isNote(cells: readonly Cell[], width: number): boolean {
  const filled = [...new Set(cells.filter((cell) => cell !== null && cell !== ''))];
  const first = String(filled[0] ?? '').trim();
  return EXAMPLE.test(first) || (filled.length <= 2 && width > 2 && NOTE.test(first));
}

function countLine(cells: readonly Cell[]): number | undefined {
  const first = cells[0];
  if (typeof first !== 'string' || !first.startsWith('#')) return undefined;
  const match = /^#\s*(?:count|rows|total)\s*[=:]\s*(\d{1,9})\s*$/i.exec(first);
  return match === null ? undefined : Number(match[1]);
}

function refuseWrongCount({ promised, rows }: Table): void {
  if (promised === undefined || promised === rows) return;
  throw new FileDamage(
    `文件说有 ${promised} 行,实有 ${rows} 行 (the file promises ${promised} rows and holds ${rows})`,
  );
}

function toRow(table: Table, line: TableLine, options: TableOptions): RowRead {
  const { names } = table;
  const fields: { [name: string]: Json } = {};
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index];
    if (name !== undefined && name !== '') fields[name] = line.cells[index] ?? null;
  }
  const raw = line.raw ?? rawOf(line.cells);
  const code = line.fault ?? widthFault(line.cells, names, options);
  if (code !== undefined) return { raw: raw.slice(0, 1_048_576), fields: undefined, faults: [rowFault(code)] };
  const faults = textFaults(fields);
  return { raw, fields: isReadable(faults) ? fields : undefined, faults };
}

const rawOf = (cells: readonly Cell[]): string => {
  try {
    return canonicalJson(cells);
  } catch {
    return JSON.stringify(cells);
  }
};

/** Cells under no name: nobody could say what they mean. Empty ones at the end are what spreadsheets leave behind. */
function widthFault(
  cells: readonly Cell[],
  names: readonly string[],
  { strictWidth }: TableOptions,
): RowFaultCode | undefined {
  const nameless = cells.some((cell, index) => (names[index] ?? '') === '' && cell !== null && cell !== '');
  if (nameless || (strictWidth && cells.length < names.length)) return 'ROW_COLUMNS_WRONG';
  return undefined;
}
