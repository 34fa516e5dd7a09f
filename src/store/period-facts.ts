import type { BatchState } from '../delivery/delivery-state.ts';
import { readEntry } from '../evidence/entry.ts';
import type { Operation } from '../record.ts';
import { placeholders, type Reader, select } from './database.ts';

/** One batch of a period. */
export interface PeriodBatch {
  readonly seq: number;
  readonly id: string;
  readonly state: BatchState;
  readonly members: number;
  readonly sentAt: string | null;
  readonly settledAt: string | null;
  readonly receiptId: string | null;
  readonly reason: string | null;
  /** When the platform first said that it had the batch. */
  readonly receivedAt: string | null;
  /** When a send of it first began. */
  readonly triedAt: string | null;
}

/** In order of sealing. */
export async function periodBatches(db: Reader, platform: string, period: string): Promise<PeriodBatch[]> {
  const taken = "a.outcome IN ('received', 'partial', 'answered')";
  const sql = `SELECT b.seq, b.id, b.state, b.members, b.sent_at AS "sentAt", b.settled_at AS "settledAt",
      b.receipt_id AS "receiptId", b.reason,
      (SELECT MIN(a.ended_at) FROM attempts a WHERE a.batch_id = b.id AND ${taken}) AS "receivedAt",
      (SELECT MIN(a.started_at) FROM attempts a WHERE a.batch_id = b.id AND a.action = 'send') AS "triedAt"
    FROM batches b WHERE b.platform = ? AND b.period = ? ORDER BY b.seq`;
  const rows = await select<PeriodBatch>(db, sql, [platform, period]);
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

export interface MemberCount {
  readonly state: string;
  readonly operation: Operation;
  readonly count: number;
}

/** Deliveries of a period by state and operation. */
export async function memberCounts(db: Reader, platform: string, period: string): Promise<MemberCount[]> {
  const sql = `SELECT d.state, d.operation, COUNT(*) AS "count" FROM batches b JOIN deliveries d ON d.batch_seq = b.seq
    WHERE b.platform = ? AND b.period = ? GROUP BY d.state, d.operation`;
  const rows = await select<MemberCount>(db, sql, [platform, period]);
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** How requests of a period's batches ended, newest reason per outcome. */
export interface AttemptEnd {
  readonly outcome: string;
  readonly count: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly reason: string | null;
}

export async function attemptEnds(db: Reader, platform: string, period: string): Promise<AttemptEnd[]> {
  const sql = `SELECT a.outcome, COUNT(*) AS "count", MIN(a.started_at) AS "firstAt", MAX(a.started_at) AS "lastAt", MAX(a.reason) AS "reason"
    FROM batches b JOIN attempts a ON a.batch_id = b.id
    WHERE b.platform = ? AND b.period = ? AND a.outcome IS NOT NULL GROUP BY a.outcome ORDER BY a.outcome`;
  const rows = await select<AttemptEnd>(db, sql, [platform, period]);
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** A run of the period's job, and why it failed. */
export interface RunEnd {
  readonly id: number;
  readonly state: string;
  readonly startedAt: string;
  readonly report: string | null;
}

export async function runsBetween(db: Reader, job: string, from: string, to: string): Promise<RunEnd[]> {
  const sql = `SELECT id, state, started_at AS "startedAt", report FROM runs
    WHERE job = ? AND started_at >= ? AND started_at <= ? AND state <> 'skipped' ORDER BY id`;
  return select<RunEnd>(db, sql, [job, from, to]);
}

/** The newest run of a job that had begun by an instant. */
export async function runBegunBy(db: Reader, job: string, at: string): Promise<RunEnd | undefined> {
  const sql = `SELECT id, state, started_at AS "startedAt", report FROM runs
    WHERE job = ? AND started_at <= ? AND state <> 'skipped' ORDER BY id DESC LIMIT 1`;
  return (await select<RunEnd>(db, sql, [job, at]))[0];
}

/** Pauses of a platform that were in force at some time of a span, oldest first. */
export async function pausesDuring(
  db: Reader,
  platform: string,
  span: { readonly from: string; readonly to: string },
): Promise<{ readonly at: string; readonly endedAt: string | null; readonly reason: string }[]> {
  const sql = `SELECT at, ended_at AS "endedAt", reason FROM pauses
    WHERE platform = ? AND at <= ? AND (ended_at IS NULL OR ended_at >= ?) ORDER BY id`;
  return select(db, sql, [platform, span.to, span.from]);
}

export interface Happening {
  readonly action: string;
  readonly at: string;
  /** What its entry gives as reason; '' where it has none. */
  readonly reason: string;
}

/** Log entries of a platform, oldest first; at most 200. What the sequencer has not placed yet is not in it. */
export async function happenings(
  db: Reader,
  platform: string,
  actions: readonly string[],
  span: { readonly from: string; readonly to: string },
): Promise<Happening[]> {
  const sql = `SELECT action, at, entry FROM log_entries
    WHERE platform = ? AND action IN (${placeholders(actions.length)}) AND at >= ? AND at <= ? ORDER BY log_no, idx LIMIT 200`;
  const rows = await select<{ action: string; at: string; entry: Buffer }>(db, sql, [
    platform,
    ...actions,
    span.from,
    span.to,
  ]);
  return rows.map(({ action, at, entry }) => ({ action, at, reason: reasonOf(entry) }));
}

function reasonOf(bytes: Buffer): string {
  const read = readEntry(bytes);
  const reason = 'wrong' in read ? '' : read.entry.evidence['reason'];
  return typeof reason === 'string' ? reason : '';
}
