import type { Knex } from 'knex';
import { type Make, tableMaker } from './table-maker.ts';

/**
 * Instants are UTC text `YYYY-MM-DDTHH:MM:SS.mmmZ`; legal dates are text `YYYY-MM-DD`; digests are 32 bytes;
 * texts compare byte for byte on both databases (delivery.md T14), so keys are digests or ASCII.
 */
export async function createTables(db: Knex): Promise<void> {
  const make = tableMaker(db);
  await make('counters', (table) => {
    table.string('name', 32).primary();
    table.bigInteger('value').notNullable();
  });
  const counters = ['records', 'batches'].map((name) => ({ name, value: 0 }));
  await db('counters').insert(counters).onConflict('name').ignore();
  await make('runs', (table) => {
    table.increments('id');
    table.string('job', 64).notNullable();
    table.string('kind', 16).notNullable();
    table.string('due_at', 24);
    table.text('reason');
    table.string('holder', 128);
    table.string('state', 16).notNullable();
    table.string('started_at', 24).notNullable();
    table.string('ended_at', 24);
    table.text('report');
    table.unique(['job', 'due_at']);
  });
  await make('cursors', (table) => {
    table.string('job', 64).primary();
    table.text('value', 'longtext').notNullable();
    table.bigInteger('snapshot_rows');
    table.string('updated_at', 24).notNullable();
  });
  await make('intakes', (table) => {
    table.increments('id');
    table.string('job', 64).notNullable();
    table.integer('run_id').notNullable();
    table.text('external_id').notNullable();
    table.binary('sha256', 32).notNullable();
    table.binary('identity', 32).notNullable().unique();
    table.integer('row_count').notNullable();
    table.integer('accepted').notNullable();
    table.integer('unchanged').notNullable();
    table.integer('quarantined').notNullable();
    table.string('state', 8).notNullable();
    table.string('read_at', 24).notNullable();
    table.index(['job', 'id']);
  });
  await createLibrary(make);
  await createQuarantine(make);
  await createOutbox(make);
  await createLog(make);
}

async function createLibrary(make: Make): Promise<void> {
  await make('records', (table) => {
    table.bigInteger('id').primary();
    table.binary('record_key', 32).notNullable().unique();
    table.string('type', 64).notNullable();
    table.string('authority', 64).notNullable();
    table.string('job', 64).notNullable();
    table.string('number', 255);
    table.string('name', 255);
    table.string('credit_code', 32);
    table.binary('source_ref', 60);
    table.integer('newest_version').notNullable();
    table.string('newest_operation', 8).notNullable();
    table.binary('newest_digest', 32).notNullable();
    table.string('newest_revised_at', 32);
    table.binary('newest_raw', 40);
    /** The record that replaces this one, or that it replaces, after a key field was corrected. */
    table.bigInteger('successor_id');
    table.bigInteger('predecessor_id');
    table.index(['number']);
    table.index(['source_ref']);
  });
  await make('versions', (table) => {
    table.bigInteger('record_id').notNullable();
    table.integer('version').notNullable();
    table.string('operation', 8).notNullable();
    table.text('body', 'longtext').notNullable();
    table.binary('digest', 32).notNullable();
    table.binary('raw_digest', 32).notNullable();
    table.string('revised_at', 32);
    table.integer('intake_id');
    table.integer('row_no');
    table.text('faults');
    table.string('created_at', 24).notNullable();
    table.primary(['record_id', 'version']);
  });
}

async function createQuarantine(make: Make): Promise<void> {
  await make('quarantine', (table) => {
    table.increments('id');
    table.string('stage', 8).notNullable();
    table.string('state', 12).notNullable();
    /** What the ticket is about: a bureau's row, or a record at a platform. */
    table.binary('subject', 60).notNullable();
    table.string('job', 64).notNullable();
    table.string('division', 128).notNullable();
    table.string('type', 64).notNullable();
    table.string('platform', 64);
    table.bigInteger('record_id');
    table.integer('version');
    table.string('batch_id', 40);
    table.integer('intake_id');
    table.integer('row_no');
    table.string('number', 255);
    table.string('name', 255);
    table.text('faults', 'longtext').notNullable();
    table.text('fields', 'longtext');
    table.binary('raw_digest', 32);
    table.specificType('raw', 'longblob');
    table.integer('times_seen').notNullable();
    table.string('opened_at', 24).notNullable();
    table.string('seen_at', 24).notNullable();
    table.string('closed_at', 24);
    table.string('closed_by', 128);
    table.text('reason');
    table.index(['subject']);
    table.index(['state', 'job']);
    table.index(['record_id']);
  });
  /** A person's decision that a fault may pass, for one version of one record. */
  await make('releases', (table) => {
    table.increments('id');
    table.bigInteger('record_id').notNullable();
    table.integer('version').notNullable();
    table.string('fault_code', 64).notNullable();
    table.string('released_by', 128).notNullable();
    table.text('reason').notNullable();
    table.string('released_at', 24).notNullable();
    table.index(['record_id']);
  });
}

