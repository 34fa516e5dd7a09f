import { HubError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { PullJob } from '../job/job.ts';
import { rulesOf } from '../job/rules-of.ts';
import { compileMapping } from '../mapping/mapping.ts';
import type { PullCounts } from '../run-report.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { Source } from '../source.ts';
import { readCursor, writeSnapshotRows } from '../store/cursors.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { countOpen } from '../store/quarantine.ts';
import { openPageKeeper } from './page-keeper.ts';
import { type PageHead, preparedPages } from './prepared-pages.ts';
import type { JobOfRows, Judge } from './read-row.ts';
import type { Taken } from './take-in.ts';

export interface Pull {
  readonly db: Db;
  /** Address of the same database: a long pull keeps its pages over a connection of its own. Absent: never. */
  readonly databaseUrl?: string | undefined;
  readonly source: Source;
  readonly type: UnifiedType;
  /** Changes with any file of the schemas folder. */
  readonly schemasDigest: string;
  readonly runId: number;
  readonly now: () => Date;
  /** Local date of an instant, `YYYY-MM-DD` in HUB_TIMEZONE. */
  readonly localDate: (instant: Date) => string;
  readonly signal: AbortSignal;
  /** Map and check only; nothing is written. */
  readonly dryRun: boolean;
  /** Manual re-read of a range of local dates: the live cursor is neither used nor moved. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  /** A person has seen that the snapshot shrank and wants it all the same. */
  readonly acceptShrink: boolean;
  readonly onProgress?: ((counts: PullCounts) => void) | undefined;
}

export interface Pulled {
  readonly counts: PullCounts;
  readonly faults: Map<string, number>;
  /** Why reading ended early; what was read before is kept, with the cursor behind it. */
  readonly stopped: HubError | undefined;
}

/** A snapshot that lost more than this share of its rows is held for a person (delivery.md §1.1). */
const SHRINK = 0.05;

/**
 * Reads a bureau to the end. Rows, tickets and cursor of a page commit in one transaction; a page that the source
 * refuses (HubError SOURCE_…) ends the run after the good ones before it are kept.
 */
export async function pull(job: PullJob, context: Pull): Promise<Pulled> {
  const counts = { read: 0, accepted: 0, unchanged: 0, quarantined: 0 };
  const faults = new Map<string, number>();
  try {
    await readAll(job, context, counts, faults);
    return { counts, faults, stopped: undefined };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    return { counts, faults, stopped: error };
  }
}

async function readAll(
  job: PullJob,
  context: Pull,
  done: Mutable<PullCounts>,
  faults: Map<string, number>,
): Promise<void> {
  const { db, source, signal, now } = context;
  const manual = context.since !== undefined || context.until !== undefined;
  const stored = await readCursor(db, job.name);
  const map = compileMapping(job.mapping);
  const rules = rulesOf(job, context.schemasDigest);
  const options = { signal, now, ...range(context) };
  const snapshot: Snapshot = { rows: 0, known: stored?.snapshotRows, told: false, uncounted: false };
  const ticketsOpen = (await countOpen(db, 'intake', { job: job.name })) > 0;
  const keeper = openPageKeeper({
    db,
    databaseUrl: context.databaseUrl,
    ...{ job: plainly(job), rules, runId: context.runId, ticketsOpen, manual, dryRun: context.dryRun },
    note: (page, taken) => {
      failpoint('S1-kept');
      addUp(done, faults, taken);
      countSnapshot(page, snapshot);
      context.onProgress?.(done);
    },
  });
  const judge = (): Judge => ({ job, type: context.type, map, today: context.localDate(now()), rules });
  const reading = { db, options, judge, mayChange: keeper.mayChange, drain: keeper.drain };
  try {
    for await (const prepared of preparedPages(source, manual ? undefined : stored?.value, reading)) {
      signal.throwIfAborted();
      if (!manual) refuseShrunk(prepared.page, snapshot, context.acceptShrink);
      failpoint('S0-read');
      await keeper.add(prepared, now());
    }
  } finally {
    await keeper.drain().finally(keeper.close);
  }
  if (!manual && !context.dryRun) await closeSnapshot(context, job, snapshot);
}

/** What goes to another thread: no secret of the source, nothing that is compiled. */
const plainly = ({ name, division, type }: PullJob): JobOfRows => ({ name, division, type });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const range = ({ since, until }: Pull): { since?: string; until?: string } => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
});

function addUp(done: Mutable<PullCounts>, faults: Map<string, number>, { counts, faults: codes }: Taken): void {
  done.read += counts.accepted + counts.unchanged + counts.quarantined;
  done.accepted += counts.accepted;
  done.unchanged += counts.unchanged;
  done.quarantined += counts.quarantined;
  for (const [code, count] of codes) faults.set(code, (faults.get(code) ?? 0) + count);
}

interface Snapshot {
  /** Rows read so far of the snapshot that is being read. */
  rows: number;
  /** Rows of the last whole snapshot. */
  known: number | undefined;
  /** The source said beforehand how many rows will come. */
  told: boolean;
  /** A snapshot of which only the end shows the number of rows. */
  uncounted: boolean;
}

const isShrunk = (rows: number, known: number | undefined): boolean =>
  known !== undefined && known > 0 && rows < known * (1 - SHRINK);

/** Where the source knows beforehand how many rows will come, nothing at all is written. */
function refuseShrunk(page: PageHead, snapshot: Snapshot, accepted: boolean): void {
  if (!page.snapshot || page.expectedRows === undefined) return;
  const { known } = snapshot;
  if (!accepted && isShrunk(page.expectedRows, known)) throw shrunk(page.expectedRows, known ?? 0);
  snapshot.known = page.expectedRows;
}

const shrunk = (rows: number, known: number): HubError =>
  new HubError(
    'SOURCE_SHRUNK',
    `全量数据由 ${known} 条骤减为 ${rows} 条，已暂停等待人工确认 (a full snapshot shrank from ${known} to ${rows} rows; held)`,
    {
      remedy: 'give-up',
      fix: '请向业务处室核实；确认无误后用 hub run <作业> --accept-shrink --reason 原因 放行 (ask the division; if it is right, run again with --accept-shrink --reason)',
    },
  );

function countSnapshot(page: PageHead, snapshot: Snapshot): void {
  if (page.expectedRows !== undefined) snapshot.told = true;
  if (!page.snapshot || snapshot.told) return;
  snapshot.uncounted = true;
  snapshot.rows += page.rowCount;
}

/** A snapshot whose size nobody said beforehand: absence never means withdrawal, so its rows stay, but a person must look. */
async function closeSnapshot(
  { db, acceptShrink }: Pull,
  job: PullJob,
  { rows, known, uncounted }: Snapshot,
): Promise<void> {
  if (!uncounted) return;
  if (!acceptShrink && isShrunk(rows, known)) throw shrunk(rows, known ?? 0);
  await inTransaction(db, (tx) => writeSnapshotRows(tx, job.name, rows));
}
