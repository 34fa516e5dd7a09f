import Database from 'better-sqlite3';
import type { Batch, BatchRecord, Refusal } from './platform-batch.ts';
import { digestOf } from './platform-batch.ts';
import { matches, type Script, type Step } from './script.ts';

interface Result {
  readonly rowId: string;
  readonly resultCode: string;
  readonly resultMsg: string;
  readonly platformId?: string;
}

/** A batch that was taken: kept word for word enough to answer the same again. */
export interface Taken {
  readonly packageId: string;
  readonly bodyDigest: string;
  readonly receiptId: string;
  readonly receivedCount: number;
  readonly results: readonly Result[];
  /** How often it was asked after since. */
  readonly asked: number;
}

/** What a platform holds of one record. `op` D: withdrawn from view. */
interface Held {
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
  readonly rowId: string;
  readonly packageId: string;
  readonly dataClass: string;
  readonly data: unknown;
}

/** What happened to one rowId: `applied` counts changes of what is held, `seen` how often it came. */
interface Effect {
  readonly rowId: string;
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly payloadHash: string;
  readonly resultCode: string;
  readonly applied: number;
  readonly seen: number;
}

/** The wire record of one request; never a token. */
interface SeenRequest {
  readonly n: number;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | null;
  readonly bytes: number;
  readonly bodyDigest: string;
  /** What the script said, and the status that went out (null: none). */
  readonly answer: string | null;
  readonly status: number | null;
}

/** A platform's own durable memory: everything stands in one SQLite file. */
export interface PlatformBooks {
  seen(request: Pick<SeenRequest, 'method' | 'path' | 'idempotencyKey' | 'bytes' | 'bodyDigest'>): number;
  answered(n: number, answer: string, status: number | null): void;
  /** Keeps a batch, each record once, in one transaction. */
  take(batch: Batch, step: Step): Taken | Refusal;
  find(packageId: string): Taken | undefined;
  /** Counts one more query and says how many there were before. */
  ask(packageId: string): number;
  held(page?: PageWish): readonly Held[];
  effects(page?: PageWish): readonly Effect[];
  requests(page?: { readonly after?: number; readonly limit?: number }): readonly SeenRequest[];
  counts(): Counts;
  /** 信用修复 notices as they were put in, behind the one with this id; from the first where it is not known. */
  notices(page: PageWish): readonly unknown[];
  addNotice(notice: unknown): number;
  script(): Script | undefined;
  setScript(script: Script): void;
  close(): void;
}

interface Counts {
  readonly held: number;
  readonly withdrawn: number;
  readonly effects: number;
  readonly packages: number;
  readonly requests: number;
}

interface PageWish {
  /** Only keys behind this one. */
  readonly after?: string;
  readonly limit?: number;
}

const TABLES = `
CREATE TABLE IF NOT EXISTS packages (package_id TEXT PRIMARY KEY, body_digest TEXT NOT NULL, received_count INTEGER NOT NULL, results TEXT NOT NULL, asked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS effects (row_id TEXT PRIMARY KEY, record_key TEXT NOT NULL, data_version INTEGER NOT NULL, payload_hash TEXT NOT NULL, result TEXT NOT NULL, applied INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS held (record_key TEXT PRIMARY KEY, data_version INTEGER NOT NULL, op TEXT NOT NULL, payload_hash TEXT NOT NULL, row_id TEXT NOT NULL, package_id TEXT NOT NULL, data_class TEXT NOT NULL, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (n INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, idempotency_key TEXT, bytes INTEGER NOT NULL, body_digest TEXT NOT NULL, answer TEXT, status INTEGER);
CREATE TABLE IF NOT EXISTS notices (n INTEGER PRIMARY KEY, id TEXT, notice TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);`;

interface EffectRow {
  readonly payload_hash: string;
  readonly result: string;
}

