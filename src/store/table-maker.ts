import type { Knex } from 'knex';
import { isSqlite } from './database.ts';

/** Creates a table unless it is there. */
export type Make = (name: string, build: (table: Knex.CreateTableBuilder) => void) => Promise<void>;

/** MySQL: InnoDB, utf8mb4, binary collation; its DDL is no transaction, so a migration that was killed goes on where it was. */
export const tableMaker =
  (db: Knex): Make =>
  async (name, build) => {
    if (await db.schema.hasTable(name)) return;
    await db.schema.createTable(name, (table) => {
      if (!isSqlite(db)) {
        table.engine('InnoDB');
        table.charset('utf8mb4');
        table.collate('utf8mb4_bin');
      }
      build(table);
    });
  };
