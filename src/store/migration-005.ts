import type { Knex } from 'knex';
import { tableMaker } from './table-maker.ts';

/** Accounts, second persons, resyncs by hand, and the set-up that was approved. */
export async function createAccounts(db: Knex): Promise<void> {
  const make = tableMaker(db);
  await make('users', (table) => {
    table.increments('id');
    table.string('name', 32).notNullable().unique();
    /** Space-separated, in the order of accounts/roles.ts. */
    table.string('roles', 64).notNullable();
    table.string('state', 12).notNullable();
    /** PHC string of argon2id; null until the person has set one. */
    table.string('password_hash', 255);
    table.string('password_set_at', 24);
    table.string('created_at', 24).notNullable();
    table.string('created_by', 128).notNullable();
    table.string('disabled_at', 24);
  });
  /** Log-ins, and one-time tokens with which a person sets the first password; only the digest is kept. */
  await make('tokens', (table) => {
    table.binary('digest', 32).notNullable().primary();
    table.integer('user_id').notNullable();
    table.string('purpose', 8).notNullable();
    table.string('created_at', 24).notNullable();
    table.string('used_at', 24).notNullable();
    table.string('expires_at', 24).notNullable();
    table.index(['user_id']);
  });
  /** Wrong passwords in a row, by account and by where they came from. */
  await make('login_tries', (table) => {
    table.binary('subject', 32).notNullable().primary();
    table.integer('wrong').notNullable();
    table.string('tried_at', 24).notNullable();
    table.string('locked_until', 24);
  });
  /** Authenticators; their seeds are derived from HUB_SECRET_KEY and kept nowhere. */
  await make('second_factors', (table) => {
    table.integer('user_id').primary();
    table.integer('generation').notNullable();
    table.string('confirmed_at', 24);
    table.bigInteger('last_step').notNullable();
  });
  await make('requests', (table) => {
    table.increments('id');
    table.string('kind', 32).notNullable();
    /** Of kind and detail: what is approved, to the letter. */
    table.binary('digest', 32).notNullable();
    /** The digest while the request is open or approved, so that the same thing is asked once. */
    table.binary('open_digest', 32).unique();
    table.text('detail', 'longtext').notNullable();
    table.string('state', 12).notNullable();
    table.string('asked_by', 128).notNullable();
    table.text('reason').notNullable();
    table.string('asked_at', 24).notNullable();
    table.string('expires_at', 24).notNullable();
    table.string('decided_by', 128);
    table.text('decision_reason');
    table.string('decided_at', 24);
    table.string('used_at', 24);
    table.index(['state']);
  });
  await make('resyncs', (table) => {
    table.increments('id');
    table.string('platform', 64).notNullable();
    /** Digest of the selection: two clicks are one command. */
    table.binary('selection', 32).notNullable();
    /** The platform while the resync is under way: one at a time. */
    table.string('open_at', 64).unique();
    table.text('detail', 'longtext').notNullable();
    table.string('state', 12).notNullable();
    table.string('actor', 128).notNullable();
    table.text('reason').notNullable();
    table.integer('request_id');
    table.string('holder', 255).notNullable();
    table.string('started_at', 24).notNullable();
    table.string('ended_at', 24);
    table.text('report', 'longtext');
    table.index(['selection']);
  });
  await make('resync_members', (table) => {
    table.integer('resync_id').notNullable();
    table.bigInteger('record_id').notNullable();
    table.primary(['resync_id', 'record_id']);
  });
  /** Versions that a platform is given once more under a new rendition; pending until that delivery exists. */
  await make('reissues', (table) => {
    table.string('platform', 64).notNullable();
    table.bigInteger('record_id').notNullable();
    table.integer('version').notNullable();
    table.integer('rendition').notNullable();
    table.integer('resync_id').notNullable();
    table.primary(['platform', 'record_id', 'version', 'rendition']);
  });
  /** Every set of jobs, schemas, calendar and settings that was let in, oldest first. */
  await make('configurations', (table) => {
    table.increments('id');
    table.binary('digest', 32).notNullable();
    /** JSON of the items, zstd-compressed. */
    table.specificType('content', 'longblob').notNullable();
    /** initial, approved, or unguarded (HUB_APPROVALS was off). */
    table.string('how', 12).notNullable();
    table.string('actor', 128).notNullable();
    table.integer('request_id');
    table.string('at', 24).notNullable();
  });
}
