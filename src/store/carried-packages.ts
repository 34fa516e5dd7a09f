import type { Reader, Tx } from './database.ts';

/** A package that lies ready to be carried; once numbered, a number never means another content. */
export interface CarriedPackage {
  readonly lane: string;
  readonly number: number | null;
  readonly batchId: string | null;
  readonly name: string;
  /** Hex. */
  readonly headerDigest: string | null;
  readonly contentDigest: string;
  readonly madeAt: string;
  readonly writtenAt: string | null;
}

export interface NewPackage {
  readonly lane: string;
  readonly number: number | null;
  readonly batchId: string | null;
  readonly name: string;
  readonly headerDigest: string | null;
  readonly contentDigest: string;
  /** By packBody. */
  readonly content?: Buffer;
}

const columns = ['lane', 'number', 'batch_id', 'name', 'header_digest', 'content_digest', 'made_at', 'written_at'];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toPackage = (row: any): CarriedPackage => ({
  lane: row.lane,
  number: row.number === null ? null : Number(row.number),
  batchId: row.batch_id,
  name: row.name,
  headerDigest: row.header_digest?.toString('hex') ?? null,
  contentDigest: row.content_digest.toString('hex'),
  madeAt: row.made_at,
  writtenAt: row.written_at,
});

export async function packageOf(db: Reader, lane: string, batchId: string): Promise<CarriedPackage | undefined> {
  const row = await db('carried_packages').select(columns).where({ lane, batch_id: batchId }).first();
  return row === undefined ? undefined : toPackage(row);
}

export async function addPackage(tx: Tx, { content, ...one }: NewPackage, now: Date): Promise<void> {
  await tx('carried_packages').insert({
    lane: one.lane,
    number: one.number,
    batch_id: one.batchId,
    name: one.name,
    header_digest: one.headerDigest === null ? null : Buffer.from(one.headerDigest, 'hex'),
    content_digest: Buffer.from(one.contentDigest, 'hex'),
    content: content ?? null,
    made_at: now.toISOString(),
    written_at: null,
  });
}

export async function markWritten(tx: Reader, lane: string, name: string, now: Date): Promise<void> {
  await tx('carried_packages').where({ lane, name }).whereNull('written_at').update({ written_at: now.toISOString() });
}

/** A package by the name of its file, without its ending. */
export async function packageNamed(db: Reader, lane: string, base: string): Promise<CarriedPackage | undefined> {
  const rows = await db('carried_packages')
    .select(columns)
    .where({ lane })
    .where('name', 'like', `${base.replace(/[\\%_]/g, '_')}.%`);
  return rows.map(toPackage).find(({ name }) => name.slice(0, name.lastIndexOf('.')) === base);
}

/** Packages of a lane that were written and whose batch is still open, oldest first. */
export async function waitingPackages(
  db: Reader,
  lane?: string,
): Promise<(CarriedPackage & { readonly state: string })[]> {
  const query = db('carried_packages as p')
    .join('batches as b', 'b.id', 'p.batch_id')
    .select([...columns.map((column) => `p.${column}`), 'b.state as state'])
    .whereIn('b.state', ['SENDING', 'UNKNOWN', 'RECEIVED', 'HELD', 'RETRY_WAIT'])
    .whereNotNull('p.written_at')
    .orderBy('p.id');
  if (lane !== undefined) query.where('p.lane', lane);
  return (await query).map((row) => ({ ...toPackage(row), state: String(row.state) }));
}
