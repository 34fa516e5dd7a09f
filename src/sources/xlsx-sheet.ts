import { MAX_COLUMNS, type RowFaultCode } from '../wire/row-fault.ts';
import type { Cell, TableLine } from './table.ts';
import { columnNumber } from './xlsx-merge.ts';
import { partText, saxParser, unescapeText } from './xlsx-part.ts';
import type { ZipMember } from './zip.ts';

export type SheetLine = TableLine & { readonly line: number };

interface OpenCell {
  column: number;
  type: string;
  text: string;
  taking: boolean;
}

/** Lines of one sheet in batches, with their numbers as the operator sees them. */
export async function* sheetLines(sheet: ZipMember, strings: readonly string[]): AsyncGenerator<readonly SheetLine[]> {
  const done: SheetLine[] = [];
  const parser = saxParser();
  wire(parser, strings, done);
  for await (const text of partText(sheet)) {
    parser.write(text);
    if (done.length > 0) yield done.splice(0);
  }
  parser.close();
  yield done.splice(0);
}

function wire(parser: ReturnType<typeof saxParser>, strings: readonly string[], done: SheetLine[]): void {
  let [line, column, inPhonetic] = [0, 0, false];
  let cells: Cell[] = [];
  let fault: RowFaultCode | undefined;
  const cell: OpenCell = { column: 0, type: '', text: '', taking: false };
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'row') {
      line = Number(attributes['r'] ?? line + 1);
      [column, cells, fault] = [0, [], undefined];
    } else if (name === 'c') {
      column = columnNumber(/^[A-Z]+/.exec(attributes['r'] ?? '')?.[0] ?? '') || column + 1;
      Object.assign(cell, { column, type: attributes['t'] ?? 'n', text: '' });
    } else if (name === 'rPh') inPhonetic = true;
    cell.taking = name === 'v' || (name === 't' && !inPhonetic);
  });
  parser.on('text', (text) => {
    if (cell.taking) cell.text += text;
  });
  parser.on('closetag', ({ name }) => {
    cell.taking = false;
    if (name === 'rPh') inPhonetic = false;
    if (name === 'row') done.push({ line, cells, raw: undefined, fault });
    if (name !== 'c') return;
    if (cell.type === 'e') fault = 'CELL_ERROR';
    if (cell.column > MAX_COLUMNS) fault = cell.text === '' ? fault : 'ROW_TOO_WIDE';
    else setCell(cells, cell.column, cellValue(cell, strings));
  });
}

function setCell(cells: Cell[], column: number, value: Cell): void {
  while (cells.length < column) cells.push(null);
  cells[column - 1] = value;
}

/** Serial dates are numbers here and become dates by the mapping; a number too long for Excel's 15 digits stays text. */
function cellValue({ type, text }: OpenCell, strings: readonly string[]): Cell {
  if (text === '') return null;
  if (type === 's') return strings[Number(text)] ?? null;
  if (type === 'b') return text === '1';
  if (type !== 'n') return unescapeText(text);
  const number = Number(text);
  return Number.isFinite(number) && Math.abs(number) < 1e15 ? number : text;
}
