import type { Hub } from '../hub-context.ts';
import { claimMessage, dueMessages, endAttempt, type WaitingMessage } from '../store/alarm-messages.ts';
import { thisProcess } from '../store/leases.ts';
import { type Letter, type Sending, sendMail } from './mail-channel.ts';
import { callWebhook } from './webhook-channel.ts';
import type { WebhookMessage } from './webhook-form.ts';

/** Longer than any attempt takes: after it another process may try. */
const CLAIM_MS = 5 * 60_000;
const GIVE_UP_MS = 7 * 86_400_000;
const MOST_AT_ONCE = 50;

/** Sends what is due. What fails waits and is tried again for a week; business never waits for it. */
export async function sendMessages(hub: Hub): Promise<{ readonly sent: number; readonly failed: number }> {
  const counts = { sent: 0, failed: 0 };
  // A server that hangs costs one deadline per round, not one per message.
  const down = new Set<string>();
  for (const message of await dueMessages(hub.db, hub.now(), MOST_AT_ONCE)) {
    if (down.has(message.channel)) continue;
    const until = new Date(hub.now().getTime() + CLAIM_MS);
    if (!(await claimMessage(hub.db, message, thisProcess(), until))) continue;
    const sending = await attempt(hub, message);
    counts[sending.sent ? 'sent' : 'failed'] += 1;
    if (!sending.sent) down.add(message.channel);
    await close(hub, message, sending);
  }
  return counts;
}

async function attempt({ settings, now }: Hub, { channel, message, name }: WaitingMessage): Promise<Sending> {
  const { mail, webhook } = settings.alarm;
  if (channel === 'webhook') {
    return webhook === undefined
      ? noChannel
      : callWebhook(webhook, message as unknown as WebhookMessage, { now: now() });
  }
  return mail === undefined ? noChannel : sendMail(mail, { ...(message as unknown as Letter), name }, settings);
}

const noChannel: Sending = { sent: false, reason: '通道已不在设置中 (this channel is no longer configured)' };

async function close(
  hub: Hub,
  { id, attempts, madeAt, name, channel }: WaitingMessage,
  sending: Sending,
): Promise<void> {
  const now = hub.now();
  if (sending.sent) return endAttempt(hub.db, id, { state: 'sent', at: now });
  const error = sending.reason;
  const over = now.getTime() - Date.parse(madeAt) > GIVE_UP_MS;
  hub.trace.warn(over ? 'message-dropped' : 'message-failed', {
    message: name,
    channel,
    attempts: attempts + 1,
    error,
  });
  const nextAt = new Date(now.getTime() + backoffMs(attempts));
  return endAttempt(hub.db, id, over ? { state: 'dropped', error } : { state: 'waiting', error, nextAt });
}

/** One minute, doubled up to an hour. */
const backoffMs = (attempts: number): number => Math.min(60, 2 ** Math.min(attempts, 6)) * 60_000;
