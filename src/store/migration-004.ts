import type { Knex } from 'knex';
import { tableMaker } from './table-maker.ts';

/** Periods of duties, the heartbeat journal that explains missed ones, and what divisions confirmed. */
export async function createPeriods(db: Knex): Promise<void> {
  if (!(await db.schema.hasColumn('batches', 'period'))) {
    await db.schema.alterTable('batches', (table) => {
      /** Such as 2026-W48; null outside of a period. */
      table.string('period', 16);
      table.index(['platform', 'period']);
    });
  }
  const make = tableMaker(db);
  await make('periods', (table) => {
    table.increments('id');
    table.string('platform', 64).notNullable();
    /** Name of the job that does it. */
    table.string('duty', 64).notNullable();
    table.string('period', 16).notNullable();
    table.string('nominal', 10).notNullable();
    table.string('day', 10).notNullable();
    table.string('planned_at', 24).notNullable();
    table.string('due_at', 24).notNullable();
    table.string('grace_until', 24).notNullable();
    table.string('next_planned_at', 24).notNullable();
    table.string('next_due_at', 24).notNullable();
    table.string('moved_by', 128);
    table.string('coverage', 12).notNullable();
    table.integer('backfilled').notNullable();
    table.string('state', 8).notNullable();
    table.string('created_at', 24).notNullable();
    /** Its members are the versions that were pending now. */
    table.string('first_seal_at', 24);
    /** All of them were sealed or set aside. */
    table.string('sealed_at', 24);
    /** Nothing new: told to the platform (message) or stated in the log (report). */
    table.string('nil_at', 24);
    table.string('nil_kind', 8);
    table.binary('nil_digest', 32);
    /** The period whose push served this one as well. */
    table.string('covered_by', 16);
    /** Pending versions that could not leave when it was sealed. */
    table.integer('set_aside').notNullable().defaultTo(0);
    table.integer('unconfirmed').notNullable().defaultTo(0);
    table.string('closed_at', 24);
    table.unique(['platform', 'period']);
    table.index(['platform', 'state']);
  });
  await make('heartbeats', (table) => {
    table.increments('id');
    table.string('holder', 128).notNullable();
    table.string('from_at', 24).notNullable();
    table.string('last_at', 24).notNullable();
    table.index(['last_at']);
  });
  /** What the scheduler must not forget: its last tick, alarms that were raised. */
  await make('duty_marks', (table) => {
    table.string('name', 64).primary();
    table.string('value', 64).notNullable();
    table.string('at', 24).notNullable();
  });
  await make('confirmations', (table) => {
    table.increments('id');
    table.string('platform', 64).notNullable();
    table.string('period', 16).notNullable();
    table.string('division', 128).notNullable();
    /** Record type; empty: all of the division's types. */
    table.string('type', 64).notNullable();
    table.string('confirmed_by', 128).notNullable();
    table.text('reason').notNullable();
    table.string('at', 24).notNullable();
    table.unique(['platform', 'period', 'division', 'type']);
  });
}
