import type { Knex } from 'knex';
import { tableMaker } from './table-maker.ts';

/**
 * Batches in other forms than the hub's own package, and the secrets that platforms issue.
 * A migration that was killed between two statements goes on where it was.
 */
export async function createWires(db: Knex): Promise<void> {
  const add = async (column: string, build: (table: Knex.AlterTableBuilder) => void): Promise<void> => {
    if (!(await db.schema.hasColumn('batches', column))) await db.schema.alterTable('batches', build);
  };
  /** Of `body`; null: the hub's own package, JSON. */
  await add('content_type', (table) => void table.string('content_type', 128));
  /** Where `body` is another form: the package it was rendered from, zstd-compressed; batches are split from it. */
  await add('package_body', (table) => void table.specificType('package_body', 'longblob'));
  const make = tableMaker(db);
  await make('vault', (table) => {
    table.string('name', 128).primary();
    /** AES-256-GCM under HUB_SECRET_KEY: nonce, ciphertext, tag. */
    table.binary('sealed', 4096).notNullable();
    table.string('ends_at', 24);
    table.string('updated_at', 24).notNullable();
  });
}
