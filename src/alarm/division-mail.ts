import { isError } from '../fault.ts';
import type { Hub } from '../hub-context.ts';
import { maskPersonalData } from '../rules/personal-data.ts';
import { qualityDimension } from '../rules/quality-dimension.ts';
import { countDivision, countFaults, listQuarantine, type TicketRow } from '../store/quarantine.ts';
import { type OutgoingText, outgoing } from './alarm-text.ts';
import { localMinute } from './local-minute.ts';

const SHOWN = 100;

const STAGES = { intake: '归集', outbound: '报送前', platform: '平台退回' } as const;

/**
 * What a division must mend, all stages, with how to mend it: numbers and fault sentences only, never a name, and masked once more.
 * `undefined` where nothing waits.
 */
export async function rejectsMail(hub: Hub, division: string): Promise<OutgoingText | undefined> {
  const counts = await countDivision(hub.db, division);
  const total = counts.reduce((sum, { n }) => sum + n, 0);
  if (total === 0) return undefined;
  const tickets = await listQuarantine(hub.db, { division, limit: SHOWN });
  const parts = counts.map(({ stage, n }) => `${STAGES[stage]} ${n}`).join(' · ');
  const rest = total - tickets.length;
  const zone = hub.settings.timezone;
  return outgoing(`[证信通] ${division}：${total} 条数据未通过，请修改`, [
    `${division} ${hub.localDate(hub.now())}：${total} 条数据未通过（${parts}）`,
    `${total} records of this division did not pass`,
    `按质量维度 (by quality dimension)：${await dimensions(hub, division)}`,
    '请在业务系统中修改原始数据，下次归集时自动放行 (mend them at the bureau; the next pull takes them in)',
    '',
    ...tickets.flatMap((ticket) => ticketLines(ticket, zone)),
    ...(rest > 0 ? [`另有 ${rest} 条 (${rest} more): hub quarantine list --division ${division}`, ''] : []),
    `—— 证信通 ${hub.settings.hubId}`,
  ]);
}

/** By the first fault of each record. */
async function dimensions({ db }: Hub, division: string): Promise<string> {
  const counts = new Map<string, number>();
  for (const { fault, count, ...group } of await countFaults(db)) {
    if (group.division !== division) continue;
    const dimension = qualityDimension(fault.code);
    counts.set(dimension, (counts.get(dimension) ?? 0) + count);
  }
  const largest = [...counts].toSorted(([, a], [, b]) => b - a);
  return largest.map(([dimension, n]) => `${dimension} ${n}`).join(' · ');
}

function ticketLines({ id, stage, type, platform, number, faults, openedAt }: TicketRow, zone: string): string[] {
  const where = platform === null ? STAGES[stage] : `${STAGES[stage]} ${platform}`;
  const head = `#${id} [${where}] ${type} ${number === null ? '（无编号）' : maskPersonalData(number)}`;
  return [
    `${head}，自 ${localMinute(openedAt, zone)}`,
    ...faults.filter(isError).map(({ path, zh }) => `  ${path === '' ? '整条' : path}：${maskPersonalData(zh)}`),
    `  hub quarantine show ${id}`,
    '',
  ];
}
