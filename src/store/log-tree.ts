import { HubError } from '../errors.ts';
import { change, insertRows, isSqlite, placeholders, type Reader, select, type Tx } from './database.ts';

/** The one row that says how far the log has come. */
export interface LogHead {
  /** 1, or one more for every restart after an incident. */
  readonly logNo: number;
  readonly size: number;
  /** Complete subtrees, largest first. */
  readonly frontier: readonly Buffer[];
  readonly epoch: number;
  /** Entries below were pruned. */
  readonly minimumIndex: number;
}

interface HeadRow {
  readonly log_no: number;
  readonly size: number;
  readonly frontier: Buffer;
  readonly epoch: number;
  readonly minimum_idx: number;
}

/** `lock`: nobody else may move the head until the transaction ends. Throws HubError LOG_HEADLESS. */
export async function readHead(db: Reader, options: { readonly lock?: boolean } = {}): Promise<LogHead> {
  const head = await findHead(db, options);
  if (head === undefined) throw headless;
  return head;
}

/** The same; undefined where the row is gone. */
export async function findHead(db: Reader, options: { readonly lock?: boolean } = {}): Promise<LogHead | undefined> {
  const lock = options.lock === true && !isSqlite(db) ? ' FOR UPDATE' : '';
  const sql = `SELECT log_no, size, frontier, epoch, minimum_idx FROM log_head WHERE k = 1${lock}`;
  const [row] = await select<HeadRow>(db, sql);
  if (row === undefined) return undefined;
  return {
    logNo: row.log_no,
    size: Number(row.size),
    frontier: cut(row.frontier),
    epoch: row.epoch,
    minimumIndex: Number(row.minimum_idx),
  };
}

const headless = new HubError('LOG_HEADLESS', '报送日志缺 log_head 的那一行 (the row of log_head is gone)', {
  remedy: 'give-up',
  fix: '请勿修改数据库；运行 hub log verify，按事故处理，用最近的备份恢复 (leave the database as it is; hub log verify, treat it as an incident, restore the newest backup)',
});

/** False when another sequencer was here. */
export async function moveHead(
  tx: Tx,
  from: LogHead,
  to: Pick<LogHead, 'size' | 'frontier' | 'epoch'>,
): Promise<boolean> {
  const sql =
    'UPDATE log_head SET size = ?, frontier = ?, epoch = ? WHERE k = 1 AND log_no = ? AND size = ? AND epoch <= ?';
  const bindings = [to.size, Buffer.concat(to.frontier), to.epoch, from.logNo, from.size, to.epoch];
  return (await change(tx, sql, bindings)) === 1;
}

/** A new log after an incident: its entry 0 is already in it. */
export async function restartHead(tx: Tx, from: LogHead, to: Pick<LogHead, 'logNo' | 'frontier'>): Promise<void> {
  const sql =
    'UPDATE log_head SET log_no = ?, size = 1, frontier = ?, epoch = epoch + 1, minimum_idx = 0 WHERE k = 1 AND log_no = ?';
  await change(tx, sql, [to.logNo, Buffer.concat(to.frontier), from.logNo]);
}

/** 32-byte hashes of a row that holds several. */
export function cut(hashes: Buffer): Buffer[] {
  return Array.from({ length: hashes.length / 32 }, (_, at) => hashes.subarray(at * 32, (at + 1) * 32));
}

export interface PendingRow {
  readonly id: number;
  readonly entry: Buffer;
}

/** All rows that are there, never from an id on: a lower id may be committed later (delivery.md T13). */
export const readPending = (db: Reader, limit: number): Promise<PendingRow[]> =>
  select(db, 'SELECT id, entry FROM log_pending ORDER BY id LIMIT ?', [limit]);

export async function dropPending(tx: Tx, ids: readonly number[]): Promise<void> {
  await change(tx, `DELETE FROM log_pending WHERE id IN (${placeholders(ids.length)})`, ids);
}

/** Lowest and highest number among the waiting rows. */
export async function pendingSpan(
  db: Reader,
): Promise<{ readonly oldest: number; readonly newest: number } | undefined> {
  const sql = 'SELECT MIN(id) AS oldest, MAX(id) AS newest FROM log_pending';
  const [row] = await select<{ oldest: number | null; newest: number | null }>(db, sql);
  if (row === undefined || row.oldest === null || row.newest === null) return undefined;
  return { oldest: Number(row.oldest), newest: Number(row.newest) };
}

