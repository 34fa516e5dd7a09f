import { HubError } from '../errors.ts';
import { failpoint } from '../failpoint.ts';
import type { PullJob } from '../job/job.ts';
import { rulesOf } from '../job/rules-of.ts';
import { compileMapping } from '../mapping/mapping.ts';
import type { PullCounts } from '../run-report.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { Source } from '../source.ts';
import { readCursor } from '../store/cursors.ts';
import type { Db } from '../store/database.ts';
import { countOpen } from '../store/quarantine.ts';
import { interrupted } from './interrupted.ts';
import { openPageKeeper } from './page-keeper.ts';
import { preparedPages } from './prepared-pages.ts';
import type { JobOfRows, Judge } from './read-row.ts';
import { watchSnapshot } from './snapshot.ts';
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
  /** Rows of the same full snapshot that an interrupted run had read; the counts are this run's own. */
  readonly goesOnAfter: number;
  /** Why reading ended early; what was read before is kept, with the cursor behind it. */
  readonly stopped: HubError | undefined;
}

/**
 * Reads a bureau to the end. Rows, tickets and cursor of a page commit in one transaction; a page that the source
 * refuses (HubError SOURCE_…) ends the run after the good ones before it are kept.
 */
export async function pull(job: PullJob, context: Pull): Promise<Pulled> {
  const counts = { read: 0, accepted: 0, unchanged: 0, quarantined: 0 };
  const faults = new Map<string, number>();
  const done: Done = { counts, faults, goesOnAfter: 0 };
  try {
    await readAll(job, context, done);
    return { ...done, stopped: undefined };
  } catch (error) {
    if (error instanceof HubError) return { ...done, stopped: error };
    const { aborted, reason } = context.signal;
    if (!aborted) throw error;
    // A pause or a read that is cut off rejects with an AbortError of its own: why it was cut off, the signal knows.
    return { ...done, stopped: reason instanceof HubError ? reason : interrupted(job) };
  }
}

interface Done {
  readonly counts: Mutable<PullCounts>;
  readonly faults: Map<string, number>;
  goesOnAfter: number;
}

async function readAll(job: PullJob, context: Pull, done: Done): Promise<void> {
  const { db, source, signal, now } = context;
  const manual = context.since !== undefined || context.until !== undefined;
  const stored = await readCursor(db, job.name);
  const map = compileMapping(job.mapping);
  const rules = rulesOf(job, context.schemasDigest);
  const options = { signal, now, ...range(context) };
  const snapshot = manual ? undefined : watchSnapshot(stored?.snapshotRows, context.acceptShrink);
  const ticketsOpen = (await countOpen(db, 'intake', { job: job.name })) > 0;
  const keeper = openPageKeeper({
    db,
    databaseUrl: context.databaseUrl,
    ...{ job: plainly(job), rules, runId: context.runId, ticketsOpen, manual, dryRun: context.dryRun },
    note: (_, taken) => {
      failpoint('S1-kept');
      addUp(done, taken);
      context.onProgress?.(done.counts);
    },
  });
  const judge = (): Judge => ({ job, type: context.type, map, today: context.localDate(now()), rules });
  const reading = { db, options, judge, mayChange: keeper.mayChange, drain: keeper.drain };
  try {
    for await (const prepared of preparedPages(source, manual ? undefined : stored?.value, reading)) {
      signal.throwIfAborted();
      const place = prepared.page.snapshot;
      if (place?.resumed === true) done.goesOnAfter = place.before;
      const snapshotRows = snapshot?.see(prepared.page);
      failpoint('S0-read');
      const page = snapshotRows === undefined ? prepared.page : { ...prepared.page, snapshotRows };
      await keeper.add({ ...prepared, page }, now());
    }
  } finally {
    await keeper.drain().finally(keeper.close);
  }
  snapshot?.close();
}

/** What goes to another thread: no secret of the source, nothing that is compiled. */
const plainly = ({ name, division, type }: PullJob): JobOfRows => ({ name, division, type });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const range = ({ since, until }: Pull): { since?: string; until?: string } => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
});

function addUp({ counts: done, faults }: Done, { counts, faults: codes }: Taken): void {
  done.read += counts.accepted + counts.unchanged + counts.quarantined;
  done.accepted += counts.accepted;
  done.unchanged += counts.unchanged;
  done.quarantined += counts.quarantined;
  for (const [code, count] of codes) faults.set(code, (faults.get(code) ?? 0) + count);
}
