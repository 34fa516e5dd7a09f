import { textOf } from '../delivery/package-data.ts';
import type { ReceiptRow } from '../platforms/receipt-file.ts';

/** One record that was sent, as its platform's form shows it. */
export interface SentRecord {
  readonly batchId: string;
  readonly idemKey: string;
  /** Column code → value. */
  readonly data: { readonly [column: string]: unknown };
}

export interface Matched {
  readonly row: ReceiptRow;
  readonly record: SentRecord | undefined;
  /** How many records fit; anything but 1 is no match. */
  readonly fits: number;
}

/**
 * Finds the record of each receipt row by the columns of our own form that came back with it: all that it fills must be equal, and
 * exactly one record may fit. `codeOf`: title or code → code, undefined for columns that are none of the form's.
 */
export function matchRows(
  rows: readonly ReceiptRow[],
  records: readonly SentRecord[],
  codeOf: (column: string) => string | undefined,
): Matched[] {
  const indexes = new Map<string, ReadonlyMap<string, readonly SentRecord[]>>();
  return rows.map((row) => {
    const given = Object.entries(row.others).flatMap(([column, value]) => {
      const code = codeOf(column);
      return code === undefined || value === '' ? [] : [[code, value] as const];
    });
    if (given.length === 0) return { row, record: undefined, fits: 0 };
    const codes = given.map(([code]) => code);
    const name = codes.join('\n');
    const index = indexes.get(name) ?? indexBy(records, codes);
    indexes.set(name, index);
    const fitting = index.get(keyOf(given.map(([, value]) => value))) ?? [];
    return { row, record: fitting.length === 1 ? fitting[0] : undefined, fits: fitting.length };
  });
}

function indexBy(records: readonly SentRecord[], codes: readonly string[]): ReadonlyMap<string, readonly SentRecord[]> {
  const index = new Map<string, SentRecord[]>();
  for (const record of records) {
    const key = keyOf(codes.map((code) => textOf(record.data[code])));
    const there = index.get(key);
    if (there === undefined) index.set(key, [record]);
    else there.push(record);
  }
  return index;
}

/** Blanks at the ends are lost in spreadsheets, line ends are changed there. */
const keyOf = (values: readonly string[]): string =>
  JSON.stringify(values.map((value) => value.replaceAll('\r\n', '\n').trim()));
