import { writeCursor, writeSnapshotRows } from '../store/cursors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import type { PageHead, PreparedPage } from './prepared-pages.ts';
import { type TakeIn, type Taken, takeIn } from './take-in.ts';

/** What keeping the pages of a run needs besides them; plain values, so that another thread may be told. */
export interface Keep extends Omit<TakeIn, 'now'> {
  /** A re-read by hand: the live cursor is not moved. */
  readonly manual: boolean;
  /** Everything is done and undone again. */
  readonly dryRun: boolean;
}

export interface KeptPage extends PreparedPage {
  readonly now: Date;
}

/** Versions, tickets, intake counts and the cursor behind them: all of these pages, in their order, or none. */
export async function keepPages(db: Db, pages: readonly KeptPage[], keep: Keep): Promise<Taken[]> {
  const { manual, dryRun, ...context } = keep;
  const keepAll = async (tx: Tx): Promise<Taken[]> => {
    const all: Taken[] = [];
    for (const { page, prepared, now } of pages) {
      const ticketsOpen = context.ticketsOpen || all.some(({ counts }) => counts.quarantined > 0);
      all.push(await takeIn(tx, page, prepared, { ...context, ticketsOpen, now }));
      if (!manual) await keepPlace(tx, context.job.name, page, now);
    }
    if (dryRun) throw new DryRun(all);
    return all;
  };
  return inTransaction(db, keepAll).catch(undone);
}

async function keepPlace(tx: Tx, job: string, page: PageHead, now: Date): Promise<void> {
  await writeCursor(tx, job, page.cursor, now);
  if (page.snapshotRows !== undefined) await writeSnapshotRows(tx, job, page.snapshotRows);
}

/** Carries the outcome of a rehearsal out of the transaction that is rolled back. */
class DryRun extends Error {
  readonly taken: Taken[];
  constructor(taken: Taken[]) {
    super('dry run');
    this.taken = taken;
  }
}

function undone(error: unknown): Taken[] {
  if (error instanceof DryRun) return error.taken;
  throw error;
}
