import type { WebhookSettings } from '../alarm-settings.ts';
import { type HttpOutcome, hardenedHttp } from '../hardened-http.ts';
import { allowedHosts } from '../wire/allowed-hosts.ts';
import type { Sending } from './mail-channel.ts';
import { type WebhookMessage, webhookCall, webhookRefusal } from './webhook-form.ts';

const TIMEOUT_S = 10;

/** One call; the address holds a token and is never repeated in a reason. */
export async function callWebhook(
  settings: WebhookSettings,
  message: WebhookMessage,
  { now, timeoutS }: { readonly now: Date; readonly timeoutS?: number },
): Promise<Sending> {
  const { url, headers, body } = webhookCall(settings, message, now);
  const exchange = await once(url, { method: 'POST', headers, body: Buffer.from(body) }, timeoutS);
  if (exchange.outcome === 'failure') return { sent: false, reason: exchange.reason };
  const refusal = webhookRefusal(settings.kind, exchange.status, exchange.body);
  return refusal === undefined ? { sent: true } : { sent: false, reason: refusal };
}

/** One request to an address that the settings name: allowed by that, bounded in time and size, redirects never followed. */
export async function once(
  address: string,
  request: {
    readonly method: 'GET' | 'POST';
    readonly headers?: { readonly [name: string]: string };
    readonly body?: Uint8Array;
  },
  timeoutS = TIMEOUT_S,
): Promise<HttpOutcome> {
  const { host, protocol, port, hostname } = new URL(address);
  const allowed = allowedHosts([port === '' ? `${hostname}:${protocol === 'https:' ? 443 : 80}` : host]);
  const http = hardenedHttp({ allowed, timeoutS, maxAnswerBytes: 65_536, sockets: 1 });
  try {
    return await http.request({ ...request, url: address, signal: AbortSignal.timeout(timeoutS * 1000) });
  } finally {
    http.close();
  }
}
