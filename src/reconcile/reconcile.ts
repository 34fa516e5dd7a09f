import { HubError } from '../errors.ts';
import type { Hub } from '../hub-context.ts';
import { formsByType } from '../job/forms-by-type.ts';
import type { PullJob, PushJob } from '../job/job.ts';
import type { JsonObject } from '../json.ts';
import { openPlatform } from '../platforms/index.ts';
import { openSource } from '../sources/index.ts';
import { forgetHeld } from '../store/held-records.ts';
import { type TypeTotals, typeTotals } from '../store/ledger-pages.ts';
import {
  buryReconciliations,
  type Compared,
  closeReconciliation,
  keepDifferences,
  type OpenDifference,
  openDifferences,
  openReconciliation,
  type ReconcileState,
} from '../store/reconciliations.ts';
import { openVault } from '../store/vault.ts';
import { alone } from './alone.ts';
import type { Comparison } from './compare.ts';
import { compareBureau } from './compare-bureau.ts';
import { comparePlatform } from './compare-platform.ts';
import { heldFile } from './held-file.ts';
import { remarks, repairCommands } from './repair.ts';

export interface ReconcileOptions {
  readonly signal: AbortSignal;
  /** Who asked: `shell:name` or `scheduler`. */
  readonly by: string;
  /** The weekly instant that this stands for; taken by one process only. */
  readonly dueAt?: Date;
  /** A list that a person brought, instead of asking the platform. */
  readonly list?: string;
}

/** What one comparison came to; kept in `reconciliations` and printed with --json. */
export interface ReconcileReport extends Compared, Comparison {
  readonly id: number;
  readonly state: Exclude<ReconcileState, 'running'>;
  readonly startedAt: string;
  readonly endedAt: string;
  /** Platforms only. */
  readonly totals: readonly TypeTotals[];
  /** To be pasted, as they are. */
  readonly commands: readonly string[];
  readonly remarks: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly fix: string };
}

/** Library ↔ platform. `undefined`: another process has this due time, or compares right now. */
export function reconcilePlatform(
  hub: Hub,
  job: PushJob,
  options: ReconcileOptions,
): Promise<ReconcileReport | undefined> {
  const compared = { kind: 'platform', scope: job.platformName } as const;
  const { db, settings, now } = hub;
  return reconciled(hub, compared, options, {
    totals: async () => {
      const { fullState, everyVersion } = formsByType(job, hub.types, hub.forms);
      return typeTotals(db, job.platformName, [...fullState, ...everyVersion].toSorted());
    },
    compare: async ({ id, since, signal, keep }) => {
      const context = { hub, id, platformName: job.platformName, since, signal, keep };
      if (options.list !== undefined) {
        const platform = await heldFile(db, job.platformName, options.list, now);
        return comparePlatform({ ...context, since: platform.since, platform });
      }
      const { allowedHosts, hubId, secretKey } = settings;
      const vault = openVault(db, secretKey, options.by);
      const platform = await openPlatform(job.platform, {
        name: job.platformName,
        allowedHosts,
        now,
        db,
        hubId,
        vault,
      });
      try {
        if (platform.holdings === undefined) throw cannotTell(job);
        return await comparePlatform({ ...context, platform });
      } finally {
        await platform.close();
      }
    },
  });
}

/** Bureau ↔ library; nothing is taken in. */
export function reconcileBureau(
  hub: Hub,
  job: PullJob,
  options: ReconcileOptions,
): Promise<ReconcileReport | undefined> {
  const compared = { kind: 'bureau', scope: job.name, job } as const;
  return reconciled(hub, compared, options, {
    totals: async () => [],
    compare: async ({ id, signal, keep }) => {
      const source = await openSource(job.source, { name: job.name, ...hosts(hub) });
      try {
        return await compareBureau({ hub, id, job, source, signal, keep });
      } finally {
        await source.close();
      }
    },
  });
}

const hosts = ({ settings: { allowedHosts } }: Hub) => (allowedHosts.length === 0 ? {} : { allowedHosts });

