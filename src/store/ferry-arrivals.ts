import { type Reader, select, type Tx } from './database.ts';

/** ACCEPTED: taken off the medium. SENT: handed on, no final answer yet. ANSWERED: its last receipt is kept for the way back. */
export type ArrivalState = 'ACCEPTED' | 'SENT' | 'ANSWERED';

/** A package of the ferry that arrived and was found good. */
export interface Arrival {
  readonly lane: string;
  readonly number: number;
  /** Hex. */
  readonly headerDigest: string;
  readonly contentDigest: string;
  readonly batchId: string | null;
  readonly records: number;
  readonly contentType: string;
  /** The checkpoint of the sender's log that came in the header. */
  readonly anchor: string | null;
  readonly state: ArrivalState;
}

const columns = [
  'lane',
  'number',
  'header_digest',
  'content_digest',
  'batch_id',
  'records',
  'content_type',
  'anchor',
  'state',
];

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toArrival = (row: any): Arrival => ({
  lane: row.lane,
  number: Number(row.number),
  headerDigest: row.header_digest.toString('hex'),
  contentDigest: row.content_digest.toString('hex'),
  batchId: row.batch_id,
  records: row.records,
  contentType: row.content_type,
  anchor: row.anchor,
  state: row.state,
});

export async function lastArrival(db: Reader, lane: string): Promise<Arrival | undefined> {
  const row = await db('ferry_arrivals').select(columns).where({ lane }).orderBy('number', 'desc').first();
  return row === undefined ? undefined : toArrival(row);
}

export async function arrivalAt(db: Reader, lane: string, number: number): Promise<Arrival | undefined> {
  const row = await db('ferry_arrivals').select(columns).where({ lane, number }).first();
  return row === undefined ? undefined : toArrival(row);
}

/** In the order of their numbers. */
export async function arrivalsIn(db: Reader, lane: string, states: readonly ArrivalState[]): Promise<Arrival[]> {
  const query = db('ferry_arrivals')
    .select(columns)
    .where({ lane })
    .whereIn('state', [...states])
    .orderBy('number');
  return (await query).map(toArrival);
}

/** `content` by packBody; null where nothing has to be handed on. */
export async function addArrival(
  tx: Tx,
  { content, actor, ...one }: Arrival & { readonly content: Buffer | null; readonly actor: string },
  now: Date,
): Promise<void> {
  await tx('ferry_arrivals').insert({
    lane: one.lane,
    number: one.number,
    header_digest: Buffer.from(one.headerDigest, 'hex'),
    content_digest: Buffer.from(one.contentDigest, 'hex'),
    batch_id: one.batchId,
    records: one.records,
    content,
    content_type: one.contentType,
    anchor: one.anchor,
    state: one.state,
    actor,
    arrived_at: now.toISOString(),
  });
}

export async function arrivalContent(db: Reader, lane: string, number: number): Promise<Buffer> {
  const sql = 'SELECT content FROM ferry_arrivals WHERE lane = ? AND number = ?';
  const [row] = await select<{ content: Buffer | null }>(db, sql, [lane, number]);
  if (row === undefined || row.content === null) throw new Error(`arrival ${lane} ${number} has no content`);
  return row.content;
}

export async function moveArrival(tx: Reader, { lane, number }: Arrival, state: ArrivalState): Promise<void> {
  await tx('ferry_arrivals').where({ lane, number }).update({ state });
}
