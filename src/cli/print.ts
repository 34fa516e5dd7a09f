import Table from 'cli-table3';
import { databaseTrouble } from '../database-trouble.ts';
import { HubError, SetupError, type SetupFault } from '../errors.ts';

/** Standard output takes answers only; everything else goes to standard error, so that `--json` can be piped. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The one JSON document of a command with `--json`. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Text from outside made harmless for a terminal: control, bidi and invisible characters shown as escapes (faults.md S19). */
export const plain = (text: string): string =>
  text.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;

type Cell = string | number | null | undefined;

/** A table that fits a terminal; `—` where there is nothing. */
export function printTable(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const table = new Table({ head: [...head], style: { head: [], border: [], 'padding-left': 1, 'padding-right': 1 } });
  for (const row of rows)
    table.push(row.map((cell) => (cell === null || cell === undefined || cell === '' ? '—' : plain(String(cell)))));
  print(table.toString());
}

/** Tables or one JSON document, and a sentence where there is nothing to show. */
export function printRows<Row>(
  rows: readonly Row[],
  options: {
    readonly json?: boolean | undefined;
    readonly head: readonly string[];
    readonly cells: (row: Row) => readonly Cell[];
    readonly none: string;
  },
): void {
  if (options.json) printJson(rows);
  else if (rows.length === 0) print(options.none);
  else printTable(options.head, rows.map(options.cells));
}

/** `file:line  中文 (English)`, one fault a line. */
export const faultLine = ({ where, line, zh, en }: SetupFault): string =>
  plain(`${where}${line === undefined ? '' : `:${line}`}  ${zh} (${en})`);

/** Exit code of an error, told to a person on standard error: 78 wrong set-up, 2 wrong usage, 1 anything else. */
export function tell(error: unknown): number {
  if (error instanceof SetupError) {
    complain(error.message);
    for (const fault of error.faults) complain(`  ${faultLine(fault)}`);
    return 78;
  }
  const known = error instanceof HubError ? error : databaseTrouble(error);
  if (known !== undefined) {
    complain(`${plain(known.message)} [${known.code}]`);
    complain(`  → ${plain(known.fix)}`);
    return known.code.startsWith('USAGE_') ? 2 : 1;
  }
  complain(`程序缺陷，请连同以下内容报告 (a bug; please report it with this):`);
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

/** `2026-11-27 09:00` in the given zone. */
export function localTime(instant: Date | string | null, timeZone: string): string {
  if (instant === null) return '—';
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return parts.format(new Date(instant));
}

export const wrongUsage = (zh: string, en: string, fix: string): HubError =>
  new HubError('USAGE_WRONG', `${zh} (${en})`, { remedy: 'give-up', fix });