/** An entry in its place, with the copies that lookups use. */
export interface PlacedEntry {
  readonly index: number;
  readonly entry: Buffer;
  readonly leaf: Buffer;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly platform: string | null;
  readonly batchId: string | null;
  readonly runId: number | null;
  readonly recordId: number | null;
}

const entryColumns = [
  ...['log_no', 'idx', 'entry', 'leaf_hash', 'at', 'actor', 'action', 'platform', 'batch_id', 'run_id', 'record_id'],
];

export const insertEntries = (tx: Tx, logNo: number, entries: readonly PlacedEntry[]): Promise<void> =>
  insertRows(
    tx,
    'log_entries',
    entryColumns,
    entries.map((one) => [
      ...[logNo, one.index, one.entry, one.leaf, one.at, one.actor, one.action],
      ...[one.platform, one.batchId, one.runId, one.recordId],
    ]),
  );

interface EntryRow {
  readonly idx: number;
  readonly entry: Buffer;
  readonly leaf_hash: Buffer;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly platform: string | null;
  readonly batch_id: string | null;
  readonly run_id: number | null;
  readonly record_id: number | null;
}

const toPlaced = (row: EntryRow): PlacedEntry => ({
  index: Number(row.idx),
  entry: row.entry,
  leaf: row.leaf_hash,
  at: row.at,
  actor: row.actor,
  action: row.action,
  platform: row.platform,
  batchId: row.batch_id,
  runId: row.run_id,
  recordId: row.record_id === null ? null : Number(row.record_id),
});

const entryList = entryColumns.slice(1).join(', ');

/** Entries from `from` on, in order. */
export async function readEntries(db: Reader, logNo: number, from: number, limit: number): Promise<PlacedEntry[]> {
  const sql = `SELECT ${entryList} FROM log_entries WHERE log_no = ? AND idx >= ? ORDER BY idx LIMIT ?`;
  return (await select<EntryRow>(db, sql, [logNo, from, limit])).map(toPlaced);
}

/** Leaf hashes of `[from, to)`, in order. */
export async function readLeaves(
  db: Reader,
  logNo: number,
  from: number,
  to: number,
): Promise<{ readonly index: number; readonly leaf: Buffer }[]> {
  const sql = 'SELECT idx, leaf_hash FROM log_entries WHERE log_no = ? AND idx >= ? AND idx < ? ORDER BY idx';
  const rows = await select<{ idx: number; leaf_hash: Buffer }>(db, sql, [logNo, from, to]);
  return rows.map((row) => ({ index: Number(row.idx), leaf: row.leaf_hash }));
}

/** An entry that tells of a batch. */
export interface BatchEntry {
  readonly batchId: string;
  readonly logNo: number;
  readonly index: number;
  readonly entry: Buffer;
}

/** Transitions and exceptions of batches, ordered by batch, then by place: `after` is where the last page ended. */
export async function readBatchEntries(
  db: Reader,
  after: Omit<BatchEntry, 'entry'>,
  limit: number,
): Promise<BatchEntry[]> {
  // The first condition is the range of the index; an OR alone makes SQLite sort all that is left for every page.
  const sql = `SELECT batch_id AS "batchId", log_no AS "logNo", idx AS "index", entry FROM log_entries
     WHERE batch_id >= ? AND (batch_id > ? OR log_no > ? OR (log_no = ? AND idx > ?)) ORDER BY batch_id, log_no, idx LIMIT ?`;
  const { batchId, logNo, index } = after;
  const rows = await select<BatchEntry>(db, sql, [batchId, batchId, logNo, logNo, index, limit]);
  return rows.map((row) => ({ ...row, index: Number(row.index) }));
}

export interface TileRow {
  readonly level: number;
  readonly n: number;
  readonly hashes: Buffer;
  readonly root: Buffer;
}

export const insertTiles = (tx: Tx, logNo: number, tiles: readonly TileRow[]): Promise<void> =>
  insertRows(
    tx,
    'log_tiles',
    ['log_no', 'level', 'n', 'hashes', 'root'],
    tiles.map(({ level, n, hashes, root }) => [logNo, level, n, hashes, root]),
  );

