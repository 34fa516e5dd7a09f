import type { Knex } from 'knex';

/**
 * Who stands for a request that nobody asked by name. A migration that was killed between two statements goes on where it was.
 */
export async function createClaims(db: Knex): Promise<void> {
  const add = async (column: string, build: (table: Knex.AlterTableBuilder) => void): Promise<void> => {
    if (!(await db.schema.hasColumn('requests', column))) await db.schema.alterTable('requests', build);
  };
  await add('claimed_by', (table) => void table.string('claimed_by', 128));
  await add('claim_reason', (table) => void table.text('claim_reason'));
  await add('claimed_at', (table) => void table.string('claimed_at', 24));
}
