import { readEntry } from '../evidence/entry.ts';
import { readPending } from '../store/log-tree.ts';
import { type Check, HOUR, MINUTE } from './check.ts';

/** Entries of the delivery log that nobody places: pushing stops before they are too many (delivery.md S6, faults.md F49). */
export const logCheck: Check = {
  name: 'log',
  kinds: ['log'],
  everyMs: 5 * MINUTE,
  look: async ({ hub }) => {
    const [oldest] = await readPending(hub.db, 1);
    const read = oldest === undefined ? undefined : readEntry(oldest.entry);
    if (read === undefined || !('entry' in read)) return [];
    const since = read.entry.t;
    if (hub.now().getTime() - Date.parse(since) < HOUR) return [];
    return [
      {
        subject: 'log:pending',
        kind: 'log',
        level: 'urgent',
        zh: '报送日志已有一小时以上没有排入，继续下去报送会停止',
        en: 'entries of the delivery log have waited for more than an hour; pushing stops if this goes on',
        fixZh: '确认 hub serve 在运行，查看运行日志中的错误',
        fixEn: 'see that hub serve runs, and look for errors in the trace',
        command: 'hub log head',
        since,
      },
    ];
  },
};
