import type { SetupFault } from './errors.ts';

/** Where alarms go; without any of it they stand in `hub alarm list` and in the trace only. */
export interface AlarmSettings {
  readonly mail?: MailSettings | undefined;
  readonly webhook?: WebhookSettings | undefined;
  /** Called every five minutes while all is well: whoever watches it notices when it falls silent. */
  readonly heartbeatUrl?: string | undefined;
}

export interface MailSettings {
  /** `smtp://user:password@host:port` or `smtps://…`. */
  readonly smtpUrl: string;
  readonly from: string;
  /** For alarms; divisions have their own in jobs/alarms.yaml. */
  readonly to: readonly string[];
}

export interface WebhookSettings {
  readonly url: string;
  readonly kind: WebhookKind;
  /** DingTalk: the robot's SEC… string; plain: key of the HMAC-SHA256 signature. */
  readonly secret?: string | undefined;
}

const WEBHOOK_KINDS = ['dingtalk', 'wecom', 'plain'] as const;
export type WebhookKind = (typeof WEBHOOK_KINDS)[number];

export const ALARM_SETTING_NAMES = [
  'HUB_SMTP_URL',
  'HUB_ALARM_FROM',
  'HUB_ALARM_TO',
  'HUB_ALARM_WEBHOOK',
  'HUB_ALARM_WEBHOOK_KIND',
  'HUB_ALARM_WEBHOOK_SECRET',
  'HUB_HEARTBEAT_URL',
] as const;

type Name = (typeof ALARM_SETTING_NAMES)[number];

/** Reads them with every fault at once; addresses may hold passwords and are never repeated in a message. */
export function readAlarmSettings(env: { readonly [name: string]: string | undefined }): {
  readonly alarm: AlarmSettings;
  readonly faults: readonly SetupFault[];
} {
  const faults: SetupFault[] = [];
  const text = (name: Name): string | undefined => env[name]?.trim() || undefined;
  const wrong = (where: Name, zh: string, en: string): undefined => void faults.push({ where, zh, en });
  const url = (name: Name, protocols: RegExp, zh: string, en: string): string | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsed = URL.canParse(value) ? new URL(value) : undefined;
    return parsed !== undefined && protocols.test(parsed.protocol) && parsed.hostname !== ''
      ? value
      : wrong(name, zh, en);
  };
  const alarm = {
    mail: readMail({ text, wrong, url }),
    webhook: readWebhook({ text, wrong, url }),
    heartbeatUrl: url('HUB_HEARTBEAT_URL', WEB, ...WEB_WORDS),
  };
  return { alarm, faults };
}

interface Reading {
  readonly text: (name: Name) => string | undefined;
  readonly wrong: (name: Name, zh: string, en: string) => undefined;
  readonly url: (name: Name, protocols: RegExp, zh: string, en: string) => string | undefined;
}

const WEB = /^https?:$/;
const WEB_WORDS = [
  '应为 http:// 或 https:// 开头的网址',
  'must be an address that begins with http:// or https://',
] as const;

/** No spaces, brackets or line ends: what passes here cannot break out of a mail header. */
export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);

function readMail({ text, wrong, url }: Reading): MailSettings | undefined {
  const smtpUrl = url(
    'HUB_SMTP_URL',
    /^smtps?:$/,
    '应写成 smtp://用户:密码@主机:端口 或 smtps://…',
    'write smtp://user:password@host:port or smtps://…',
  );
  const from = text('HUB_ALARM_FROM');
  const to = text('HUB_ALARM_TO')?.split(/[,;\s]+/) ?? [];
  const bad = to.filter((address) => !isMailAddress(address));
  if (bad.length > 0) wrong('HUB_ALARM_TO', '应为以逗号分隔的邮箱地址', 'must be mail addresses, separated by commas');
  if (from !== undefined && !isMailAddress(from))
    wrong('HUB_ALARM_FROM', '应为一个邮箱地址', 'must be one mail address');
  if (text('HUB_SMTP_URL') === undefined) {
    if (to.length > 0) wrong('HUB_SMTP_URL', '设了 HUB_ALARM_TO 就要有发信服务器', 'HUB_ALARM_TO needs a mail server');
    return undefined;
  }
  if (from === undefined)
    return wrong('HUB_ALARM_FROM', '设了 HUB_SMTP_URL 就要有发件地址', 'HUB_SMTP_URL needs a sender');
  return smtpUrl === undefined ? undefined : { smtpUrl, from, to };
}

function readWebhook({ text, wrong, url }: Reading): WebhookSettings | undefined {
  const address = url('HUB_ALARM_WEBHOOK', WEB, ...WEB_WORDS);
  const said = text('HUB_ALARM_WEBHOOK_KIND');
  const kind = WEBHOOK_KINDS.find((one) => one === said);
  const all = WEBHOOK_KINDS.join(', ');
  if (said !== undefined && kind === undefined) {
    wrong('HUB_ALARM_WEBHOOK_KIND', `只能是 ${all} 之一`, `must be one of ${all}`);
  }
  if (address === undefined) return undefined;
  return { url: address, kind: kind ?? usualKind(address), secret: text('HUB_ALARM_WEBHOOK_SECRET') };
}

function usualKind(address: string): WebhookKind {
  const { hostname } = new URL(address);
  if (hostname === 'oapi.dingtalk.com') return 'dingtalk';
  return hostname === 'qyapi.weixin.qq.com' ? 'wecom' : 'plain';
}

/** What must never appear in a trace or a message. */
export const alarmSecrets = ({ mail, webhook, heartbeatUrl }: AlarmSettings): string[] => {
  const password = mail === undefined ? '' : decodeURIComponent(new URL(mail.smtpUrl).password);
  return [password, mail?.smtpUrl, webhook?.url, webhook?.secret, heartbeatUrl].filter(
    (text): text is string => text !== undefined && text !== '',
  );
};
