import { HubError } from '../errors.ts';
import type { SqlSourceSpec } from '../source.ts';
import type { SqlBureau } from './sql-open.ts';

/** A table whose every name was checked against the database's own catalogue. */
export interface SqlTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** Are the values of the id column whole numbers? Then the cursor must be bound as a number, not as text. */
  readonly idIsInteger: boolean;
}

interface ColumnInfo {
  readonly name: string;
  readonly type: string;
}

/** Names come from job files: letters, digits and underscore only, and they must exist (faults.md S21). */
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export async function describeTable(bureau: SqlBureau, spec: SqlSourceSpec): Promise<SqlTable> {
  const asked = [spec.id, ...(spec.updatedAt === undefined ? [] : [spec.updatedAt]), ...(spec.columns ?? [])];
  for (const name of [spec.table, ...asked]) if (!IDENTIFIER.test(name)) throw wrongName(name);
  const catalogue = await columnsOf(bureau, spec.table);
  if (catalogue.length === 0) throw missing(`表 ${spec.table}`, `table ${spec.table}`);
  const known = new Map(catalogue.map((column) => [column.name, column]));
  for (const name of asked) if (!known.has(name)) throw missing(`列 ${spec.table}.${name}`, `column ${name}`);
  const columns = [...new Set([...asked, ...(spec.columns === undefined ? known.keys() : [])])];
  const binary = columns.find((name) => /blob|binary|^bit|geometry/i.test(known.get(name)?.type ?? ''));
  if (binary !== undefined) throw binaryColumn(binary);
  return { name: spec.table, columns, idIsInteger: /int/i.test(known.get(spec.id)?.type ?? '') };
}

async function columnsOf({ db, kind }: SqlBureau, table: string): Promise<ColumnInfo[]> {
  if (kind === 'sqlite') return db.raw('SELECT name, type FROM pragma_table_info(?)', [table]) as Promise<ColumnInfo[]>;
  const [rows] = (await db.raw(
    'SELECT COLUMN_NAME AS name, DATA_TYPE AS type FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [table],
  )) as [ColumnInfo[]];
  return rows;
}

const wrongName = (name: string): HubError =>
  new HubError(
    'SOURCE_NAME_WRONG',
    `名称 ${JSON.stringify(name.slice(0, 70))} 不可用作表名或列名 (no name of a table or column)`,
    {
      remedy: 'give-up',
      fix: '只用字母、数字和下划线,不以数字开头;必要时请对方建视图 (letters, digits, underscore; ask for a view where needed)',
    },
  );

const missing = (zh: string, en: string): HubError =>
  new HubError('SOURCE_COLUMN_MISSING', `数据库中没有${zh} (there is no ${en})`, {
    remedy: 'give-up',
    fix: '改正作业文件中的表名或列名(区分大小写),或查看对方是否改了结构 (correct the name in the job file, or see what the bureau changed)',
  });

const binaryColumn = (name: string): HubError =>
  new HubError('SOURCE_COLUMN_BINARY', `列 ${name} 是二进制内容 (column ${name} is binary)`, {
    remedy: 'give-up',
    fix: '在 source.columns 中列出需要的列,不含该列 (list the columns you need in source.columns, without this one)',
  });