async function createOutbox(make: Make): Promise<void> {
  await make('batches', (table) => {
    table.integer('seq').primary();
    table.string('id', 40).notNullable().unique();
    table.string('platform', 64).notNullable();
    table.string('form', 64).notNullable();
    table.string('state', 16).notNullable();
    table.integer('run_id').notNullable();
    table.integer('members').notNullable();
    /** The exact body, zstd-compressed. */
    table.specificType('body', 'longblob').notNullable();
    table.binary('body_digest', 32).notNullable();
    table.binary('manifest_root', 32).notNullable();
    table.integer('attempts').notNullable();
    table.integer('epoch').notNullable();
    table.string('parent_id', 40);
    table.string('receipt_id', 255);
    table.text('reason');
    table.string('next_at', 24);
    table.string('not_before', 24);
    table.string('sealed_at', 24).notNullable();
    table.string('sent_at', 24);
    table.string('settled_at', 24);
    table.index(['platform', 'state']);
  });
  await make('deliveries', (table) => {
    table.string('platform', 64).notNullable();
    table.bigInteger('record_id').notNullable();
    table.integer('version').notNullable();
    table.integer('rendition').notNullable();
    table.string('operation', 8).notNullable();
    /** A function of the primary key (delivery-key.ts), so unique with it; an index of its own would only be scattered writes. */
    table.string('idem_key', 40).notNullable();
    table.binary('payload_digest', 32).notNullable();
    table.integer('batch_seq').notNullable();
    table.integer('row_no').notNullable();
    table.string('state', 12).notNullable();
    table.string('verdict', 64);
    table.text('verdict_reason');
    table.primary(['platform', 'record_id', 'version', 'rendition']);
    table.index(['batch_seq', 'row_no']);
  });
  await make('attempts', (table) => {
    table.increments('id');
    table.string('batch_id', 40).notNullable();
    table.integer('attempt').notNullable();
    table.integer('epoch').notNullable();
    /** send or query */
    table.string('action', 8).notNullable();
    table.string('started_at', 24).notNullable();
    table.string('ended_at', 24);
    table.string('outcome', 16);
    table.integer('status');
    table.text('reason');
    table.specificType('answer', 'longblob');
    table.index(['batch_id']);
  });
  await make('receipts', (table) => {
    table.increments('id');
    table.string('platform', 64).notNullable();
    table.string('receipt_id', 255).notNullable();
    table.string('batch_id', 40).notNullable();
    table.binary('digest', 32).notNullable();
    table.specificType('body', 'longblob').notNullable();
    table.string('received_at', 24).notNullable();
    table.index(['batch_id']);
    table.index(['platform', 'receipt_id']);
  });
  await make('leases', (table) => {
    table.string('name', 64).primary();
    table.string('holder', 255).notNullable();
    table.integer('epoch').notNullable();
    table.bigInteger('expires_ms').notNullable();
  });
}

/** Append-only: rows are inserted in the transaction of the change that they tell of, never updated or deleted. */
async function createLog(make: Make): Promise<void> {
  await make('log_entries', (table) => {
    table.increments('id');
    table.string('at', 24).notNullable();
    table.string('actor', 128).notNullable();
    table.string('action', 64).notNullable();
    table.string('platform', 64);
    table.string('batch_id', 40);
    table.integer('run_id');
    table.bigInteger('record_id');
    table.text('detail', 'longtext').notNullable();
    table.index(['batch_id']);
    table.index(['record_id']);
  });
}
