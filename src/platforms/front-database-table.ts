import type { Knex } from 'knex';
import type { FrontColumn, FrontDatabaseSpec } from '../platform-spec.ts';
import type { FrontLink } from './front-database-link.ts';

/** A table of the platform's, its names taken from the database's own catalogue. */
export interface FrontTable {
  readonly name: string;
  /** Our words → the table's columns; optional ones only where they are. */
  readonly marks: { readonly [C in FrontColumn]?: string } & {
    readonly batchNo: string;
    readonly rowId: string;
    readonly op: string;
  };
  /** Business columns by lower-case name. */
  readonly columns: ReadonlyMap<string, string>;
  /** How a column keeps its values, by its name in the table. */
  readonly kinds: ReadonlyMap<string, ColumnKind>;
}

export type ColumnKind = 'text' | 'number' | 'day' | 'other';

/** The table does not fit what the job says: a person must mend one of them. */
export interface TableMisfit {
  readonly misfit: string;
}

const USUAL: { readonly [C in FrontColumn]: string } = {
  batchNo: 'BATCH_NO',
  rowId: 'ROW_ID',
  op: 'OP',
  pushTime: 'PUSH_TIME',
  syncFlag: 'SYNC_FLAG',
  syncTime: 'SYNC_TIME',
  errCode: 'ERR_CODE',
  errMsg: 'ERR_MSG',
  recordKey: 'RECORD_KEY',
  dataVersion: 'DATA_VERSION',
  payloadHash: 'PAYLOAD_HASH',
};

/** Names come from job files: letters, digits and underscore only, and they must exist (faults.md S21). */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export async function describeFront(
  link: FrontLink,
  table: string,
  spec: FrontDatabaseSpec,
): Promise<FrontTable | TableMisfit> {
  if (!IDENTIFIER.test(table)) return { misfit: `表名 ${table.slice(0, 70)} 不可用 (no name of a table)` };
  const catalogue = await catalogueOf(link.db, table);
  if (catalogue.size === 0) return { misfit: `没有表 ${table} (there is no table ${table})` };
  const marks: { [C in FrontColumn]?: string } = {};
  for (const column of Object.keys(USUAL) as FrontColumn[]) {
    const found = catalogue.get((spec.columns?.[column] ?? USUAL[column]).toLowerCase());
    if (found !== undefined) marks[column] = found.name;
    else if (spec.columns?.[column] !== undefined) return lacks(table, spec.columns[column]);
  }
  const { batchNo, rowId, op } = marks;
  if (batchNo === undefined) return lacks(table, USUAL.batchNo);
  if (rowId === undefined) return lacks(table, USUAL.rowId);
  if (op === undefined) return lacks(table, USUAL.op);
  if (marks.syncFlag === undefined && spec.receipts !== 'sync') return lacks(table, USUAL.syncFlag);
  const unsafe = await unsafeFor(link, table, { ledger: spec.ledger !== 'none', rowId });
  if (unsafe !== undefined) return { misfit: unsafe };
  const taken = new Set(Object.values(marks));
  const business = [...catalogue].filter(([, { name }]) => !taken.has(name));
  return {
    name: table,
    marks: { ...marks, batchNo, rowId, op },
    columns: new Map(business.map(([lower, { name }]) => [lower, name])),
    kinds: new Map(business.map(([, { name, type }]) => [name, kindOf(type)])),
  };
}

function kindOf(type: string): ColumnKind {
  if (/char|text|clob/i.test(type)) return 'text';
  if (/int|dec|num|float|double|real/i.test(type)) return 'number';
  return /^date|time/i.test(type) ? 'day' : 'other';
}

const lacks = (table: string, column: string): TableMisfit => ({
  misfit: `表 ${table} 没有列 ${column}；请平台补上，或在 platform.columns 写明其名称 (table ${table} has no column ${column})`,
});

async function catalogueOf(db: Knex, table: string): Promise<ReadonlyMap<string, { name: string; type: string }>> {
  const info = await db(table).columnInfo();
  return new Map(Object.entries(info).map(([name, { type }]) => [name.toLowerCase(), { name, type: String(type) }]));
}

/** What the protocol stands on: a table that rolls back and, without a ledger, a row id that cannot come twice. */
async function unsafeFor(
  { db, kind }: FrontLink,
  table: string,
  { ledger, rowId }: { readonly ledger: boolean; readonly rowId: string },
): Promise<string | undefined> {
  if (kind === 'mysql' && (await engineOf(db, table)) !== 'InnoDB') {
    return `表 ${table} 不支持事务，请平台改用 InnoDB (table ${table} has no transactions: it must be InnoDB)`;
  }
  if (ledger || kind === 'other' || (await isUnique({ db, kind }, table, rowId))) return undefined;
  return `没有批次表时 ${table}.${rowId} 必须有唯一索引 (without a ledger ${table}.${rowId} needs a unique index)`;
}

async function engineOf(db: Knex, table: string): Promise<string | undefined> {
  const sql =
    'SELECT ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?';
  const [rows] = (await db.raw(sql, [table])) as [{ engine: string | null }[]];
  return rows[0]?.engine ?? undefined;
}

async function isUnique({ db, kind }: Pick<FrontLink, 'db' | 'kind'>, table: string, column: string): Promise<boolean> {
  if (kind === 'mysql') {
    const sql = `SELECT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?
      AND NON_UNIQUE = 0 GROUP BY INDEX_NAME HAVING COUNT(*) = 1 AND LOWER(MAX(COLUMN_NAME)) = LOWER(?)`;
    const [rows] = (await db.raw(sql, [table, column])) as [unknown[]];
    return rows.length > 0;
  }
  const sql = `SELECT l.name FROM pragma_index_list(?) l WHERE l."unique" = 1
    AND (SELECT COUNT(*) FROM pragma_index_info(l.name)) = 1 AND (SELECT LOWER(MAX(i.name)) FROM pragma_index_info(l.name) i) = LOWER(?)
    UNION ALL SELECT name FROM pragma_table_info(?) WHERE pk = 1 AND LOWER(name) = LOWER(?)
      AND (SELECT COUNT(*) FROM pragma_table_info(?) WHERE pk > 0) = 1`;
  const rows = (await db.raw(sql, [table, column, table, column, table])) as unknown[];
  return rows.length > 0;
}
