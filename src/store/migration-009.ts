import type { Knex } from 'knex';
import { isSqlite, select } from './database.ts';

/** What people look the ledger up by: credit code, name, receipt, period. A migration that was killed goes on where it was. */
export async function createAuditIndexes(db: Knex): Promise<void> {
  await addIndex(db, 'records', 'records_credit_code', ['credit_code']);
  await addIndex(db, 'records', 'records_name', ['name']);
  await addIndex(db, 'batches', 'batches_receipt', ['receipt_id']);
  await addIndex(db, 'batches', 'batches_parent', ['parent_id']);
  await addIndex(db, 'batches', 'batches_of_period', ['period']);
  await addIndex(db, 'receipts', 'receipts_receipt', ['receipt_id']);
}

async function addIndex(db: Knex, table: string, name: string, columns: readonly string[]): Promise<void> {
  if (await hasIndex(db, table, name)) return;
  await db.schema.alterTable(table, (change) => change.index([...columns], name));
}

async function hasIndex(db: Knex, table: string, name: string): Promise<boolean> {
  const sql = isSqlite(db)
    ? "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name = ?"
    : 'SELECT index_name AS name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?';
  return (await select(db, sql, [table, name])).length > 0;
}
