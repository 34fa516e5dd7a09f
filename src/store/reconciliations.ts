import { canonicalJson } from '../canonical.ts';
import type { JsonObject } from '../json.ts';
import { change, type Db, insertRows, inTransaction, placeholders, type Reader, select, type Tx } from './database.ts';
import { appendLog } from './log.ts';

/** `platform`: library ↔ platform, `scope` its name; `bureau`: bureau ↔ library, `scope` the pull job. */
export interface Compared {
  readonly kind: 'platform' | 'bureau';
  readonly scope: string;
}

export type ReconcileState = 'running' | 'good' | 'different' | 'failed';

export interface ReconciliationRow extends Compared {
  readonly id: number;
  readonly state: ReconcileState;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly report: JsonObject | null;
}

/** Opens a comparison; `undefined` when somebody has taken this due time already. */
export async function openReconciliation(
  db: Db,
  { kind, scope }: Compared,
  start: { readonly by: string; readonly now: Date; readonly dueAt?: Date | undefined },
): Promise<number | undefined> {
  return inTransaction(db, async (tx) => {
    const due = start.dueAt?.toISOString() ?? null;
    const sql = 'SELECT id FROM reconciliations WHERE kind = ? AND scope = ? AND due_at = ?';
    if (due !== null && (await select(tx, sql, [kind, scope, due])).length > 0) return undefined;
    const row = { kind, scope, state: 'running', asked_by: start.by, due_at: due, started_at: start.now.toISOString() };
    const [id] = await tx('reconciliations').insert(row).onConflict(['kind', 'scope', 'due_at']).ignore();
    return id === undefined || id === 0 ? undefined : Number(id);
  });
}

export interface ReconcileEnd {
  readonly id: number;
  readonly by: string;
  readonly now: Date;
  readonly state: Exclude<ReconcileState, 'running'>;
  readonly missing: number;
  readonly extra: number;
  readonly stale: number;
  readonly report: JsonObject;
}

/** The report, the differences that are gone, and the log entry: one transaction. */
export async function closeReconciliation(db: Db, compared: Compared, end: ReconcileEnd): Promise<void> {
  const { id, state, missing, extra, stale } = end;
  const at = end.now.toISOString();
  await inTransaction(db, async (tx) => {
    const counts = { missing, extra, stale };
    await tx('reconciliations')
      .where({ id })
      .update({ ...counts, state, ended_at: at, report: canonicalJson(end.report) });
    if (state !== 'failed') await closeGone(tx, compared, id, at);
    const detail = { reconciliation: id, kind: compared.kind, scope: compared.scope, state, ...counts };
    const platform = compared.kind === 'platform' ? { platform: compared.scope } : {};
    await appendLog(tx, end.now, [{ actor: end.by, action: 'reconcile.done', ...platform, detail }]);
  });
}

const closeGone = (tx: Tx, { kind, scope }: Compared, id: number, at: string): Promise<number> =>
  change(
    tx,
    'UPDATE differences SET closed_at = ? WHERE kind = ? AND scope = ? AND closed_at IS NULL AND seen_in <> ?',
    [at, kind, scope, id],
  );

/** A comparison whose process is gone ends as failed: nobody waits for it. Returns their ids. */
export async function buryReconciliations(db: Db, { kind, scope }: Compared, now: Date): Promise<number[]> {
  const rows = await select<{ id: number }>(
    db,
    "SELECT id FROM reconciliations WHERE kind = ? AND scope = ? AND state = 'running'",
    [kind, scope],
  );
  const sql = "UPDATE reconciliations SET state = 'failed', ended_at = ? WHERE id = ?";
  for (const { id } of rows) await inTransaction(db, (tx) => change(tx, sql, [now.toISOString(), id]));
  return rows.map(({ id }) => id);
}

export interface Difference {
  readonly name: string;
  readonly state: 'missing' | 'extra' | 'stale';
  /** Why, in one word: absent, unknown, withdrawn, older, newer, content, hidden, rejected. */
  readonly cause: string;
  readonly recordId: number | undefined;
  readonly type: string | undefined;
  readonly period: string | undefined;
  readonly version: number | undefined;
  readonly heldVersion: number | undefined;
}

