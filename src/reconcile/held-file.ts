import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { HubError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { HeldRecord } from '../platform.ts';
import { openSource } from '../sources/index.ts';
import type { Reader } from '../store/database.ts';
import { acceptedByNumber } from '../store/ledger-pages.ts';

/** A list that a person exported from the platform's screen. */
export interface HeldFile {
  readonly holdings: (signal: AbortSignal) => AsyncIterable<HeldRecord>;
  /** When it was written: what was settled later cannot be judged by it. */
  readonly since: string;
}

/** Columns that name a record, the first that is there counts: our row id, or the number on licence or document. */
const ROW_ID = ['rowId', '行标识', '报送编号'];
const NUMBER = [
  ...['number', '编号', '许可编号', '许可证号', '文号', '决定书文号'],
  ...[
    '行政许可决定文书号',
    '行政许可决定文书号*',
    '行政处罚决定书文号',
    '行政处罚决定书文号*',
    'XK_WSH',
    'CF_WSH',
    'XK_BH',
  ],
];

/**
 * CSV, XLSX, JSON or NDJSON as any bureau may drop it. Rows name records by row id or by number; a number names every record of that
 * number that the platform accepted. Throws HubError SOURCE_… for a damaged file and PLATFORM_UNREADABLE for one without such a column.
 */
export async function heldFile(db: Reader, platform: string, path: string, now: () => Date): Promise<HeldFile> {
  const full = resolve(path);
  const written = await stat(full).catch(() => undefined);
  if (written === undefined) throw unreadable(`找不到文件 ${path} (no such file)`);
  return {
    since: new Date(Math.min(written.mtimeMs, now().getTime())).toISOString(),
    holdings: (signal) => rowsOf(db, platform, { full, signal, now }),
  };
}

interface Reading {
  readonly full: string;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

async function* rowsOf(db: Reader, platform: string, { full, signal, now }: Reading): AsyncGenerator<HeldRecord> {
  const spec = { use: 'files', folder: dirname(full), match: globOf(basename(full)), settle: '0s' } as const;
  const source = await openSource(spec, { name: 'reconcile' });
  const seen = new Set<string>();
  try {
    for await (const page of source.pages(undefined, { signal, now })) {
      const rows = page.rows.map(({ fields, rowNo }) => named(fields, rowNo));
      const numbers = rows.flatMap((row) => ('number' in row ? row.number : [])).filter((number) => !seen.has(number));
      for (const number of numbers) seen.add(number);
      for (const row of rows) if ('rowId' in row) yield { idemKey: row.rowId, operation: 'UPSERT' };
      yield* byNumber(db, platform, [...new Set(numbers)]);
    }
  } finally {
    await source.close();
  }
}

/** Brackets in a file's name are no pattern. */
const globOf = (name: string): string => name.replace(/[[\]{}*?!()]/g, '?');

function named(
  fields: JsonObject | undefined,
  rowNo: number,
): { readonly rowId: string } | { readonly number: string } {
  const first = (names: readonly string[]): string | undefined =>
    names
      .map((name) => fields?.[name])
      .find((value): value is string => typeof value === 'string' && value.trim() !== '');
  const rowId = first(ROW_ID)?.trim();
  if (rowId !== undefined) return { rowId: rowId.slice(0, 80) };
  const number = first(NUMBER)?.trim();
  if (number !== undefined) return { number };
  throw unreadable(`第 ${rowNo} 行没有报送编号或证照文号 (row ${rowNo} has neither row id nor number)`);
}

async function* byNumber(db: Reader, platform: string, numbers: readonly string[]): AsyncGenerator<HeldRecord> {
  const known = await acceptedByNumber(db, platform, numbers);
  for (const number of numbers) {
    const found = known.get(number);
    if (found === undefined) yield { idemKey: number.slice(0, 80), operation: 'UPSERT' };
    for (const idemKey of found ?? []) yield { idemKey, operation: 'UPSERT' };
  }
}

const unreadable = (reason: string): HubError =>
  new HubError('PLATFORM_UNREADABLE', `清单读不了：${reason} (the list cannot be read)`, {
    remedy: 'give-up',
    fix: '清单第一行应有列名 rowId 或 编号、许可证号、文号之一 (its first line names the columns: rowId, or number)',
  });
