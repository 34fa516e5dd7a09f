import type { Knex } from 'knex';
import { tableMaker } from './table-maker.ts';

/** What people and media carry: packages that lie ready, receipts that came by hand, packages of the ferry that arrived. */
export async function createCarried(db: Knex): Promise<void> {
  const make = tableMaker(db);
  /** A `lane` is a platform (batches to it) or a ferry channel with its direction. */
  await make('carried_packages', (table) => {
    table.increments('id');
    table.string('lane', 160).notNullable();
    /** Running number of a ferry; null where packages have none. */
    table.integer('number');
    table.string('batch_id', 40);
    table.string('name', 255).notNullable();
    table.binary('header_digest', 32);
    table.binary('content_digest', 32).notNullable();
    /** Content that stands nowhere else (return receipts), zstd-compressed. */
    table.specificType('content', 'longblob');
    table.string('made_at', 24).notNullable();
    table.string('written_at', 24);
    table.unique(['lane', 'number']);
    table.unique(['lane', 'batch_id']);
  });
  await make('carried_receipts', (table) => {
    table.increments('id');
    table.string('lane', 160).notNullable();
    table.string('batch_id', 40);
    table.string('receipt_id', 255).notNullable();
    table.integer('level').notNullable();
    table.binary('digest', 32).notNullable();
    /** The receipt in the hub's own shape, and the file that it was read from, both zstd-compressed. */
    table.specificType('body', 'longblob').notNullable();
    table.specificType('original', 'longblob');
    table.string('file', 255).notNullable();
    table.string('actor', 128).notNullable();
    table.text('reason').notNullable();
    table.string('received_at', 24).notNullable();
    table.string('taken_at', 24);
    table.index(['lane', 'batch_id']);
    table.index(['lane', 'taken_at']);
  });
  await make('ferry_arrivals', (table) => {
    table.increments('id');
    table.string('lane', 160).notNullable();
    table.integer('number').notNullable();
    table.binary('header_digest', 32).notNullable();
    table.binary('content_digest', 32).notNullable();
    table.string('batch_id', 40);
    table.integer('records').notNullable();
    /** Until it was handed on: the content, zstd-compressed. */
    table.specificType('content', 'longblob');
    table.string('content_type', 128).notNullable();
    /** ACCEPTED taken off the medium · SENT handed on, no final answer · ANSWERED */
    table.string('state', 16).notNullable();
    table.string('actor', 128).notNullable();
    table.string('arrived_at', 24).notNullable();
    table.unique(['lane', 'number']);
    table.index(['lane', 'state']);
  });
}