const differenceColumns = [
  ...['kind', 'scope', 'name', 'state', 'cause', 'record_id', 'type', 'period'],
  ...['version', 'held_version', 'first_seen_at', 'seen_in', 'closed_at'],
];

/** Keeps since when each stands open; one that was closed begins anew. */
export async function keepDifferences(
  db: Db,
  { kind, scope }: Compared,
  found: { readonly id: number; readonly now: Date; readonly differences: readonly Difference[] },
): Promise<void> {
  const { id, differences } = found;
  if (differences.length === 0) return;
  await inTransaction(db, async (tx) => {
    const names = differences.map(({ name }) => name);
    const among = `kind = ? AND scope = ? AND name IN (${placeholders(names.length)})`;
    const known = await select<{ name: string; first_seen_at: string; closed_at: string | null }>(
      tx,
      `SELECT name, first_seen_at, closed_at FROM differences WHERE ${among}`,
      [kind, scope, ...names],
    );
    const since = new Map(known.filter((row) => row.closed_at === null).map((row) => [row.name, row.first_seen_at]));
    if (known.length > 0) await change(tx, `DELETE FROM differences WHERE ${among}`, [kind, scope, ...names]);
    const rows = differences.map((one) => [
      ...[kind, scope, one.name, one.state, one.cause, one.recordId ?? null, one.type ?? null, one.period ?? null],
      ...[one.version ?? null, one.heldVersion ?? null, since.get(one.name) ?? found.now.toISOString(), id, null],
    ]);
    await insertRows(tx, 'differences', differenceColumns, rows);
  });
}

/** As it stands in the database: what is unknown is null. */
export interface OpenDifference {
  readonly name: string;
  readonly state: Difference['state'];
  readonly cause: string;
  readonly recordId: number | null;
  readonly type: string | null;
  readonly period: string | null;
  readonly version: number | null;
  readonly heldVersion: number | null;
  /** Id of the comparison that saw it last. */
  readonly seenIn: number;
  readonly number: string | null;
  readonly firstSeenAt: string;
}

/** What stands open, oldest first. */
export async function openDifferences(db: Reader, { kind, scope }: Compared, limit: number): Promise<OpenDifference[]> {
  return select<OpenDifference>(
    db,
    `SELECT d.name, d.state, d.cause, d.record_id AS "recordId", d.type, d.period, d.version,
       d.held_version AS "heldVersion", d.first_seen_at AS "firstSeenAt", d.seen_in AS "seenIn", r.number
     FROM differences d LEFT JOIN records r ON r.id = d.record_id
     WHERE d.kind = ? AND d.scope = ? AND d.closed_at IS NULL ORDER BY d.first_seen_at, d.name LIMIT ${limit}`,
    [kind, scope],
  );
}

/** Newest comparison that ended, if any. */
export async function lastReconciliation(
  db: Reader,
  { kind, scope }: Compared,
): Promise<ReconciliationRow | undefined> {
  const [row] = await select<Omit<ReconciliationRow, 'report'> & { report: string | null }>(
    db,
    `SELECT id, kind, scope, state, started_at AS "startedAt", ended_at AS "endedAt", report FROM reconciliations
     WHERE kind = ? AND scope = ? AND state <> 'running' ORDER BY id DESC LIMIT 1`,
    [kind, scope],
  );
  return row && { ...row, report: row.report === null ? null : JSON.parse(row.report) };
}

/** How many stand open per far end, and since when. */
export async function differenceTotals(
  db: Reader,
): Promise<(Compared & { readonly n: number; readonly oldest: string })[]> {
  const sql = `SELECT kind, scope, COUNT(*) AS n, MIN(first_seen_at) AS oldest FROM differences
    WHERE closed_at IS NULL GROUP BY kind, scope ORDER BY kind, scope`;
  const rows = await select<Compared & { n: number; oldest: string }>(db, sql);
  return rows.map((row) => ({ ...row, n: Number(row.n) }));
}
