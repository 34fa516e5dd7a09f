import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { runJob } from '../run-job.ts';
import type { PullReport, PushCounts, RunReport } from '../run-report.ts';
import { type Holding, holdings } from '../store/holdings.ts';
import { type PlatformTotals, platformTotals } from '../store/ledger.ts';
import { listQuarantine } from '../store/quarantine.ts';
import type { SandboxProcess } from './demo-sandbox.ts';

/** One thing that must add up; `wrong` says what does not. */
export interface Account {
  readonly zh: string;
  readonly en: string;
  readonly wrong: readonly string[];
}

export interface PlatformAccount {
  readonly platform: string;
  readonly totals: readonly PlatformTotals[];
  /** What is not delivered, by reason. */
  readonly withheld: Pick<PushCounts, 'notForPlatform' | 'withheld' | 'quarantined'>;
  readonly account: readonly Account[];
}

/** read = accepted + unchanged + quarantined, for every pull. */
export function accountOfPulls(reports: readonly RunReport[]): Account {
  const pulls = reports.filter((report): report is PullReport => report.kind === 'pull');
  const wrong = pulls.filter(
    ({ state, counts }) => state !== 'done' || counts.read !== counts.accepted + counts.unchanged + counts.quarantined,
  );
  return {
    zh: '归集：读到 = 入库 + 未变 + 隔离',
    en: 'pulled: read = accepted + unchanged + quarantined',
    wrong: wrong.map(
      ({ job, run, state, counts, error }) =>
        `${job} #${run} ${state} ${JSON.stringify(counts)} ${error?.message.split('\n')[0] ?? ''}`,
    ),
  };
}

/**
 * What stands behind one platform: a rehearsal finds nothing that should leave; no delivery is open; every rejection
 * has its ticket; and what the platform itself says it holds is what the ledger says.
 */
export async function accountOfPlatform(
  hub: Hub,
  job: PushJob,
  { sandbox, signal }: { readonly sandbox: SandboxProcess; readonly signal: AbortSignal },
): Promise<PlatformAccount> {
  const platform = job.platformName;
  const rehearsal = await runJob(hub, job.name, { dryRun: true, by: 'demo', signal });
  if (rehearsal.kind !== 'push') throw new Error(`${job.name} is no push`);
  const { sealed, notForPlatform, withheld, quarantined, unsettled, held } = rehearsal.counts;
  const totals = (await platformTotals(hub.db)).filter((total) => total.platform === platform);
  return {
    platform,
    totals,
    withheld: { notForPlatform, withheld, quarantined },
    account: [
      {
        zh: `${platform}：该报的都已报，其余都有原因`,
        en: 'what should leave has left, the rest has its reason',
        wrong: Object.entries({ sealed, unsettled, held }).flatMap(([name, count]) =>
          count > 0 ? [`${name} ${count}`] : [],
        ),
      },
      await accountOfRejections(hub, platform, totals),
      await accountOfHoldings(hub, platform, sandbox),
    ],
  };
}

async function accountOfRejections({ db }: Hub, platform: string, totals: readonly PlatformTotals[]): Promise<Account> {
  const rejected = totals.filter(({ state }) => state === 'rejected').reduce((sum, { count }) => sum + count, 0);
  const tickets = await listQuarantine(db, { platform, stage: 'platform', state: 'all', limit: 100_000 });
  return {
    zh: `${platform}：每条退回都在隔离中有记录`,
    en: 'every rejection has its ticket',
    wrong: tickets.length >= rejected ? [] : [`rejected ${rejected}, tickets ${tickets.length}`],
  };
}

/** The platform keeps no record whose withdrawal it accepted in view, so both sides compare version, operation and digest. */
async function accountOfHoldings({ db }: Hub, platform: string, sandbox: SandboxProcess): Promise<Account> {
  const ledger = new Map((await holdings(db, platform)).map((holding) => [holding.recordKey, holding]));
  const held = new Map((await heldBy(sandbox, platform)).map((holding) => [holding.recordKey, holding]));
  // A demo that delivered nothing proves nothing.
  const wrong = held.size === 0 ? ['平台一条也没有 (the platform holds nothing)'] : [];
  for (const [key, mine] of ledger) {
    const theirs = held.get(key);
    if (theirs === undefined) wrong.push(`${key.slice(0, 12)} missing at the platform`);
    else if (describe(mine) !== describe(theirs))
      wrong.push(`${key.slice(0, 12)} ${describe(mine)} ≠ ${describe(theirs)}`);
  }
  for (const key of held.keys()) if (!ledger.has(key)) wrong.push(`${key.slice(0, 12)} extra at the platform`);
  return {
    zh: `${platform}：平台所持 ${held.size} 条与台账逐条一致`,
    en: `the ${held.size} records it holds equal the ledger`,
    wrong,
  };
}

const describe = ({ version, operation, payloadHash }: Holding): string =>
  `v${version} ${operation} ${payloadHash.slice(0, 12)}`;

interface HeldPage {
  readonly rows: readonly {
    readonly recordKey: string;
    readonly dataVersion: number;
    readonly op: 'U' | 'D';
    readonly payloadHash: string;
  }[];
  readonly next: string | null;
}

async function heldBy(sandbox: SandboxProcess, platform: string): Promise<Holding[]> {
  const found: Holding[] = [];
  let after: string | null = '';
  while (after !== null) {
    const page: HeldPage = await sandbox.ask(
      'GET',
      `/platforms/${platform}/held?limit=1000&after=${encodeURIComponent(after)}`,
    );
    for (const { recordKey, dataVersion, op, payloadHash } of page.rows) {
      found.push({ recordKey, version: dataVersion, operation: op === 'D' ? 'WITHDRAW' : 'UPSERT', payloadHash });
    }
    after = page.next;
  }
  return found;
}
