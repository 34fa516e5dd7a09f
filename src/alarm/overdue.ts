import { overduePeriods, schedulerSilence, unmadePeriods } from '../store/alarm-signs.ts';
import type { Reader } from '../store/database.ts';
import { SILENT_MS } from './heartbeat.ts';
import { localMinute } from './local-minute.ts';

/** What a watchman outside the hub must hear of; each entry is one sentence. */
export interface Overdue {
  readonly good: boolean;
  readonly sentences: readonly string[];
  /** Minutes since the scheduler stirred; null: it never has. */
  readonly silentMinutes: number | null;
}

/** Reads the database and nothing else, so that it answers while the hub is dead. */
export async function overdue(db: Reader, now: Date, timezone: string): Promise<Overdue> {
  const silence = await schedulerSilence(db, now);
  const due = (at: string): string => localMinute(at, timezone);
  const open = (await overduePeriods(db, now)).map(
    ({ platform, period, dueAt }) =>
      `逾期 overdue: ${platform} ${period} 应于 ${due(dueAt)} 前完成，至今未完成 (was due by then and is not done)`,
  );
  const unmade = (await unmadePeriods(db, now)).map(
    ({ platform, dueAt }) =>
      `逾期 overdue: ${platform} 应于 ${due(dueAt)} 前完成的一期尚未开始 (the period due by then was not even begun)`,
  );
  const sentences = [...silent(silence), ...open, ...unmade];
  const silentMinutes = silence === undefined ? null : Math.floor(silence / 60_000);
  return { good: sentences.length === 0, sentences, silentMinutes };
}

function silent(silence: number | undefined): string[] {
  if (silence === undefined)
    return ['调度从未运行：请用 pm2 启动 hub serve (the scheduler never ran: start hub serve)'];
  if (silence <= SILENT_MS) return [];
  const minutes = Math.floor(silence / 60_000);
  return [
    `调度已静默 ${minutes} 分钟：hub serve 可能已停止，请看 pm2 status (the scheduler has been silent for ${minutes} minutes)`,
  ];
}
