import { canonicalJson, sha256 } from '../canonical.ts';
import type { Json } from '../json.ts';
import type { Reader } from '../store/database.ts';
import {
  entriesOfBatch,
  halvesOf,
  type PackBatchRow,
  type PackMemberRow,
  packBodies,
  packMembers,
  packReceipts,
  payloadOf,
} from '../store/evidence-rows.ts';
import { type ReplayedBatch, replayBatch } from './batch-replay.ts';
import type { PackSink } from './pack-sink.ts';

/** A member as the pack tells of it. */
export interface PackMember extends PackMemberRow {
  readonly row: number;
  /** Its state as far as the log is covered; `split` in a batch whose members went over to its halves. */
  readonly standing: string;
}

export interface WrittenBatch {
  readonly replayed: ReplayedBatch;
  readonly members: readonly PackMember[];
}

interface PackBatch {
  readonly db: Reader;
  readonly sink: PackSink;
  readonly logNo: number;
  readonly size: number;
  /** Records whose content may be shown; `undefined`: all. */
  readonly records: ReadonlySet<number> | undefined;
}

/** Everything of one batch (docs/evidence-format.md §7): members, verdicts, receipts, and the exact request or single records of it. */
export async function writeBatch(batch: PackBatchRow, context: PackBatch): Promise<WrittenBatch> {
  const { db, sink, logNo, size } = context;
  const replayed = replayBatch(await entriesOfBatch(db, logNo, batch.id), size);
  const rows = await membersOf(db, batch);
  const members = rows.map((member, at) => ({ ...member, row: at + 1, standing: standing(member, replayed) }));
  const folder = `batches/${batch.id}/`;
  await sink.add(`${folder}members.json`, jsonOf(members.map(told)));
  await sink.add(`${folder}verdicts.json`, jsonOf(await verdicts(members, replayed, context)));
  await writeContents(folder, { batch, members, replayed }, context);
  await writeReceipts(folder, batch.id, replayed, context);
  return { replayed, members };
}

/** Of a split batch: what its parts hold, in the order of its own body. */
async function membersOf(db: Reader, batch: PackBatchRow): Promise<PackMemberRow[]> {
  if (batch.state !== 'SPLIT') return packMembers(db, batch.seq);
  const members: PackMemberRow[] = [];
  for (const half of await halvesOf(db, batch.id)) members.push(...(await membersOf(db, half)));
  const rows = await bodyOrder(db, batch.seq);
  return members.toSorted((a, b) => (rows.get(a.idemKey) ?? 0) - (rows.get(b.idemKey) ?? 0));
}

/** Row ids of the hub's own package, by place. */
async function bodyOrder(db: Reader, seq: number): Promise<ReadonlyMap<string, number>> {
  const bodies = await packBodies(db, seq);
  const { records }: { readonly records: readonly { readonly rowId: string }[] } = JSON.parse(
    (bodies.package ?? bodies.body).toString('utf8'),
  );
  return new Map(records.map(({ rowId }, place) => [rowId, place]));
}

/** By the rows of the database; by the log alone where the database has gone on since the checkpoint. */
function standing(
  { idemKey, state }: PackMemberRow,
  { state: batchState, exceptions, usual, later }: ReplayedBatch,
): string {
  if (batchState === 'SPLIT') return 'split';
  return later ? (exceptions.get(idemKey) ?? usual) : state;
}

const told = ({ row, idemKey, recordKey, version, rendition, operation, payloadDigest }: PackMember): Json => ({
  row,
  idemKey,
  recordKey: recordKey.toString('hex'),
  version,
  rendition,
  operation,
  payloadDigest: payloadDigest.toString('hex'),
});

/** What was answered of each member, with the salts of the reasons; reasons of records that are not to be shown stay away. */
async function verdicts(
  members: readonly PackMember[],
  { answers }: ReplayedBatch,
  { db, records }: PackBatch,
): Promise<Json[]> {
  const rows: Json[] = [];
  for (const { row, idemKey, recordId, standing, state, verdict, reason } of members) {
    const logged = standing === 'split' ? undefined : answers.get(idemKey);
    const told = { row, idemKey, state: standing, verdict: standing === state ? verdict : (logged?.verdict ?? null) };
    const isShown = standing === state && (records === undefined || records.has(recordId));
    const commit = logged?.reasonCommit;
    const kept = !isShown || commit === undefined ? undefined : await payloadOf(db, commit);
    // Erased: nothing could say any more that this was the reason.
    const isErased = commit !== undefined && kept === undefined;
    rows.push({ ...told, reason: isShown && !isErased ? reason : null, salt: kept?.salt.toString('hex') ?? null });
  }
  return rows;
}

interface Contents {
  readonly batch: PackBatchRow;
  readonly members: readonly PackMember[];
  readonly replayed: ReplayedBatch;
}

async function writeContents(
  folder: string,
  { batch, members, replayed }: Contents,
  context: PackBatch,
): Promise<void> {
  const { db, sink, records } = context;
  const bodies = await packBodies(db, batch.seq);
  if (records !== undefined) {
    const wanted = members.filter(({ recordId }) => records.has(recordId));
    const data = dataByKey(bodies.package ?? bodies.body);
    for (const { row, idemKey } of wanted) {
      const record = data.get(idemKey);
      if (record !== undefined) await sink.add(`${folder}records/${row}.json`, record);
    }
    return;
  }
  const commit = replayed.sealed?.payloadCommit;
  const kept = commit === undefined ? undefined : await payloadOf(db, commit);
  if (kept === undefined) return;
  await sink.add(`${folder}request`, bodies.body);
  await sink.add(`${folder}salt`, kept.salt);
  if (bodies.package !== undefined) await sink.add(`${folder}package`, bodies.package);
}

/** Canonical bytes of each outbound record in a package, by idem key. */
function dataByKey(body: Buffer): Map<string, string> {
  const { records }: { records: { rowId: string; data: Json }[] } = JSON.parse(body.toString('utf8'));
  return new Map(records.map(({ rowId, data }) => [rowId, canonicalJson(data)]));
}

async function writeReceipts(
  folder: string,
  id: string,
  replayed: ReplayedBatch,
  { db, sink }: PackBatch,
): Promise<void> {
  let count = 0;
  for (const { receiptId, receivedAt, digest, body } of await packReceipts(db, id)) {
    // One that came after the checkpoint is not told of yet.
    if (replayed.later && !replayed.receiptHashes.has(digest.toString('hex'))) continue;
    count += 1;
    await sink.add(`${folder}receipts/${count}`, body);
    await sink.add(`${folder}receipts/${count}.json`, jsonOf({ receiptId, receivedAt, sha256: sha256(body) }));
  }
}

/** Two spaces, members as given: people read it too. */
export const jsonOf = (value: Json): string => `${JSON.stringify(value, null, 1)}\n`;
