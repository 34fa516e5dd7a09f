import { createHmac } from 'node:crypto';
import type { WebhookSettings } from '../alarm-settings.ts';
import type { OutgoingText } from './alarm-text.ts';

export interface WebhookCall {
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

export interface WebhookMessage extends OutgoingText {
  readonly kind: string;
  readonly level: string;
  readonly notice: string;
}

/** Text only, so that nothing in it can become a link, a mention or markup. */
export function webhookCall({ url, kind, secret }: WebhookSettings, message: WebhookMessage, now: Date): WebhookCall {
  const headers = { 'Content-Type': 'application/json; charset=utf-8' };
  if (kind === 'dingtalk') {
    const body = { msgtype: 'text', text: { content: inBytes(message.text, 18_000) } };
    return { url: secret === undefined ? url : dingtalkSigned(url, secret, now), headers, body: JSON.stringify(body) };
  }
  if (kind === 'wecom') {
    return { url, headers, body: JSON.stringify({ msgtype: 'text', text: { content: inBytes(message.text, 2000) } }) };
  }
  const { subject, text, level, notice } = message;
  const body = JSON.stringify({ subject, text, kind: message.kind, level, notice, at: now.toISOString() });
  const signature =
    secret === undefined
      ? {}
      : { 'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` };
  return { url, headers: { ...headers, ...signature }, body };
}

/** 钉钉自定义机器人加签: sign = Base64(HMAC-SHA256(secret, `${timestamp}\n${secret}`)), timestamp in ms. */
function dingtalkSigned(address: string, secret: string, now: Date): string {
  const timestamp = String(now.getTime());
  const url = new URL(address);
  url.searchParams.set('timestamp', timestamp);
  url.searchParams.set('sign', createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64'));
  return url.href;
}

/** Robots count UTF-8 bytes. */
function inBytes(text: string, most: number): string {
  let kept = text;
  while (Buffer.byteLength(kept) > most) kept = kept.slice(0, Math.floor(kept.length * 0.9)).toWellFormed();
  return kept;
}

/** DingTalk and WeCom answer 200 with `errcode`; anything but 0 was not taken. */
export function webhookRefusal(kind: WebhookSettings['kind'], status: number, body: Uint8Array): string | undefined {
  if (status < 200 || status >= 300) return `对方答 ${status} (answered ${status})`;
  if (kind === 'plain') return undefined;
  try {
    const { errcode } = JSON.parse(Buffer.from(body).toString('utf8')) as { readonly errcode?: unknown };
    return errcode === 0 ? undefined : `机器人拒收，代码 ${Number(errcode)} (the robot refused: ${Number(errcode)})`;
  } catch {
    return '机器人的回答看不懂 (the robot answered something else)';
  }
}
