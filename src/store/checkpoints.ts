import { change, type Reader, select, type Tx } from './database.ts';

/** A signed checkpoint as it is kept; all of them are. */
export interface CheckpointRow {
  readonly logNo: number;
  readonly size: number;
  readonly root: Buffer;
  readonly origin: string;
  /** The whole signed note. */
  readonly note: string;
  readonly signedAt: string;
}

interface Row {
  readonly log_no: number;
  readonly size: number;
  readonly root: Buffer;
  readonly origin: string;
  readonly note: string;
  readonly signed_at: string;
}

const toCheckpoint = (row: Row): CheckpointRow => ({
  logNo: row.log_no,
  size: Number(row.size),
  root: row.root,
  origin: row.origin,
  note: row.note,
  signedAt: row.signed_at,
});

const columns = 'log_no, size, root, origin, note, signed_at';

/** The newest of all, or of one log. */
export async function newestCheckpoint(db: Reader, logNo?: number): Promise<CheckpointRow | undefined> {
  const where = logNo === undefined ? '' : 'WHERE log_no = ?';
  const sql = `SELECT ${columns} FROM checkpoints ${where} ORDER BY log_no DESC, size DESC LIMIT 1`;
  const [row] = await select<Row>(db, sql, logNo === undefined ? [] : [logNo]);
  return row === undefined ? undefined : toCheckpoint(row);
}

/** The checkpoint of this very note; `undefined` for one that is not ours. */
export async function findCheckpoint(db: Reader, note: string): Promise<CheckpointRow | undefined> {
  const size = Number(note.split('\n')[1]);
  if (!Number.isSafeInteger(size)) return undefined;
  const rows = await select<Row>(db, `SELECT ${columns} FROM checkpoints WHERE size = ?`, [size]);
  return rows.map(toCheckpoint).find((row) => row.note === note);
}

/** Checkpoints of one log in order of size, after `size`. */
export async function readCheckpoints(
  db: Reader,
  logNo: number,
  after: number,
  limit: number,
): Promise<CheckpointRow[]> {
  const sql = `SELECT ${columns} FROM checkpoints WHERE log_no = ? AND size > ? ORDER BY size LIMIT ?`;
  return (await select<Row>(db, sql, [logNo, after, limit])).map(toCheckpoint);
}

/** Keeps it; one that is there already stays as it is. */
export async function keepCheckpoint(tx: Tx, checkpoint: CheckpointRow): Promise<void> {
  const { logNo, size, root, origin, note, signedAt } = checkpoint;
  const row = { log_no: logNo, size, root, origin, note, signed_at: signedAt };
  await tx('checkpoints').insert(row).onConflict(['log_no', 'size']).ignore();
}

export interface Anchor {
  readonly at: string;
  /** `report` stays inside the hub until somebody prints it: it does not end the tamper window. */
  readonly kind: 'platform' | 'auditor' | 'publication' | 'report';
  /** Which platform, auditor or page. */
  readonly place: string;
  readonly logNo: number;
  readonly size: number;
  readonly root: Buffer;
}

/** The first time that a place got a checkpoint counts; the same one again is no new anchor. */
export async function keepAnchor(tx: Tx, anchor: Anchor): Promise<void> {
  const { logNo, place, ...rest } = anchor;
  const row = { ...rest, place: place.slice(0, 128), log_no: logNo };
  await tx('anchors').insert(row).onConflict(['kind', 'place', 'log_no', 'size']).ignore();
}

/** The newest anchor outside the hub, or of one kind. */
export async function newestAnchor(db: Reader): Promise<Anchor | undefined> {
  const sql = `SELECT at, kind, place, log_no AS "logNo", size, root FROM anchors WHERE kind <> 'report' ORDER BY at DESC, id DESC LIMIT 1`;
  const [row] = await select<Anchor>(db, sql);
  return row === undefined ? undefined : { ...row, size: Number(row.size) };
}

/** What the signer last said of itself. */
export interface SignerStatus {
  readonly seenAt: string;
  readonly state: 'signing' | 'refusing';
  readonly reason: string | null;
  readonly vkeys: readonly string[];
}

export async function readSignerStatus(db: Reader): Promise<SignerStatus | undefined> {
  const sql = 'SELECT seen_at, state, reason, vkeys FROM log_signer WHERE k = 1';
  const [row] = await select<{
    seen_at: string;
    state: SignerStatus['state'];
    reason: string | null;
    vkeys: string;
  }>(db, sql);
  return row && { seenAt: row.seen_at, state: row.state, reason: row.reason, vkeys: JSON.parse(row.vkeys) };
}

export async function writeSignerStatus(tx: Tx, { seenAt, state, reason, vkeys }: SignerStatus): Promise<void> {
  const values = [seenAt, state, reason, JSON.stringify(vkeys)];
  const sql = 'UPDATE log_signer SET seen_at = ?, state = ?, reason = ?, vkeys = ? WHERE k = 1';
  if ((await change(tx, sql, values)) === 1) return;
  const [known] = await select(tx, 'SELECT k FROM log_signer WHERE k = 1');
  if (known !== undefined) return;
  await tx('log_signer').insert({ k: 1, seen_at: seenAt, state, reason, vkeys: JSON.stringify(vkeys) });
}
