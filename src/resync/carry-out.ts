import { setTimeout as sleep } from 'node:timers/promises';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { runJob } from '../run-job.ts';
import { type RunReport, reportJson } from '../run-report.ts';
import { inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { endResync, type ResyncRow } from '../store/resyncs.ts';

export interface CarryOut {
  readonly job: PushJob;
  readonly by: string;
  readonly reason: string;
  readonly signal: AbortSignal;
  /** ms that it waits for a push that is under way at the platform. */
  readonly waitMs: number;
}

const LOOK_AGAIN_MS = 500;

/**
 * Sends what was ordered by the ordinary push, narrowed to its records: same outbox, same keys, same rules. Where that fails
 * nothing is lost: what is pending, reissues included, goes with the next push.
 */
export async function carryOut(hub: Hub, row: ResyncRow, options: CarryOut): Promise<RunReport> {
  const { db, now } = hub;
  const report = await pushOrdered(hub, row, options);
  const state = report.state === 'done' ? ('done' as const) : ('failed' as const);
  await inTransaction(db, async (tx) => {
    await endResync(tx, row.id, { state, report: reportJson(report), at: now().toISOString() });
    const detail = {
      resync: row.id,
      state,
      run: report.run,
      counts: { ...report.counts },
      code: report.error?.code ?? null,
    };
    await appendLog(tx, now(), [{ actor: options.by, action: 'resync.ended', platform: row.platform, detail }]);
  });
  return report;
}

/** One push of a platform at a time: waits for one that is under way. */
async function pushOrdered(
  hub: Hub,
  { id }: ResyncRow,
  { job, by, reason, signal, waitMs }: CarryOut,
): Promise<RunReport> {
  const giveUpAt = performance.now() + waitMs;
  for (;;) {
    const report = await runJob(hub, job.name, { by, reason, signal, resync: id });
    if (report.error?.code !== 'RUN_OVERLAPPING' || performance.now() > giveUpAt || signal.aborted) return report;
    await sleep(LOOK_AGAIN_MS, undefined, { signal }).catch(() => {});
  }
}
