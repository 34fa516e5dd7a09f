import { type Db, type Reader, select, type Tx, takeNumbers } from './database.ts';

/** A package that lies ready to be carried; once numbered, a number never means another content. */
export interface CarriedPackage {
  readonly lane: string;
  readonly number: number | null;
  readonly batchId: string | null;
  readonly name: string;
  /** Hex. */
  readonly headerDigest: string | null;
  readonly contentDigest: string;
  /** The log's checkpoint that goes with it, as one line; null where the job names no slot for one. */
  readonly anchor: string | null;
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
  readonly anchor?: string;
  /** By packBody. */
  readonly content?: Buffer;
}

const columns = [
  'lane',
  'number',
  'batch_id',
  'name',
  'header_digest',
  'content_digest',
  'anchor',
  'made_at',
  'written_at',
];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toPackage = (row: any): CarriedPackage => ({
  lane: row.lane,
  number: row.number === null ? null : Number(row.number),
  batchId: row.batch_id,
  name: row.name,
  headerDigest: row.header_digest?.toString('hex') ?? null,
  contentDigest: row.content_digest.toString('hex'),
  anchor: row.anchor,
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
    anchor: one.anchor ?? null,
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
/** Numbered packages of a lane from a number on, in order. */
export async function packagesFrom(db: Reader, lane: string, number: number): Promise<CarriedPackage[]> {
  const rows = await db('carried_packages')
    .select(columns)
    .where({ lane })
    .where('number', '>=', number)
    .orderBy('number');
  return rows.map(toPackage);
}

/** The newest numbered package of a lane. */
async function lastPackage(db: Reader, lane: string): Promise<CarriedPackage | undefined> {
  const row = await db('carried_packages')
    .select(columns)
    .where({ lane })
    .whereNotNull('number')
    .orderBy('number', 'desc')
    .first();
  return row === undefined ? undefined : toPackage(row);
}

/** Packed content of a package that keeps its own. */
export async function packedContent(db: Reader, lane: string, number: number): Promise<Buffer | undefined> {
  const sql = 'SELECT content FROM carried_packages WHERE lane = ? AND number = ?';
  const [row] = await select<{ content: Buffer | null }>(db, sql, [lane, number]);
  return row?.content ?? undefined;
}

/** Before the first number is given. */
export async function prepareNumbering(db: Db): Promise<void> {
  await db('counters').insert({ name: COUNTER, value: 0 }).onConflict('name').ignore();
}

const COUNTER = 'ferry';

/** The number that a lane's next package gets, and the digest of the one before it. Others wait until this transaction has ended. */
export async function nextPlace(
  tx: Tx,
  lane: string,
): Promise<{ readonly number: number; readonly previous: string | null }> {
  await takeNumbers(tx, COUNTER, 1);
  const last = await lastPackage(tx, lane);
  return { number: (last?.number ?? 0) + 1, previous: last?.headerDigest ?? null };
}

/** Where a package that has its number stands: the number, and the digest of the one before it. */
export async function placeOf(
  db: Reader,
  { lane, number }: CarriedPackage,
): Promise<{ readonly number: number; readonly previous: string | null }> {
  const before = await db('carried_packages')
    .select(columns)
    .where({ lane, number: (number ?? 0) - 1 })
    .first();
  return { number: number ?? 0, previous: before === undefined ? null : toPackage(before).headerDigest };
}
