import { readMark } from '../store/duty-marks.ts';
import { type Check, MINUTE } from './check.ts';

const SKEW_MS = MINUTE;

/** A clock that stands before the scheduler's last tick: nothing new is opened until it is right again (faults.md F30). */
export const clockCheck: Check = {
  name: 'clock',
  kinds: ['clock'],
  everyMs: MINUTE,
  look: async ({ hub }) => {
    const last = await readMark(hub.db, 'last-tick');
    if (last === undefined || Date.parse(last) - hub.now().getTime() <= SKEW_MS) return [];
    return [
      {
        subject: 'clock:backwards',
        kind: 'clock',
        level: 'urgent',
        zh: `本机时钟被调回，早于上次记录的 ${last}，新的期次暂停生成`,
        en: `the clock was set back before ${last}; no new period is opened`,
        fixZh: '校准本机时间（NTP），时间走过该时刻后自动恢复',
        fixEn: 'set the clock right (NTP); the hub goes on by itself once that time has passed',
        command: 'timedatectl',
      },
    ];
  },
};
