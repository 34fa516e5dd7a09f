import type { Settings } from '../settings.ts';
import { alarmText } from './alarm-text.ts';
import type { Finding } from './finding.ts';
import { localMinute } from './local-minute.ts';
import { sendMail } from './mail-channel.ts';
import { callWebhook } from './webhook-channel.ts';

export interface Tested {
  readonly channel: 'mail' | 'webhook';
  readonly sent: boolean;
  readonly reason?: string;
}

const finding: Finding = {
  ...{ subject: 'test', kind: 'message', level: 'warning' },
  zh: '这是一条测试消息，收到即表示通道可用',
  en: 'a test message: whoever reads it knows that the channel works',
  fixZh: '不用处理',
  fixEn: 'nothing to do',
};

/** Sends a test message at once, past the outbox of messages. */
export async function testChannels(
  { alarm, timezone, hubId }: Settings,
  only: 'mail' | 'webhook' | undefined,
  now: Date,
): Promise<Tested[]> {
  const text = alarmText({ finding, notice: 'test', since: localMinute(now, timezone), hubId, id: 0 });
  const tested: Tested[] = [];
  const { mail, webhook } = alarm;
  if (mail !== undefined && mail.to.length > 0 && only !== 'webhook') {
    tested.push({
      channel: 'mail',
      ...(await sendMail(mail, { ...text, to: mail.to, name: `test:${now.toISOString()}` }, { hubId })),
    });
  }
  if (webhook !== undefined && only !== 'mail') {
    const message = { ...text, kind: finding.kind, level: finding.level, notice: 'test' };
    tested.push({ channel: 'webhook', ...(await callWebhook(webhook, message, { now })) });
  }
  return tested;
}
