import type { Knex } from 'knex';
import { type Make, tableMaker } from './table-maker.ts';

/** Reconciliation and alarms. Conventions as in migration-001.ts. */
export async function createReconcileAndAlarms(db: Knex): Promise<void> {
  const make = tableMaker(db);
  await createReconcile(make);
  await createAlarms(make);
}

async function createReconcile(make: Make): Promise<void> {
  await make('reconciliations', (table) => {
    table.increments('id');
    /** platform or bureau */
    table.string('kind', 8).notNullable();
    /** Name of the platform, or of the pull job. */
    table.string('scope', 64).notNullable();
    /** running, good, different, failed */
    table.string('state', 12).notNullable();
    table.string('asked_by', 128).notNullable();
    /** The weekly instant that this one stands for: exactly one process takes it. */
    table.string('due_at', 24);
    table.string('started_at', 24).notNullable();
    table.string('ended_at', 24);
    table.integer('missing');
    table.integer('extra');
    table.integer('stale');
    table.text('report', 'longtext');
    table.unique(['kind', 'scope', 'due_at']);
    table.index(['kind', 'scope', 'started_at']);
  });
  /** What the far end listed, while it is compared: emptied when the comparison ends. */
  await make('held_records', (table) => {
    table.integer('reconciliation_id').notNullable();
    /** Record key in hex, row id, or `q` and the digest of a quarantined row's subject. */
    table.string('name', 80).notNullable();
    table.binary('record_key', 32);
    table.integer('version');
    table.string('operation', 8).notNullable();
    table.binary('digest', 32);
    table.primary(['reconciliation_id', 'name']);
    table.index(['reconciliation_id', 'record_key']);
  });
  /** One row per record that stands differently at a far end, since when; closed when a later comparison no longer finds it. */
  await make('differences', (table) => {
    table.string('kind', 8).notNullable();
    table.string('scope', 64).notNullable();
    table.string('name', 80).notNullable();
    /** missing, extra, stale */
    table.string('state', 8).notNullable();
    table.string('cause', 16).notNullable();
    table.bigInteger('record_id');
    table.string('type', 64);
    table.string('period', 16);
    table.integer('version');
    table.integer('held_version');
    table.string('first_seen_at', 24).notNullable();
    table.integer('seen_in').notNullable();
    table.string('closed_at', 24);
    table.primary(['kind', 'scope', 'name']);
  });
}

async function createAlarms(make: Make): Promise<void> {
  /** One row per subject for ever; `round` counts how often it began. */
  await make('alarms', (table) => {
    table.increments('id');
    table.string('subject', 160).notNullable().unique();
    table.string('kind', 32).notNullable();
    /** open, exhausted, recovered, closed */
    table.string('state', 12).notNullable();
    table.string('level', 8).notNullable();
    table.integer('round').notNullable();
    table.integer('times').notNullable();
    table.text('message', 'longtext').notNullable();
    table.string('since', 24).notNullable();
    table.string('seen_at', 24).notNullable();
    table.string('ended_at', 24);
    table.string('closed_by', 128);
    table.text('reason');
    table.index(['state', 'kind']);
  });
  /** What goes out, once per `name`, however many processes and restarts there are. */
  await make('alarm_messages', (table) => {
    table.increments('id');
    table.string('name', 190).notNullable().unique();
    table.integer('alarm_id');
    table.string('channel', 8).notNullable();
    /** waiting, sent, failed, dropped */
    table.string('state', 8).notNullable();
    table.text('message', 'longtext').notNullable();
    table.integer('attempts').notNullable();
    table.string('next_at', 24).notNullable();
    table.string('claimed_by', 160);
    table.text('error');
    table.string('made_at', 24).notNullable();
    table.string('sent_at', 24);
    table.index(['state', 'next_at']);
  });
  /** Numbers and days that checks compare over time: free disk space per day, until when a server's certificate is good. */
  await make('measures', (table) => {
    table.string('name', 160).notNullable();
    table.string('day', 10).notNullable();
    table.string('value', 64).notNullable();
    table.primary(['name', 'day']);
  });
}
