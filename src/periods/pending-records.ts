import { localDay } from '../calendar/local-time.ts';
import type { Deadline } from '../duty/deadline.ts';
import { deadlinesOf } from '../duty/deadline-rules.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { type Render, type Rendered, render } from '../push/render.ts';
import { rendering, renderPlan } from '../push/rendering.ts';
import type { Operation } from '../record.ts';
import { decisionDate, toldBefore } from '../store/decisions.ts';
import { nothingKnown, type PendingRow, readPending } from '../store/pending.ts';

/** One version that a platform does not have yet: whether it would leave now, whose it is, and until when it must. */
export interface PendingRecord {
  readonly row: PendingRow;
  readonly division: string;
  readonly rendered: Rendered;
  /** Undefined: the law names none, or the platform was told of this decision before. */
  readonly deadline: Deadline | undefined;
}

export interface PendingOptions {
  readonly job: PushJob;
  readonly confirmed?: Render['confirmed'];
  /** Only versions that were kept by then; UTC text. */
  readonly createdUntil?: string;
}

const PAGE = 1000;

/** What a push would find pending now, rendered as it would; writes nothing. Withdrawals first. */
export async function* pendingRecords(
  hub: Hub,
  { job, confirmed, createdUntil }: PendingOptions,
): AsyncGenerator<PendingRecord> {
  const context = { ...rendering(await renderPlan(hub, job), hub), confirmed };
  const { fullState, everyVersion } = context;
  const find = deadlineFinder(hub, job);
  for (const operation of ['WITHDRAW', 'UPSERT'] as const) {
    for await (const rows of pages(hub, {
      platform: job.platformName,
      types: fullState,
      everyVersion,
      operation,
      createdUntil,
    })) {
      const told = await toldBefore(hub.db, job.platformName, repeated(rows));
      for (const row of rows) {
        const deadline = operation === 'WITHDRAW' ? undefined : find(row, told);
        yield { row, division: context.divisionOf(row.job), rendered: render(row, context), deadline };
      }
    }
  }
}

/** Records that may have been told of in an earlier version. */
const repeated = (rows: readonly PendingRow[]): number[] =>
  rows.filter(({ version }) => version > 1).map(({ id }) => Number(id));

function deadlineFinder(hub: Hub, job: PushJob) {
  const deadline = deadlinesOf(job, hub.calendar);
  return ({ id, type, body }: PendingRow, told: ReadonlyMap<number, string>): Deadline | undefined => {
    const decidedOn = decisionDate(body);
    const before = told.get(Number(id));
    if (decidedOn === undefined || (before !== undefined && decisionDate(before) === decidedOn)) return undefined;
    return deadline(type, decidedOn);
  };
}

async function* pages(
  { db }: Hub,
  query: {
    readonly platform: string;
    readonly types: readonly string[];
    readonly everyVersion: readonly string[];
    readonly operation: Operation;
    readonly createdUntil: string | undefined;
  },
): AsyncGenerator<PendingRow[]> {
  const known = nothingKnown();
  for (let afterId = 0; ; ) {
    const rows = await readPending(db, { ...query, afterId, limit: PAGE, known });
    if (rows.length === 0) return;
    yield rows;
    afterId = Number(rows.at(-1)?.id ?? afterId);
  }
}

export const today = (hub: Hub): string => localDay(hub.now(), hub.settings.timezone);
