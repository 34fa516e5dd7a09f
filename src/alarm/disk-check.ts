import { statfs } from 'node:fs/promises';
import { addDays } from '../calendar/day.ts';
import type { Hub } from '../hub-context.ts';
import { keepMeasure, measuresSince } from '../store/measures.ts';
import { type Check, type CheckContext, MINUTE, stagesOf } from './check.ts';
import type { Finding } from './finding.ts';

/** Free and whole size of the disk that holds the data folder, in bytes. */
export interface DiskSpace {
  readonly free: number;
  readonly size: number;
}

/** Little space now, and the day on which it will run out if it goes on like this. */
export const diskCheck = (space: (dir: string) => Promise<DiskSpace> = spaceOf): Check => ({
  name: 'disk',
  kinds: ['disk'],
  everyMs: 5 * MINUTE,
  look: async (context) => {
    const { hub } = context;
    const now = await space(hub.settings.dataDir);
    const days = await daysUntilFull(hub, now.free);
    return [...little(now), ...(days === undefined ? [] : soon(days, context))];
  },
});

async function spaceOf(dir: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(dir);
  return { free: bavail * bsize, size: blocks * bsize };
}

const GIB = 2 ** 30;
const share = (part: number, whole: number): number => Math.floor((part / whole) * 100);

function little({ free, size }: DiskSpace): Finding[] {
  if (free > 2 * GIB && share(free, size) >= 5) return [];
  const urgent = free < GIB / 2;
  const left = `${(free / GIB).toFixed(1)} GiB（${share(free, size)} %）`;
  return [
    {
      subject: 'disk:little',
      kind: 'disk',
      level: urgent ? 'urgent' : 'warning',
      zh: `数据盘只剩 ${left}`,
      en: `only ${(free / GIB).toFixed(1)} GiB (${share(free, size)} %) left on the data disk`,
      fixZh: '清理或扩容；写满后会停止报送，腾出空间后自动恢复，不会丢数据',
      fixEn:
        'clear or enlarge it; when it is full pushing stops, goes on by itself once there is space, and nothing is lost',
      command: 'df -h',
    },
  ];
}

/** A trend needs a week; a month is as far as it looks back. */
const [LEAST_DAYS, MOST_DAYS] = [7, 30];

async function daysUntilFull(hub: Hub, free: number): Promise<number | undefined> {
  const today = hub.localDate(hub.now());
  await keepMeasure(hub.db, { name: 'disk-free', day: today, value: String(free) });
  const [oldest] = await measuresSince(hub.db, 'disk-free', addDays(today, -MOST_DAYS));
  if (oldest === undefined) return undefined;
  const days = Math.round((Date.parse(today) - Date.parse(oldest.day)) / 86_400_000);
  const used = Number(oldest.value) - free;
  return days < LEAST_DAYS || used <= 0 ? undefined : Math.floor(free / (used / days));
}

const soon = (days: number, context: CheckContext): Finding[] =>
  stagesOf('disk:end', days, context).map((stage) => ({
    subject: `disk:end:${stage}`,
    kind: 'disk',
    level: stage === 7 ? 'urgent' : 'warning',
    quietEnd: true,
    zh: `照目前的增长，数据盘约 ${days} 天后写满`,
    en: `at this rate the data disk is full in about ${days} days`,
    fixZh: '安排扩容或清理',
    fixEn: 'plan for more space',
    command: 'df -h',
  }));
