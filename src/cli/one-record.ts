import { ledgers } from '../audit/ledger.ts';
import { ledgerTerms } from '../audit/ledger-terms.ts';
import type { Db } from '../store/database.ts';
import type { RecordRow } from '../store/ledger.ts';
import { notThere, wrongUsage } from './print.ts';

/** A number that several records share is no name: a person must say which one is meant. */
export async function oneRecord(db: Db, key: string): Promise<RecordRow> {
  const found: RecordRow[] = [];
  for await (const { ledger: _, told: __, ...record } of ledgers(db, { terms: ledgerTerms(key) })) found.push(record);
  const [record, ...more] = found;
  if (record !== undefined && more.length === 0) return record;
  throw record === undefined
    ? notThere(
        'RECORD_UNKNOWN',
        `证照库里没有 ${key}`,
        `${key} is not in the library`,
        '用 hub ledger 查找 (look it up with hub ledger)',
      )
    : wrongUsage(
        `${key} 对应 ${more.length + 1} 条记录`,
        `${key} names ${more.length + 1} records`,
        `请写业务主键 (give the record key): ${[record, ...more].map((one) => one.key).join(' ')}`,
      );
}