/** Full tiles of a level, `[from, to)`. */
export async function readTiles(
  db: Reader,
  logNo: number,
  level: number,
  range: { readonly from: number; readonly to: number },
): Promise<TileRow[]> {
  const sql = `SELECT level, n, hashes, root FROM log_tiles WHERE log_no = ? AND level = ? AND n >= ? AND n < ? ORDER BY n`;
  const rows = await select<TileRow>(db, sql, [logNo, level, range.from, range.to]);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}

/** Roots of full tiles of a level, `[from, to)`: the hashes of the level above. */
export async function readTileRoots(
  db: Reader,
  logNo: number,
  level: number,
  range: { readonly from: number; readonly to: number },
): Promise<{ readonly n: number; readonly root: Buffer }[]> {
  const sql = 'SELECT n, root FROM log_tiles WHERE log_no = ? AND level = ? AND n >= ? AND n < ? ORDER BY n';
  const rows = await select<{ n: number; root: Buffer }>(db, sql, [logNo, level, range.from, range.to]);
  return rows.map(({ n, root }) => ({ n: Number(n), root }));
}

/** Entries below `index` may go from now on; never less than before. */
export const raiseMinimum = (tx: Tx, logNo: number, index: number): Promise<number> =>
  change(tx, 'UPDATE log_head SET minimum_idx = ? WHERE k = 1 AND log_no = ? AND minimum_idx < ?', [
    index,
    logNo,
    index,
  ]);

/** Drops the bodies of entries `[from, to)`; their hashes stay in the tiles. */
export const dropEntries = (tx: Tx, logNo: number, from: number, to: number): Promise<number> =>
  change(tx, 'DELETE FROM log_entries WHERE log_no = ? AND idx >= ? AND idx < ?', [logNo, from, to]);

/** Lowest place that still has its entry. */
export async function lowestEntry(db: Reader, logNo: number): Promise<number> {
  const sql = 'SELECT MIN(idx) AS lowest FROM log_entries WHERE log_no = ?';
  const [row] = await select<{ lowest: number | null }>(db, sql, [logNo]);
  return Number(row?.lowest ?? 0);
}

/** The newest entry that tells of a pruning. */
export async function newestPruning(db: Reader, logNo: number): Promise<Buffer | undefined> {
  const sql = "SELECT entry FROM log_entries WHERE log_no = ? AND action = 'log.pruned' ORDER BY idx DESC LIMIT 1";
  const [row] = await select<{ entry: Buffer }>(db, sql, [logNo]);
  return row?.entry;
}

/** Place of the first entry written at an instant or later; the size of the log where there is none. */
export async function indexSince(db: Reader, { logNo, size }: LogHead, instant: string): Promise<number> {
  const sql = 'SELECT MIN(idx) AS first_idx FROM log_entries WHERE log_no = ? AND at >= ?';
  const [row] = await select<{ first_idx: number | null }>(db, sql, [logNo, instant]);
  return row?.first_idx === null || row === undefined ? size : Number(row.first_idx);
}

/** Instant of the oldest entry from `index` on, as it stands in the log. */
export async function instantOf(db: Reader, logNo: number, index: number): Promise<string | undefined> {
  const sql = 'SELECT at FROM log_entries WHERE log_no = ? AND idx = ?';
  const [row] = await select<{ at: string }>(db, sql, [logNo, index]);
  return row?.at;
}

export async function oldestPending(db: Reader): Promise<PendingRow | undefined> {
  const [row] = await readPending(db, 1);
  return row;
}

/** When this database got its Merkle log. */
export async function logBegan(db: Reader): Promise<Date> {
  const sql = "SELECT migration_time AS at FROM migrations WHERE name = '002-merkle-log'";
  const [row] = await select<{ at: number | string }>(db, sql);
  return row === undefined
    ? new Date(0)
    : new Date(typeof row.at === 'number' ? row.at : `${row.at.replace(' ', 'T')}Z`);
}

/** Was a period closed by an entry from `index` on? */
export async function closedPeriodSince(db: Reader, logNo: number, index: number): Promise<boolean> {
  const sql = "SELECT idx FROM log_entries WHERE log_no = ? AND idx >= ? AND action = 'period.closed' LIMIT 1";
  return (await select(db, sql, [logNo, index])).length > 0;
}
