import { readCopyFailure } from '../audit/nightly.ts';
import { type Check, MINUTE } from './check.ts';

/** The nightly copy off this machine that does not come about; over once one has arrived. */
export const backupCheck: Check = {
  name: 'backup',
  kinds: ['backup'],
  everyMs: 5 * MINUTE,
  look: async ({ hub }) => {
    const failure = hub.settings.backup === undefined ? undefined : await readCopyFailure(hub.db);
    if (failure === undefined) return [];
    const { since, code } = failure;
    return [
      {
        subject: 'backup:copy',
        kind: 'backup',
        level: 'urgent',
        zh: `夜间异地备份没有成功（${code}），每半小时重试`,
        en: `the nightly copy off this machine failed (${code}); it is tried again every half hour`,
        fixZh: '检查备份目标的网络、空间与权限，然后手工做一份',
        fixEn: 'look at network, space and rights of the backup place, then make one by hand',
        command: 'hub backup',
        since,
      },
    ];
  },
};
