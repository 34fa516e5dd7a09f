import { stuckMessages } from '../store/alarm-messages.ts';
import { type Check, MINUTE } from './check.ts';

/** Alarms that do not get out: told over the other channel, and shown by hub alarm list and hub check --overdue. */
export const messageCheck: Check = {
  name: 'messages',
  kinds: ['message'],
  everyMs: MINUTE,
  look: async ({ hub }) =>
    (await stuckMessages(hub.db)).map(({ channel, n, oldest }) => ({
      subject: `message:${channel}`,
      kind: 'message',
      level: 'warning',
      zh: `有 ${n} 条告警或邮件经 ${channel} 发不出去，会继续重试`,
      en: `${n} messages cannot get out by ${channel}; they are tried again`,
      fixZh: channel === 'mail' ? '检查 HUB_SMTP_URL 与邮件服务器' : '检查 HUB_ALARM_WEBHOOK 与网络',
      fixEn: channel === 'mail' ? 'check HUB_SMTP_URL and the mail server' : 'check HUB_ALARM_WEBHOOK and the network',
      command: `hub alarm test --channel ${channel}`,
      since: oldest,
    })),
};
