import { canonicalJson } from '../canonical.ts';
import type { JsonObject } from '../json.ts';
import { change, type Db, inTransaction, type Reader, select, type Tx } from './database.ts';
import { appendLog } from './log.ts';

export type RunState = 'running' | 'done' | 'failed' | 'held' | 'skipped' | 'died';

export interface RunRow {
  readonly id: number;
  readonly job: string;
  readonly kind: string;
  readonly dueAt: string | null;
  readonly reason: string | null;
  readonly state: RunState;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly report: JsonObject | null;
}

export interface RunStart {
  readonly job: string;
  readonly kind: 'pull' | 'push';
  readonly holder: string;
  readonly now: Date;
  readonly reason?: string | undefined;
  /** Who started it; `scheduler` where nobody is named. */
  readonly by?: string;
}

/** A run started by hand. */
export async function startRun(db: Db, start: RunStart): Promise<number> {
  return inTransaction(db, async (tx) => {
    const [id] = await tx('runs').insert(runRow(start, null, 'running'));
    await logStart(tx, Number(id), start, {});
    return Number(id);
  });
}

const logStart = (tx: Tx, runId: number, start: RunStart, more: JsonObject): Promise<void> => {
  const { by: actor = 'scheduler', job, kind, reason = null, now } = start;
  return appendLog(tx, now, [{ actor, action: 'run.started', runId, detail: { job, kind, reason, ...more } }]);
};

/** Takes a due time: exactly one caller gets the run, the others `undefined` (UNIQUE(job, due_at)). */
export async function claimDueRun(
  db: Db,
  start: RunStart & { readonly dueAt: Date; readonly state?: 'running' | 'skipped' },
): Promise<number | undefined> {
  return inTransaction(db, async (tx) => {
    const dueAt = start.dueAt.toISOString();
    const [known] = await select(tx, 'SELECT id FROM runs WHERE job = ? AND due_at = ?', [start.job, dueAt]);
    if (known !== undefined) return undefined;
    const row = runRow(start, dueAt, start.state ?? 'running');
    const [id] = await tx('runs').insert(row).onConflict(['job', 'due_at']).ignore();
    if (id === 0 || id === undefined) return undefined;
    await logStart(tx, Number(id), start, { dueAt, state: start.state ?? 'running' });
    return Number(id);
  });
}

const runRow = (start: RunStart, dueAt: string | null, state: RunState) => ({
  job: start.job,
  kind: start.kind,
  due_at: dueAt,
  reason: start.reason ?? null,
  holder: start.holder,
  state,
  started_at: start.now.toISOString(),
  ended_at: state === 'running' ? null : start.now.toISOString(),
});

export async function endRun(
  db: Db,
  id: number,
  end: { readonly state: RunState; readonly report: JsonObject; readonly now: Date; readonly by?: string },
): Promise<void> {
  const { state, report, now, by: actor = 'scheduler' } = end;
  await inTransaction(db, async (tx) => {
    const sql = 'UPDATE runs SET state = ?, report = ?, ended_at = ? WHERE id = ?';
    await change(tx, sql, [state, canonicalJson(report), now.toISOString(), id]);
    const { job = null, counts = null, faults = null } = report;
    await appendLog(tx, now, [{ actor, action: 'run.ended', runId: id, detail: { job, state, counts, faults } }]);
  });
}

/** The newest due time that the database knows of; where catching up goes on from. */
export async function lastDueAt(db: Reader, job: string): Promise<Date | undefined> {
  const [row] = await select<{ due: string | null }>(db, 'SELECT MAX(due_at) AS due FROM runs WHERE job = ?', [job]);
  return row?.due ? new Date(row.due) : undefined;
}

/** Newest first. */
export async function listRuns(
  db: Reader,
  filter: { readonly job?: string; readonly limit?: number } = {},
): Promise<RunRow[]> {
  const query = db('runs')
    .orderBy('id', 'desc')
    .limit(filter.limit ?? 50);
  if (filter.job !== undefined) query.where('job', filter.job);
  return (await query).map(toRun);
}

export async function readRun(db: Reader, id: number): Promise<RunRow | undefined> {
  const row = await db('runs').where({ id }).first();
  return row === undefined ? undefined : toRun(row);
}

/** Runs that say they are running; the caller knows which of their holders are dead. */
export async function openRuns(db: Reader, job: string): Promise<{ readonly id: number; readonly holder: string }[]> {
  return select(db, "SELECT id, holder FROM runs WHERE job = ? AND state = 'running'", [job]);
}

const toRun = (row: { [column: string]: unknown }): RunRow => ({
  id: Number(row['id']),
  job: String(row['job']),
  kind: String(row['kind']),
  dueAt: textOrNull(row['due_at']),
  reason: textOrNull(row['reason']),
  state: row['state'] as RunState,
  startedAt: String(row['started_at']),
  endedAt: textOrNull(row['ended_at']),
  report: typeof row['report'] === 'string' ? JSON.parse(row['report']) : null,
});

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
