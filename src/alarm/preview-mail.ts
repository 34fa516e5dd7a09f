import type { Hub } from '../hub-context.ts';
import { formsByType } from '../job/forms-by-type.ts';
import type { PullJob, PushJob } from '../job/job.ts';
import { typeTotals } from '../store/ledger-pages.ts';
import { countDivision } from '../store/quarantine.ts';
import { type OutgoingText, outgoing } from './alarm-text.ts';

/** What leaves next time for a platform of this division's types, and how much waits to be mended; `undefined` where neither is anything. */
export async function previewMail(hub: Hub, job: PushJob, division: string): Promise<OutgoingText | undefined> {
  const { fullState, everyVersion } = formsByType(job, hub.types, hub.forms);
  const sent = new Set([...fullState, ...everyVersion]);
  const own = hub.jobs.filter((one): one is PullJob => one.kind === 'pull' && one.division === division);
  const types = [...new Set(own.map(({ type }) => type))].filter((type) => sent.has(type)).toSorted();
  const pending = (await typeTotals(hub.db, job.platformName, types)).filter((total) => total.pending > 0);
  const waiting = (await countDivision(hub.db, division)).reduce((sum, { n }) => sum + n, 0);
  const leaving = pending.reduce((sum, total) => sum + total.pending, 0);
  if (leaving === 0 && waiting === 0) return undefined;
  return outgoing(`[证信通] ${division}：下次向 ${job.platformName} 报送 ${leaving} 条，${waiting} 条待修改`, [
    `${division}：下一个报送日将向 ${job.platformName} 报送 ${leaving} 条 (${leaving} records leave for ${job.platformName} next time)`,
    ...pending.map(({ type, pending: n }) => `  ${hub.types.get(type)?.title.zh ?? type} ${type}：${n}`),
    waiting === 0
      ? '没有待修改的数据 (nothing waits to be mended)'
      : `${waiting} 条未通过，修改后才会报送 (${waiting} did not pass and do not leave until mended)`,
    '',
    `逐条查看 (one by one): hub preview --platform ${job.platformName} --division ${division}`,
    '',
    `—— 证信通 ${hub.settings.hubId}`,
  ]);
}
