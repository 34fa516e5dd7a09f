import { createTransport } from 'nodemailer';
import type { MailSettings } from '../alarm-settings.ts';
import { sha256 } from '../canonical.ts';
import type { OutgoingText } from './alarm-text.ts';

export interface Letter extends OutgoingText {
  readonly to: readonly string[];
  /** What it is: the same letter sent twice has the same Message-ID. */
  readonly name: string;
}

/** How a message fared. The reason holds no address, password or content. */
export type Sending = { readonly sent: true } | { readonly sent: false; readonly reason: string };

const CONNECT_MS = 10_000;
const ANSWER_MS = 20_000;
const ALL_MS = 45_000;

/** One letter to all its recipients, over TLS wherever a password is sent; bounded in time whatever the server does. */
export async function sendMail(
  settings: MailSettings,
  letter: Letter,
  { hubId, withinMs = ALL_MS }: { readonly hubId: string; readonly withinMs?: number },
): Promise<Sending> {
  const transport = createTransport(transportOptions(settings));
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => deadline.reject(new Error('ETIMEDOUT')), withinMs);
  try {
    const { to, subject, text, html, name } = letter;
    const messageId = `<${sha256(`${hubId} ${name}`).slice(0, 32)}@${hubId}>`;
    const headers = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' };
    const mail = {
      from: { name: '证信通', address: settings.from },
      to: [...to],
      subject,
      text,
      html,
      messageId,
      headers,
    };
    await Promise.race([
      transport.sendMail({ ...mail, disableFileAccess: true, disableUrlAccess: true }),
      deadline.promise,
    ]);
    return { sent: true };
  } catch (error) {
    return { sent: false, reason: reasonOf(error) };
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

function transportOptions({ smtpUrl }: MailSettings) {
  const { protocol, hostname, port, username, password } = new URL(smtpUrl);
  const secure = protocol === 'smtps:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const auth =
    username === '' ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } };
  return {
    ...{ host, port: port === '' ? (secure ? 465 : 25) : Number(port), secure, ...auth },
    // A password never goes out in clear.
    requireTLS: !secure && username !== '',
    tls: { minVersion: 'TLSv1.2' as const },
    ...{ connectionTimeout: CONNECT_MS, greetingTimeout: CONNECT_MS, socketTimeout: ANSWER_MS, dnsTimeout: CONNECT_MS },
  };
}

/** Codes and nothing else: the server's words may repeat addresses. */
function reasonOf(error: unknown): string {
  const { message, code, responseCode } = error as { message?: string; code?: string; responseCode?: number };
  const cause = /\bE[A-Z]{4,}\b/.exec(message ?? '')?.[0];
  const said = [code, cause === code ? undefined : cause, responseCode].filter((part) => part !== undefined);
  return `发信失败 ${said.join(' ') || 'UNKNOWN'} (mail not sent)`;
}
