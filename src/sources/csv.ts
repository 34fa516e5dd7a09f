import { MAX_ROW_BYTES, type RowFaultCode } from '../wire/row-fault.ts';
import { type FileBytes, type ReadHow, textChunks } from './file-bytes.ts';
import { FileDamage } from './file-damage.ts';
import type { RowRead } from './row-read.ts';
import { type TableLine, tableRows } from './table.ts';

export const readCsv = (file: FileBytes, how: ReadHow): AsyncIterable<readonly RowRead[]> =>
  readSeparated(file, how, ',');

export const readTsv = (file: FileBytes, how: ReadHow): AsyncIterable<readonly RowRead[]> =>
  readSeparated(file, how, '\t');

const readSeparated = (file: FileBytes, how: ReadHow, separator: string): AsyncIterable<readonly RowRead[]> =>
  tableRows(lines(file, how, separator), { strictWidth: true });

/**
 * RFC 4180, split by hand: a misplaced quote costs exactly the line that it stands in, with its exact text.
 * (csv-parse, told to skip such records, drops sound neighbours with them and reports a wrong raw text.)
 */
async function* lines(file: FileBytes, how: ReadHow, separator: string): AsyncGenerator<readonly TableLine[]> {
  let rest = '';
  for await (const chunk of textChunks(file, how.encoding)) {
    const { done, left } = split(rest + chunk, separator, false);
    rest = left;
    if (rest.length > 64 * MAX_ROW_BYTES) throw unclosed();
    if (done.length > 0) yield done;
  }
  const { done, left } = split(rest, separator, true);
  if (left !== '') throw unclosed();
  yield done;
}

const unclosed = (): FileDamage =>
  new FileDamage('引号未闭合,文件可能被截断 (a quote is never closed: the file may be cut off)');

interface Split {
  readonly done: readonly TableLine[];
  /** The unfinished record at the end. */
  readonly left: string;
}

function split(text: string, separator: string, atEnd: boolean): Split {
  const done: TableLine[] = [];
  let from = 0;
  while (from < text.length) {
    const newline = text.indexOf('\n', from);
    if (newline < 0 && !atEnd) break;
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(from, text[end - 1] === '\r' ? end - 1 : end);
    if (!line.includes('"')) {
      done.push({ raw: line, cells: line.split(separator), fault: faultOf(line) });
      from = end + 1;
      continue;
    }
    const record = quotedRecord(text, from, separator, atEnd);
    if (record === 'unfinished') break;
    if (record === 'misplaced') done.push({ raw: line, cells: [], fault: 'ROW_QUOTE_WRONG' });
    else done.push(record.line);
    from = record === 'misplaced' ? end + 1 : record.next;
  }
  return { done, left: text.slice(from) };
}

const faultOf = (raw: string): RowFaultCode | undefined => (raw.length > MAX_ROW_BYTES ? 'ROW_TOO_LARGE' : undefined);

interface QuotedRecord {
  readonly line: TableLine;
  readonly next: number;
}

/** One record with at least one quote in its first line; it may run over several lines. */
function quotedRecord(
  text: string,
  from: number,
  separator: string,
  atEnd: boolean,
): QuotedRecord | 'unfinished' | 'misplaced' {
  const cells: string[] = [];
  for (let at = from; ; ) {
    const cell = text[at] === '"' ? quotedCell(text, at) : plainCell(text, at, separator);
    if (cell === undefined) return 'unfinished';
    const after = text[cell.end];
    if (after === undefined && !atEnd) return 'unfinished';
    cells.push(cell.value);
    at = cell.end + 1;
    if (after === separator) continue;
    const crlf = after === '\r' && text[at] === '\n';
    if (after === '\r' && text[at] === undefined && !atEnd) return 'unfinished';
    if (after !== undefined && after !== '\n' && !crlf) return 'misplaced';
    const raw = text.slice(from, cell.end);
    return { line: { raw, cells, fault: faultOf(raw) }, next: crlf ? at + 1 : at };
  }
}

interface CsvCell {
  readonly value: string;
  /** Place behind the cell: separator, line end or end of text. */
  readonly end: number;
}

/** Undefined while its closing quote has not come. */
function quotedCell(text: string, open: number): CsvCell | undefined {
  for (let at = open + 1; ; at += 2) {
    at = text.indexOf('"', at);
    if (at < 0) return undefined;
    if (text[at + 1] !== '"') return { value: text.slice(open + 1, at).replaceAll('""', '"'), end: at + 1 };
  }
}

/** A quote inside an unquoted cell (某"某"公司) is unambiguous and stays as it is. */
function plainCell(text: string, from: number, separator: string): CsvCell {
  let end = from;
  while (
    end < text.length &&
    text[end] !== separator &&
    text[end] !== '\n' &&
    !(text[end] === '\r' && text[end + 1] === '\n')
  )
    end += 1;
  return { value: text.slice(from, end), end };
}
