import { type Reader, select } from './database.ts';

/** What a filter of a command may name. */
export type NameKind = 'job' | 'platform' | 'division';

/** Columns that hold such names; what a job that is gone left behind can still be looked up. */
const COLUMNS: { readonly [K in NameKind]: readonly (readonly [table: string, column: string])[] } = {
  job: [
    ['runs', 'job'],
    ['quarantine', 'job'],
  ],
  platform: [
    ['periods', 'platform'],
    ['batches', 'platform'],
    ['quarantine', 'platform'],
    ['carried_packages', 'lane'],
  ],
  division: [['quarantine', 'division']],
};

/** Every name of this kind that stands on record. */
export async function namesOnRecord(db: Reader, kind: NameKind): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const [table, column] of COLUMNS[kind]) {
    const sql = `SELECT DISTINCT ${column} AS name FROM ${table} WHERE ${column} IS NOT NULL`;
    for (const { name } of await select<{ name: string }>(db, sql, [])) names.add(name);
  }
  return [...names];
}
