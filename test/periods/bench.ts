import { databasePeriodBook } from '../../src/cli/period-book.ts';
import { databaseRunBook } from '../../src/cli/run-book.ts';
import { createScheduler } from '../../src/engine/scheduler.ts';
import type { Entry } from '../../src/evidence/entry.ts';
import type { Hub } from '../../src/hub-context.ts';
import type { Duty, PushJob } from '../../src/job/job.ts';
import type { JsonObject } from '../../src/json.ts';
import { periodContext } from '../../src/periods/period-context.ts';
import { type PeriodReport, reportPeriod } from '../../src/periods/period-report.ts';
import { runJob } from '../../src/run-job.ts';
import type { RunReport } from '../../src/run-report.ts';
import { thisProcess } from '../../src/store/leases.ts';
import { listPeriods } from '../../src/store/periods.ts';
import { endRun, type RunState, startRun } from '../../src/store/runs.ts';
import { silentTrace } from '../../src/trace.ts';
import { cleanUp, openTestHub, page, pullJob, pushJob } from '../support/hub.ts';
import { logged } from '../support/logged.ts';
import {
  type Behaviour,
  type PlatformServer,
  type PlatformServerOptions,
  platformServer,
} from '../support/platform-server.ts';
import { pullPages } from '../support/pull-pages.ts';

export const DUTY: Duty = {
  basis: '实施方案七(三)',
  every: 'friday',
  start: '09:00',
  due: '18:00',
  grace: '1d',
  goLive: '2026-12-04',
};

export interface Bench {
  readonly hub: Hub;
  readonly server: PlatformServer;
  readonly script: Behaviour[];
  readonly reports: RunReport[];
  /** Records come in at an instant. */
  readonly take: (at: string, ...rows: JsonObject[]) => Promise<void>;
  /** The bell rings at an instant. */
  readonly ring: (at: string) => Promise<void>;
  /** A scheduler of its own on the same database. */
  readonly another: () => (at: string) => Promise<void>;
  /** `2026-W49 on-time` … with reports as they are at the last ring. */
  readonly periods: () => Promise<PeriodReport[]>;
  /** What entries of an action tell, oldest first; every value is text. */
  readonly logged: (action: string) => Promise<Entry['evidence'][]>;
}

export interface BenchOptions extends PlatformServerOptions {
  readonly platform?: Parameters<typeof pushJob>[1];
  readonly job?: Partial<PushJob>;
  readonly duty?: Partial<Duty>;
  /** No pull ends well by itself; the test tells how they end. Else the bureau is read before the bell rings. */
  readonly pullsFail?: boolean;
}

/** A run of the bureau's pull that ends as told; null: it has not ended. */
export async function lookAtSource(
  hub: Hub,
  end: JsonObject | null = { state: 'done' },
  job = 'pull-printing',
): Promise<void> {
  const { now } = hub;
  const start = { job, kind: 'pull' as const, holder: thisProcess(), now: now() };
  const run = await startRun(hub.db, start);
  if (end !== null) await endRun(hub.db, run, { state: String(end['state']) as RunState, report: end, now: now() });
}

/** A hub with one bureau, one platform with a duty, and a clock that the test turns. */
export async function openBench(url: string, options: BenchOptions = {}): Promise<Bench> {
  const { platform = {}, job = {}, duty = {}, script = [], ...server } = options;
  const far = await platformServer({ ...server, script });
  cleanUp(() => far.close());
  const clock = { now: new Date('2026-12-03T01:00:00Z') };
  const push: PushJob = { ...pushJob(far.url, platform), duty: { ...DUTY, ...duty }, ...job };
  const hub = await openTestHub(url, [pullJob(), push], clock);
  const reports: RunReport[] = [];
  const another = (): ((at: string) => Promise<void>) => {
    const scheduler = createScheduler({
      jobs: hub.jobs.filter(({ kind }) => kind === 'push'),
      zone: 'Asia/Shanghai',
      book: databaseRunBook(hub),
      periods: databasePeriodBook(hub),
      engine: {
        run: async ({ job: name, ...work }) => {
          const signal = new AbortController().signal;
          reports.push(await runJob(hub, name, { ...work, by: 'scheduler', signal }));
        },
      },
      now: hub.now,
      trace: silentTrace,
    });
    return async (at) => {
      clock.now = new Date(at);
      if (!options.pullsFail) await lookAtSource(hub);
      return scheduler.ring();
    };
  };
  return {
    hub,
    server: far,
    script,
    reports,
    another,
    ring: another(),
    take: async (at, ...rows) => {
      clock.now = new Date(at);
      if (!options.pullsFail) await lookAtSource(hub);
      await takeIn(hub, rows);
    },
    periods: async () => {
      const found: PeriodReport[] = [];
      for (const row of (await listPeriods(hub.db)).toReversed())
        found.push(await reportPeriod(row, periodContext(hub)));
      return found;
    },
    logged: async (action) => (await logged(hub.db, action)).map(({ evidence }) => evidence),
  };
}

async function takeIn(hub: Hub, rows: readonly JsonObject[]): Promise<void> {
  const { stopped } = await pullPages(hub, [page(rows)]);
  if (stopped !== undefined) throw stopped;
}

export const inShort = ({ period, outcome }: PeriodReport): string => `${period} ${outcome}`;
