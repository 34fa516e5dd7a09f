import type { Knex } from 'knex';
import { type Make, tableMaker } from './table-maker.ts';

/** What the delivery protocol remembers besides batches: stops, breakers, receipts' identities, notices, publicity. */
export async function createProtocol(db: Knex): Promise<void> {
  const make = tableMaker(db);
  await addBatchColumns(db);
  await createStops(make);
  await createReceipts(make);
  await createWithdrawals(make);
  await make('breakers', (table) => {
    table.string('platform', 64).primary();
    table.string('state', 12).notNullable();
    table.integer('failures').notNullable();
    table.integer('wait_s').notNullable();
    /** No request before this, but the probe after it. */
    table.string('open_until', 24);
    /** The platform asked not to be called before this (Retry-After). */
    table.string('not_before', 24);
    table.text('reason');
    table.string('changed_at', 24).notNullable();
  });
}

/** One statement per column that is missing: a migration that was killed goes on where it was. */
async function addBatchColumns(db: Knex): Promise<void> {
  const columns: readonly (readonly [string, (table: Knex.AlterTableBuilder) => void])[] = [
    /** The batch that a whole-batch refusal began with; null: this is it. */
    ['root_seq', (table) => void table.integer('root_seq')],
    /** 1 once an intent existed for its members, in this batch or in the one it was cut from. */
    ['tried', (table) => void table.integer('tried').notNullable().defaultTo(0)],
    ['retry_window', (table) => void table.string('retry_window', 32)],
    ['window_attempts', (table) => void table.integer('window_attempts').notNullable().defaultTo(0)],
    ['last_sent_at', (table) => void table.string('last_sent_at', 24)],
  ];
  for (const [name, add] of columns) {
    if (!(await db.schema.hasColumn('batches', name))) await db.schema.alterTable('batches', add);
  }
}

async function createStops(make: Make): Promise<void> {
  const decision = (table: Knex.CreateTableBuilder): void => {
    table.string('actor', 128).notNullable();
    table.text('reason').notNullable();
    table.string('at', 24).notNullable();
    table.string('ended_at', 24);
    table.string('ended_by', 128);
    table.text('end_reason');
  };
  await make('pauses', (table) => {
    table.increments('id');
    table.string('platform', 64).notNullable();
    /** person: asked for; poison: so many refusals in one batch that the period waits for a person. */
    table.string('kind', 8).notNullable();
    table.string('period', 16);
    decision(table);
    table.index(['platform', 'ended_at']);
  });
  await make('holds', (table) => {
    table.increments('id');
    table.bigInteger('record_id').notNullable();
    /** Null: at every platform. */
    table.string('platform', 64);
    decision(table);
    table.index(['ended_at']);
  });
  await make('run_stops', (table) => {
    table.integer('run_id').primary();
    table.string('actor', 128).notNullable();
    table.text('reason').notNullable();
    table.string('at', 24).notNullable();
  });
}

async function createReceipts(make: Make): Promise<void> {
  /** Identity of every receipt: platform, level and the platform's own number (delivery.md §1.6). */
  await make('receipt_marks', (table) => {
    table.binary('identity', 32).primary();
    table.string('platform', 64).notNullable();
    table.string('receipt_id', 255).notNullable();
    table.string('batch_id', 40).notNullable();
    table.integer('level').notNullable();
    table.binary('content_digest', 32).notNullable();
    table.string('first_at', 24).notNullable();
  });
  await make('orphan_receipts', (table) => {
    table.increments('id');
    table.binary('identity', 32).notNullable().unique();
    table.string('platform', 64).notNullable();
    table.string('receipt_id', 255).notNullable();
    table.string('batch_id', 64);
    table.string('cause', 24).notNullable();
    table.specificType('body', 'longblob').notNullable();
    table.string('received_at', 24).notNullable();
    table.index(['platform']);
  });
}

async function createWithdrawals(make: Make): Promise<void> {
  await make('notices', (table) => {
    table.increments('id');
    table.binary('identity', 32).notNullable().unique();
    table.string('platform', 64).notNullable();
    table.string('notice_id', 255).notNullable();
    /** applied, or unmatched: no record is meant by it */
    table.string('state', 12).notNullable();
    table.bigInteger('record_id');
    table.string('decided_on', 10).notNullable();
    table.text('reason').notNullable();
    table.string('received_at', 24).notNullable();
  });
  /** Records that are shown no more, whatever their bureau says of them from now on. */
  await make('suppressions', (table) => {
    table.bigInteger('record_id').primary();
    /** repair or publicity-end */
    table.string('cause', 16).notNullable();
    table.string('since', 10).notNullable();
    table.text('reason').notNullable();
    table.string('at', 24).notNullable();
  });
  /** 公示截止期 per penalty, as the rules of its time give it for this version. */
  await make('publicity_ends', (table) => {
    table.bigInteger('record_id').primary();
    table.integer('version').notNullable();
    table.string('rule', 32).notNullable();
    table.string('severity', 8).notNullable();
    table.string('ends_on', 10);
    table.index(['ends_on']);
  });
}
