import { canonicalJson } from '../canonical.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { OutgoingBatch, Verdict } from '../platform.ts';
import type { FrontDatabaseSpec } from '../platform-spec.ts';
import type { ColumnKind, FrontTable, TableMisfit } from './front-database-table.ts';

/** A row as it is written, or as the database gives it back. */
export interface FrontRow {
  readonly [column: string]: unknown;
}

interface SentRecord {
  readonly rowId: string;
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
  readonly data: JsonObject;
}

export interface SentPackage {
  readonly dataClass: string;
  readonly records: readonly SentRecord[];
}

/** The hub's own package is what is sealed; the rows are read from its exact bytes. */
export function readPackage({ body }: OutgoingBatch): SentPackage {
  const sent: { readonly header: { readonly dataClass: string }; readonly records: readonly SentRecord[] } = JSON.parse(
    Buffer.from(body).toString('utf8'),
  );
  return { dataClass: sent.header.dataClass, records: sent.records };
}

const OPS = { upsert: 'U', withdraw: 'D' };
const FLAGS = { waiting: '0', taken: '1', accepted: '2', rejected: '3' };

/** Rows in order; every row has every business column that one of them uses, so that one statement takes them all. */
export function toRows(
  batch: OutgoingBatch,
  table: FrontTable,
  spec: FrontDatabaseSpec,
  now: Date,
): readonly FrontRow[] | TableMisfit {
  const { records } = readPackage(batch);
  const used = [...new Set(records.flatMap(({ data }) => Object.keys(data)))];
  const missing = used.filter((column) => !table.columns.has(column.toLowerCase()));
  if (missing.length > 0) {
    return { misfit: `表 ${table.name} 缺列 ${missing.join(', ')} (table ${table.name} lacks columns)` };
  }
  return records.map((record) => ({
    ...Object.fromEntries(used.map((column) => [columnOf(table, column), scalar(record.data[column])])),
    ...markValues(record, batch, table, spec, now),
  }));
}

const columnOf = (table: FrontTable, column: string): string => table.columns.get(column.toLowerCase()) ?? column;

const scalar = (value: Json | undefined): unknown => {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'object' ? canonicalJson(value) : value;
};

function markValues(
  record: SentRecord,
  batch: OutgoingBatch,
  { marks }: FrontTable,
  { ops = OPS, flags = FLAGS }: FrontDatabaseSpec,
  now: Date,
): FrontRow {
  const values: { readonly [column: string]: unknown } = {
    batchNo: batch.batchId,
    rowId: record.rowId,
    op: record.op === 'D' ? ops.withdraw : ops.upsert,
    pushTime: chinaTime(now),
    syncFlag: flags.waiting,
    recordKey: record.recordKey,
    dataVersion: record.dataVersion,
    payloadHash: record.payloadHash,
  };
  return Object.fromEntries(
    Object.entries(marks).flatMap(([mark, column]) => (mark in values ? [[column, values[mark]]] : [])),
  );
}

/** `2026-11-27 09:00:00`: what such tables hold, in China's time. */
const chinaTime = (now: Date): string =>
  new Date(now.getTime() + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');

/** Columns that the platform writes, and the moment of a resend: no part of the comparison. */
const MOVING = ['pushTime', 'syncFlag', 'syncTime', 'errCode', 'errMsg'] as const;

/** The first place where the database holds something else than was sent (delivery.md T15), named by row and column. */
export function differs(sent: readonly FrontRow[], held: readonly FrontRow[], table: FrontTable): string | undefined {
  const { marks } = table;
  const moving = new Set(MOVING.map((mark) => marks[mark]));
  const same = (column: string, a: FrontRow, b: FrontRow): boolean =>
    sameValue(a[column], b[column], table.kinds.get(column) ?? 'other');
  const byId = new Map(held.map((row) => [String(row[marks.rowId]), row]));
  if (byId.size !== held.length) return `${marks.rowId} 有重复 (doubled)`;
  for (const [index, row] of sent.entries()) {
    const there = byId.get(String(row[marks.rowId]));
    if (there === undefined) return `第 ${index + 1} 行不在 (row ${index + 1} is not there)`;
    const column = Object.keys(row).find((name) => !moving.has(name) && !same(name, row, there));
    if (column !== undefined)
      return `第 ${index + 1} 行 ${column} 与所报不同 (row ${index + 1}, ${column} is not what was sent)`;
  }
  return undefined;
}

/** Texts to the character; in a column for numbers by value (1.50 is 1.5), in one for days by the day. */
function sameValue(sent: unknown, held: unknown, kind: ColumnKind): boolean {
  if (sent === null || held === null || held === undefined) return (sent ?? null) === (held ?? null);
  const [a, b] = [String(sent), held instanceof Date ? chinaTime(held) : String(held)];
  if (a === b) return true;
  if (kind === 'number') return plainNumber(a) === plainNumber(b);
  return kind === 'day' && isoDay(a) !== undefined && isoDay(a) === isoDay(b);
}

const plainNumber = (text: string): string =>
  /^-?\d+(\.\d+)?$/.test(text) ? text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') : text;

const isoDay = (text: string): string | undefined => /^\d{4}-\d\d-\d\d/.exec(text.replaceAll('/', '-'))?.[0];

/** What the platform wrote back; undefined while a row still waits. */
export function verdictsIn(
  held: readonly FrontRow[],
  { marks }: FrontTable,
  { flags = FLAGS }: FrontDatabaseSpec,
): readonly Verdict[] | undefined {
  const verdicts: Verdict[] = [];
  for (const row of held) {
    const idemKey = String(row[marks.rowId]);
    const flag = textIn(row, marks.syncFlag);
    const [code, reason] = [textIn(row, marks.errCode), textIn(row, marks.errMsg)];
    if (flag === flags.accepted) verdicts.push({ idemKey, outcome: 'accepted', code: code || 'OK' });
    else if (flag === flags.rejected) {
      verdicts.push({ idemKey, outcome: 'rejected', code: code || 'REJECTED', reason: reason || code || 'REJECTED' });
    } else return undefined;
  }
  return verdicts;
}

const textIn = (row: FrontRow, column: string | undefined): string => {
  const value = column === undefined ? undefined : row[column];
  return value === null || value === undefined ? '' : String(value).trim();
};

/** Does this row stand for what the platform holds? What it rejected or has not looked at does not. */
export const isTaken = (
  row: FrontRow,
  { marks }: FrontTable,
  { flags = FLAGS, receipts }: FrontDatabaseSpec,
): boolean =>
  receipts === 'sync' ? textIn(row, marks.syncFlag) !== flags.rejected : textIn(row, marks.syncFlag) === flags.accepted;

export const isWithdrawal = (row: FrontRow, { marks }: FrontTable, { ops = OPS }: FrontDatabaseSpec): boolean =>
  textIn(row, marks.op) === ops.withdraw;

/** Canonical JSON of a row's business columns, where all that is set is text: only then it is what we once hashed. */
export function dataOf(row: FrontRow, { columns, kinds }: FrontTable): string | undefined {
  const set = [...columns.values()].filter((column) => row[column] !== null && row[column] !== undefined);
  if (set.some((column) => kinds.get(column) !== 'text' || typeof row[column] !== 'string')) return undefined;
  const data: unknown = Object.fromEntries(set.map((column) => [column, row[column]]));
  return isJsonObject(data) ? canonicalJson(data) : undefined;
}
