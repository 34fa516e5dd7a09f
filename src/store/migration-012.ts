import type { Knex } from 'knex';

/** What a platform failed of last, beside what it failed of first. */
export async function createLatestReason(db: Knex): Promise<void> {
  if (await db.schema.hasColumn('breakers', 'latest')) return;
  await db.schema.alterTable('breakers', (table) => void table.text('latest'));
}
