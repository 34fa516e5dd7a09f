import { differenceTotals, lastReconciliation } from '../store/reconciliations.ts';
import { type Check, type CheckContext, DAY, MINUTE } from './check.ts';
import type { Finding } from './finding.ts';

/** Differences that reconciliation found, and comparisons that could not be made. */
export const reconcileCheck: Check = {
  name: 'reconciliation',
  kinds: ['reconcile'],
  everyMs: 10 * MINUTE,
  look: async ({ hub }) => [...(await differences(hub)), ...(await failures(hub))],
};

/** Unmatched for longer than this, nobody has repaired it. */
const PATIENCE_DAYS = 7;

async function differences(hub: CheckContext['hub']): Promise<Finding[]> {
  const totals = await differenceTotals(hub.db);
  return totals.map(({ kind, scope, n, oldest }) => {
    const days = Math.floor((hub.now().getTime() - Date.parse(oldest)) / DAY);
    const old = days >= PATIENCE_DAYS;
    const where = kind === 'platform' ? ['平台', 'platform'] : ['业务系统', 'bureau of'];
    return {
      subject: `reconcile:${kind}:${scope}`,
      kind: 'reconcile',
      level: old || kind === 'platform' ? 'urgent' : 'warning',
      exhausted: old,
      zh: `对账发现与${where[0]} ${scope} 有 ${n} 条不一致${old ? `，最早的已 ${days} 天未处理` : ''}`,
      en: `reconciliation with ${where[1]} ${scope} found ${n} differences${old ? `, the oldest unrepaired for ${days} days` : ''}`,
      fixZh: '查看差异，按所列命令修复',
      fixEn: 'see the differences and repair them with the commands listed there',
      command: kind === 'platform' ? `hub reconcile --platform ${scope}` : 'hub reconcile --platform 平台 --bureau',
      since: oldest,
    } satisfies Finding;
  });
}

async function failures({ db, jobs }: CheckContext['hub']): Promise<Finding[]> {
  const platforms = jobs.flatMap((job) => (job.kind === 'push' ? job.platformName : []));
  const last = await Promise.all(platforms.map((scope) => lastReconciliation(db, { kind: 'platform', scope })));
  return last.flatMap((row) => {
    const code = (row?.report as { error?: { code?: string } } | null | undefined)?.error?.code;
    // A platform that cannot list what it holds is no news.
    if (row?.state !== 'failed' || code === 'PLATFORM_SILENT') return [];
    return [
      {
        subject: `reconcile:failed:${row.scope}`,
        kind: 'reconcile',
        level: 'warning',
        zh: `与平台 ${row.scope} 的对账没有做成${code === undefined ? '' : `，代码 ${code}`}`,
        en: `reconciliation with platform ${row.scope} could not be made${code === undefined ? '' : `, code ${code}`}`,
        fixZh: '再做一次；仍不成请联系平台',
        fixEn: 'try again; if it fails again, ask the platform',
        command: `hub reconcile --platform ${row.scope}`,
        ...(row.endedAt === null ? {} : { since: row.endedAt }),
      } satisfies Finding,
    ];
  });
}
