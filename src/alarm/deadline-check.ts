import { nextWorkday } from '../calendar/work-calendar.ts';
import type { Hub } from '../hub-context.ts';
import { earliestDeadline } from '../periods/earliest-deadline.ts';
import { type DutyJob, dutyJobs, periodContext } from '../periods/period-context.ts';
import { previewPlatform } from '../periods/preview.ts';
import { openPeriods } from '../store/periods.ts';
import { type Check, HOUR } from './check.ts';
import type { Finding } from './finding.ts';

/**
 * Legal deadlines (T+7): members of an open period whose deadline is one work day away or nearer (delivery.md §1.7), and records
 * for which waiting for the planned day would be too late.
 */
export const deadlineCheck: Check = {
  name: 'deadlines',
  kinds: ['deadline'],
  everyMs: 3 * HOUR,
  look: async ({ hub }) => {
    const found: Finding[] = [];
    for (const job of dutyJobs(hub.jobs)) found.push(...(await openMembers(hub, job)), ...(await waiting(hub, job)));
    return found;
  },
};

async function openMembers(hub: Hub, job: DutyJob): Promise<Finding[]> {
  const near = nextWorkday(hub.calendar, hub.localDate(hub.now()));
  const found: Finding[] = [];
  for (const row of await openPeriods(hub.db, job.platformName)) {
    const day = await earliestDeadline(row, job, periodContext(hub));
    if (day === undefined || day > near) continue;
    found.push({
      subject: `deadline:${row.platform}:${row.period}`,
      kind: 'deadline',
      level: 'urgent',
      zh: `${row.period} 期报送 ${row.platform} 尚未完成，其中最早的法定期限是 ${day}`,
      en: `period ${row.period} is not done at ${row.platform}, and the earliest legal deadline in it is ${day}`,
      fixZh: '查看原因并尽快处理，必要时用平台的其他渠道报送',
      fixEn: 'see the cause and mend it now; use another way to the platform if need be',
      command: `hub duty --period ${row.period}`,
    });
  }
  return found;
}

async function waiting(hub: Hub, job: DutyJob): Promise<Finding[]> {
  const { extraPush, planned } = await previewPlatform(hub, job);
  // The hub makes it by itself where the job says so.
  if (extraPush === null || extraPush.how === 'make') return [];
  const { records, earliest } = extraPush;
  return [
    {
      subject: `deadline:${job.platformName}:plan`,
      kind: 'deadline',
      level: 'urgent',
      zh: `${records} 条若等到 ${planned} 报送 ${job.platformName} 将超过法定期限（最早 ${earliest}），建议现在加报一次`,
      en: `${records} records would break their legal deadline (earliest ${earliest}) by waiting for ${planned}: push now`,
      fixZh: '核实后加报',
      fixEn: 'verify, then push',
      command: `hub run ${job.name} --reason "法定期限前加报"`,
    },
  ];
}