const cannotTell = ({ platformName }: PushJob): HubError =>
  new HubError(
    'PLATFORM_SILENT',
    `平台 ${platformName} 不能列出所持有的记录 (the platform cannot list what it holds)`,
    {
      remedy: 'give-up',
      fix: '请从平台导出清单，再用 hub reconcile --list 文件 比对 (export a list from the platform, then compare with --list FILE)',
    },
  );

interface Work {
  readonly totals: () => Promise<readonly TypeTotals[]>;
  readonly compare: (context: {
    readonly id: number;
    readonly since: string;
    readonly signal: AbortSignal;
    readonly keep: (differences: Parameters<typeof keepDifferences>[2]['differences']) => Promise<void>;
  }) => Promise<Comparison>;
}

type Scope = Compared & { readonly job?: PullJob };

function reconciled(
  hub: Hub,
  scope: Scope,
  options: ReconcileOptions,
  work: Work,
): Promise<ReconcileReport | undefined> {
  const { db, now } = hub;
  return alone(hub, `reconcile:${scope.scope}`, options.signal, async (signal) => {
    for (const id of await buryReconciliations(db, scope, now())) await forgetHeld(db, id);
    const started = now();
    const id = await openReconciliation(db, scope, { by: options.by, now: started, dueAt: options.dueAt });
    if (id === undefined) return undefined;
    const since = started.toISOString();
    const keep: Parameters<Work['compare']>[0]['keep'] = (differences) =>
      keepDifferences(db, scope, { id, now: started, differences });
    const attempt = await attempted(() => work.compare({ id, since, signal, keep }), signal);
    await forgetHeld(db, id);
    const report = await reportOf(hub, { scope, id, since }, attempt, await work.totals());
    const { missing, extra, stale, state } = report;
    const asJson: JsonObject = JSON.parse(JSON.stringify(report));
    await closeReconciliation(db, scope, {
      id,
      by: options.by,
      now: now(),
      state,
      missing,
      extra,
      stale,
      report: asJson,
    });
    return report;
  });
}

type Attempt = { readonly comparison: Comparison } | { readonly failure: HubError };

/** What a far end does is an outcome of the comparison; a bug or an abort is none. */
async function attempted(compare: () => Promise<Comparison>, signal: AbortSignal): Promise<Attempt> {
  try {
    return { comparison: await compare() };
  } catch (error) {
    if (signal.aborted || !(error instanceof HubError)) throw error;
    return { failure: error };
  }
}

const NOTHING: Comparison = { missing: 0, extra: 0, stale: 0, moving: 0, groups: [] };
const MOST_DIFFERENCES = 10_000;

async function reportOf(
  hub: Hub,
  { scope, id, since }: { readonly scope: Scope; readonly id: number; readonly since: string },
  attempt: Attempt,
  totals: readonly TypeTotals[],
): Promise<ReconcileReport> {
  const failed = 'failure' in attempt;
  const comparison = failed ? NOTHING : attempt.comparison;
  const open: OpenDifference[] = failed ? [] : await foundNow(hub, scope, id);
  const different = comparison.missing + comparison.extra + comparison.stale > 0;
  return {
    ...{ kind: scope.kind, scope: scope.scope, id },
    state: failed ? 'failed' : different ? 'different' : 'good',
    ...{ startedAt: since, endedAt: hub.now().toISOString() },
    ...comparison,
    totals,
    commands: repairCommands({ ...scope, id }, open),
    remarks: remarks(scope, open),
    ...(failed
      ? { error: { code: attempt.failure.code, message: attempt.failure.message, fix: attempt.failure.fix } }
      : {}),
  };
}

/** Those of earlier comparisons that this one no longer found are closed with the report. */
async function foundNow({ db }: Hub, scope: Scope, id: number): Promise<OpenDifference[]> {
  const open = await openDifferences(db, scope, MOST_DIFFERENCES);
  return open.filter(({ seenIn }) => seenIn === id);
}
