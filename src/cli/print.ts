import Table from 'cli-table3';
import { databaseTrouble } from '../database-trouble.ts';
import { HubError, SetupError, type SetupFault } from '../errors.ts';

/** Of this process: whether standard output has something of the answer already. */
let answered = false;

/** A command begins. */
export function beginAnswer(): void {
  answered = false;
}

/** Standard output takes answers only; everything else goes to standard error, so that `--json` can be piped. */
export function print(line = ''): void {
  answered = true;
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

/**
 * Exit code of an error, told to a person on standard error: 78 wrong set-up, 2 wrong usage, 1 anything else; `json`: and as the one
 * document of the command, `{ error: { code, message, fix } }`, on standard output.
 */
export function tell(error: unknown, json: boolean): number {
  const known = error instanceof HubError ? error : (databaseTrouble(error) ?? bug(error));
  if (json && !answered) printJson({ error: documentOf(known) });
  if (known instanceof SetupError) {
    complain(known.message);
    for (const fault of known.faults) complain(`  ${faultLine(fault)}`);
    return 78;
  }
  complain(`${plain(known.message)} [${known.code}]`);
  complain(`  → ${plain(known.fix)}`);
  if (known.code === BROKEN) complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return known.code.startsWith('USAGE_') ? 2 : 1;
}

const documentOf = (error: HubError) => ({
  ...{ code: error.code, message: error.message, fix: error.fix },
  ...(error instanceof SetupError ? { faults: error.faults } : {}),
});

const BROKEN = 'HUB_BROKEN';

const bug = (error: unknown): HubError =>
  new HubError(BROKEN, `程序缺陷 (a bug): ${error instanceof Error ? error.message : String(error)}`, {
    remedy: 'give-up',
    fix: '请连同标准错误输出的内容报告 (please report it with what stands on standard error)',
  });

/** `2026-11-27 09:00` in the given zone. */
export function localTime(instant: Date | string | null, timeZone: string): string {
  if (instant === null) return '—';
  const parts = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return parts.format(new Date(instant));
}

/** The words can be read, but what they name is not there: one exit code, 1, in every command; `code` says what was sought. */
export const notThere = (
  code: `${string}_UNKNOWN` | `${string}_MISSING`,
  zh: string,
  en: string,
  fix: string,
): HubError => new HubError(code, `${zh} (${en})`, { remedy: 'give-up', fix });

/** Words that cannot be read, whatever the hub holds: exit code 2. */
export const wrongUsage = (zh: string, en: string, fix: string): HubError =>
  new HubError('USAGE_WRONG', `${zh} (${en})`, { remedy: 'give-up', fix });