export function openPlatformBooks(file: string, name: string): PlatformBooks {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.exec(TABLES);
  const desk: Desk = { sql: prepare(db), name };
  const { sql } = desk;
  return {
    seen: ({ method, path, idempotencyKey, bytes, bodyDigest }) =>
      Number(sql.see.run(new Date().toISOString(), method, path, idempotencyKey, bytes, bodyDigest).lastInsertRowid),
    answered: (n, answer, status) => void sql.answered.run(answer, status, n),
    take: (batch, step) => db.transaction(take).immediate(desk, batch, step),
    find: (packageId) => find(desk, packageId),
    ask: (packageId) => {
      const before = find(desk, packageId)?.asked ?? 0;
      sql.ask.run(packageId);
      return before;
    },
    held: ({ after = '', limit = -1 } = {}) =>
      sql.heldPage.all(after, limit).map((row) => ({ ...row, data: JSON.parse(row.data) })),
    effects: ({ after = '', limit = -1 } = {}) => sql.effectPage.all(after, limit),
    requests: ({ after = 0, limit = -1 } = {}) => sql.requestPage.all(after, limit),
    counts: () => sql.counts.get() ?? { held: 0, withdrawn: 0, effects: 0, packages: 0, requests: 0 },
    notices: ({ after = '', limit = -1 }) =>
      sql.noticePage.all(sql.noticePlace.get(after)?.n ?? 0, limit).map(({ notice }) => JSON.parse(notice)),
    addNotice: (notice) => {
      const id = typeof notice === 'object' && notice !== null && 'id' in notice ? String(notice.id) : null;
      return Number(sql.addNotice.run(id, JSON.stringify(notice)).lastInsertRowid);
    },
    script: () => {
      const kept = sql.note.get('script')?.value;
      return kept === undefined ? undefined : JSON.parse(kept);
    },
    setScript: (script) => void sql.setNote.run('script', JSON.stringify(script)),
    close: () => void db.close(),
  };
}

interface Desk {
  readonly sql: Sql;
  /** The platform's name, part of its receipt numbers. */
  readonly name: string;
}

function find({ sql, name }: Desk, packageId: string): Taken | undefined {
  const row = sql.find.get(packageId);
  if (row === undefined) return undefined;
  const receiptId = `${name}-R${String(row.n).padStart(8, '0')}`;
  const { body_digest: bodyDigest, received_count: receivedCount, asked } = row;
  return { packageId, bodyDigest, receiptId, receivedCount, results: JSON.parse(row.results), asked };
}

function take(desk: Desk, batch: Batch, step: Step): Taken | Refusal {
  const { sql } = desk;
  const before = find(desk, batch.packageId);
  if (before !== undefined) return before.bodyDigest === batch.bodyDigest ? before : KEY_REUSED;
  const isKnownOtherwise = ({ rowId, payloadHash }: BatchRecord): boolean =>
    (sql.effect.get(rowId)?.payload_hash ?? payloadHash) !== payloadHash;
  if (batch.records.some(isKnownOtherwise)) return KEY_REUSED;
  const lies = step.answer === 'lie' ? (step.count ?? 1) : 0;
  const results = batch.records.map((record, i) => settle(desk, { batch, record, step, isLie: i < lies }));
  sql.addPackage.run(batch.packageId, batch.bodyDigest, batch.records.length, JSON.stringify(results));
  return find(desk, batch.packageId) ?? KEY_REUSED;
}

interface Settling {
  readonly batch: Batch;
  readonly record: BatchRecord;
  readonly step: Step;
  readonly isLie: boolean;
}

/** One rowId has one effect, whatever batch it comes in. */
function settle({ sql, name }: Desk, { batch, record, step, isLie }: Settling): Result {
  const { rowId, recordKey, dataVersion, op, payloadHash, data } = record;
  const before = sql.effect.get(rowId);
  if (before !== undefined) {
    sql.again.run(rowId);
    const first: Result = JSON.parse(before.result);
    return first.resultCode === 'OK' ? { ...first, resultCode: 'DUPLICATE', resultMsg: '重复报送，已有结果' } : first;
  }
  const result = judge(record, step, sql.version.get(recordKey), name);
  const isApplied = result.resultCode === 'OK' && !isLie;
  if (isApplied)
    sql.hold.run(
      recordKey,
      dataVersion,
      op,
      payloadHash,
      rowId,
      batch.packageId,
      batch.dataClass,
      JSON.stringify(data),
    );
  sql.addEffect.run(rowId, recordKey, dataVersion, payloadHash, JSON.stringify(result), isApplied ? 1 : 0);
  return result;
}

type Sql = ReturnType<typeof prepare>;

