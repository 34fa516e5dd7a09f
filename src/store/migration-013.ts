import type { Knex } from 'knex';

/** Whose records did not leave a period for want of a yes, as JSON: division → records. */
export async function createUnconfirmedBy(db: Knex): Promise<void> {
  if (await db.schema.hasColumn('periods', 'unconfirmed_by')) return;
  await db.schema.alterTable('periods', (table) => void table.text('unconfirmed_by'));
}
