import { randomUUID } from 'node:crypto';
import type { Knex } from 'knex';
import { canonicalJson } from '../canonical.ts';
import { select } from './database.ts';
import { type Make, tableMaker } from './table-maker.ts';

/**
 * The Merkle log (docs/evidence-format.md). Entries wait in `log_pending` for the sequencer; `log_entries` and `log_tiles`
 * are only ever inserted into, `log_head` is one row. A log that was restarted after an incident has the next `log_no`.
 */
export async function createMerkleLog(db: Knex): Promise<void> {
  await setPlainLogAside(db);
  const make = tableMaker(db);
  await make('log_pending', (table) => {
    table.bigIncrements('id');
    table.specificType('entry', 'mediumblob').notNullable();
  });
  await make('log_entries', (table) => {
    table.integer('log_no').notNullable();
    table.bigInteger('idx').notNullable();
    /** The exact bytes of a leaf. */
    table.specificType('entry', 'mediumblob').notNullable();
    table.binary('leaf_hash', 32).notNullable();
    // Copies of what stands in the bytes, for looking up.
    table.string('at', 24).notNullable();
    table.string('actor', 128).notNullable();
    table.string('action', 64).notNullable();
    table.string('platform', 64);
    table.string('batch_id', 40);
    table.integer('run_id');
    table.bigInteger('record_id');
    table.primary(['log_no', 'idx']);
    table.index(['batch_id'], 'log_leaves_batch');
    table.index(['record_id'], 'log_leaves_record');
    table.index(['at'], 'log_leaves_at');
  });
  await createTree(make);
  await createSigned(make);
  await db('log_head')
    .insert({ k: 1, log_no: 1, size: 0, frontier: Buffer.alloc(0), epoch: 0, minimum_idx: 0 })
    .onConflict('k')
    .ignore();
  await takeInPlainLog(db);
}

async function createTree(make: Make): Promise<void> {
  await make('log_head', (table) => {
    table.integer('k').primary();
    table.integer('log_no').notNullable();
    table.bigInteger('size').notNullable();
    /** Hashes of the complete subtrees, largest first, 32 bytes each. */
    table.specificType('frontier', 'blob').notNullable();
    table.integer('epoch').notNullable();
    /** Entries below were pruned; their tiles stay. */
    table.bigInteger('minimum_idx').notNullable();
  });
  /** Full tiles only. */
  await make('log_tiles', (table) => {
    table.integer('log_no').notNullable();
    table.integer('level').notNullable();
    table.bigInteger('n').notNullable();
    table.specificType('hashes', 'blob').notNullable();
    table.binary('root', 32).notNullable();
    table.primary(['log_no', 'level', 'n']);
  });
  /** Salts of what entries commit to; `payload` only where it stands nowhere else. */
  await make('log_payloads', (table) => {
    table.binary('payload_commit', 32).primary();
    table.binary('salt', 16).notNullable();
    table.string('kind', 16).notNullable();
    table.string('subject', 64);
    table.specificType('payload', 'longblob');
    table.index(['subject']);
  });
}

async function createSigned(make: Make): Promise<void> {
  await make('checkpoints', (table) => {
    table.integer('log_no').notNullable();
    table.bigInteger('size').notNullable();
    table.binary('root', 32).notNullable();
    table.string('origin', 255).notNullable();
    table.text('note').notNullable();
    table.string('signed_at', 24).notNullable();
    table.primary(['log_no', 'size']);
  });
  /** Where a checkpoint was left outside the hub. */
  await make('anchors', (table) => {
    table.increments('id');
    table.string('at', 24).notNullable();
    /** platform, auditor, publication or report */
    table.string('kind', 16).notNullable();
    table.string('place', 128).notNullable();
    table.integer('log_no').notNullable();
    table.bigInteger('size').notNullable();
    table.binary('root', 32).notNullable();
    table.unique(['kind', 'place', 'log_no', 'size']);
    table.index(['at']);
  });
  /** What the signer last said of itself, one row. */
  await make('log_signer', (table) => {
    table.integer('k').primary();
    table.string('seen_at', 24).notNullable();
    /** signing or refusing */
    table.string('state', 16).notNullable();
    table.text('reason');
    /** JSON array of the public keys that sign now. */
    table.text('vkeys').notNullable();
  });
  /** Digests of jobs, schemas, calendar and settings as the log last told of them. */
  await make('setup_digests', (table) => {
    table.string('name', 128).primary();
    table.binary('digest', 32).notNullable();
  });
}

/** The plain rows of before have other columns: another name, until they are taken in. */
async function setPlainLogAside(db: Knex): Promise<void> {
  if (!(await db.schema.hasTable('log_entries')) || (await db.schema.hasColumn('log_entries', 'log_no'))) return;
  await db.schema.renameTable('log_entries', 'plain_log');
}

const AT_ONCE = 500;

/** Every row of the plain log becomes an entry, in its order; a killed migration goes on where it was. */
async function takeInPlainLog(db: Knex): Promise<void> {
  if (!(await db.schema.hasTable('plain_log'))) return;
  for (;;) {
    const rows = await select<PlainRow>(db, `SELECT * FROM plain_log ORDER BY id LIMIT ${AT_ONCE}`);
    if (rows.length === 0) break;
    await db.transaction(async (tx) => {
      await tx('log_pending').insert(rows.map((row) => ({ entry: entryOf(row) })));
      await tx('plain_log')
        .where('id', '<=', rows.at(-1)?.id ?? 0)
        .delete();
    });
  }
  await db.schema.dropTable('plain_log');
}

interface PlainRow {
  readonly id: number;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly platform: string | null;
  readonly batch_id: string | null;
  readonly run_id: number | null;
  readonly record_id: number | null;
  readonly detail: string;
}

function entryOf(row: PlainRow): Buffer {
  const detail: { [name: string]: unknown } = JSON.parse(row.detail);
  const { from, to, attempt, epoch, bodyDigest, ...rest } = detail;
  const evidence = {
    ...rest,
    ...(row.run_id === null ? {} : { run: row.run_id }),
    ...(row.record_id === null ? {} : { record: Number(row.record_id) }),
  };
  const entry = {
    v: '1',
    id: randomUUID(),
    t: row.at,
    actor: row.actor,
    action: row.action,
    platform: row.platform,
    batch: row.batch_id,
    // Before this version sealing named no state.
    ...{ from, to: row.action === 'batch.sealed' ? 'SEALED' : to, attempt, epoch, evidence },
  };
  return Buffer.from(canonicalJson(texts(entry) as { [name: string]: string }));
}

/** Every value becomes text, what has none is left out. */
function texts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(texts);
  if (typeof value !== 'object' || value === null) return String(value).toWellFormed();
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, texts(member)]));
}