/** Typed by what each statement takes and gives. */
function prepare(db: Database.Database) {
  return {
    effect: db.prepare<[string], EffectRow>('SELECT payload_hash, result FROM effects WHERE row_id = ?'),
    again: db.prepare('UPDATE effects SET seen = seen + 1 WHERE row_id = ?'),
    addEffect: db.prepare('INSERT INTO effects VALUES (?, ?, ?, ?, ?, ?, 1)'),
    version: db.prepare<[string], HeldVersion>('SELECT data_version, payload_hash FROM held WHERE record_key = ?'),
    hold: db.prepare('INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    find: db.prepare<
      [string],
      { n: number; body_digest: string; received_count: number; results: string; asked: number }
    >('SELECT rowid AS n, body_digest, received_count, results, asked FROM packages WHERE package_id = ?'),
    addPackage: db.prepare(
      'INSERT INTO packages (package_id, body_digest, received_count, results) VALUES (?, ?, ?, ?)',
    ),
    ask: db.prepare('UPDATE packages SET asked = asked + 1 WHERE package_id = ?'),
    see: db.prepare(
      'INSERT INTO requests (at, method, path, idempotency_key, bytes, body_digest) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    answered: db.prepare('UPDATE requests SET answer = ?, status = ? WHERE n = ?'),
    noticePlace: db.prepare<[string], { n: number | null }>('SELECT max(n) AS n FROM notices WHERE id = ?'),
    noticePage: db.prepare<[number, number], { notice: string }>(
      'SELECT notice FROM notices WHERE n > ? ORDER BY n LIMIT ?',
    ),
    addNotice: db.prepare('INSERT INTO notices (id, notice) VALUES (?, ?)'),
    note: db.prepare<[string], { value: string }>('SELECT value FROM notes WHERE name = ?'),
    setNote: db.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?)'),
    heldPage: db.prepare<[string, number], Omit<Held, 'data'> & { data: string }>(
      'SELECT record_key AS recordKey, data_version AS dataVersion, op, payload_hash AS payloadHash, row_id AS rowId, package_id AS packageId, data_class AS dataClass, data FROM held WHERE record_key > ? ORDER BY record_key LIMIT ?',
    ),
    effectPage: db.prepare<[string, number], Effect>(
      "SELECT row_id AS rowId, record_key AS recordKey, data_version AS dataVersion, payload_hash AS payloadHash, result ->> 'resultCode' AS resultCode, applied, seen FROM effects WHERE row_id > ? ORDER BY row_id LIMIT ?",
    ),
    counts: db.prepare<[], Counts>(
      "SELECT (SELECT count(*) FROM held WHERE op = 'U') AS held, (SELECT count(*) FROM held WHERE op = 'D') AS withdrawn, (SELECT count(*) FROM effects) AS effects, (SELECT count(*) FROM packages) AS packages, (SELECT count(*) FROM requests) AS requests",
    ),
    requestPage: db.prepare<[number, number], SeenRequest>(
      'SELECT n, at, method, path, idempotency_key AS idempotencyKey, bytes, body_digest AS bodyDigest, answer, status FROM requests WHERE n > ? ORDER BY n LIMIT ?',
    ),
  };
}

const KEY_REUSED: Refusal = {
  status: 422,
  resultCode: 'KEY_REUSED',
  resultMsg: 'this key came before with other bytes',
};

interface HeldVersion {
  readonly data_version: number;
  readonly payload_hash: string;
}

function judge(record: BatchRecord, step: Step, held: HeldVersion | undefined, name: string): Result {
  const { rowId } = record;
  if (held !== undefined && record.dataVersion <= held.data_version) {
    const same = record.dataVersion === held.data_version && record.payloadHash === held.payload_hash;
    if (same) return { rowId, resultCode: 'DUPLICATE', resultMsg: '已有相同内容' };
    return { rowId, resultCode: 'OLD_VERSION', resultMsg: `已有第 ${held.data_version} 版` };
  }
  if (step.answer === 'reject') {
    const rule = step.rules?.find((candidate) => matches(candidate, record.data));
    if (rule !== undefined) return { rowId, resultCode: rule.code, resultMsg: rule.message ?? '与本平台主体信息不符' };
    const share = Number.parseInt(digestOf(rowId).slice(0, 8), 16) / 2 ** 32;
    if (share < (step.ratio ?? 0)) return { rowId, resultCode: 'SUBJECT_NOT_FOUND', resultMsg: '未匹配到市场主体' };
  }
  return { rowId, resultCode: 'OK', resultMsg: '成功', platformId: `${name}-${digestOf(rowId).slice(0, 16)}` };
}
