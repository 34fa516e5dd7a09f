import type { Knex } from 'knex';

/** The log's checkpoint that travels with a carried package. A migration that was killed between two statements goes on where it was. */
export async function createCarriedAnchors(db: Knex): Promise<void> {
  for (const name of ['carried_packages', 'ferry_arrivals']) {
    if (await db.schema.hasColumn(name, 'anchor')) continue;
    await db.schema.alterTable(name, (table) => void table.text('anchor'));
  }
}
