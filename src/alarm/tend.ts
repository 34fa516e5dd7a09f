import type { Hub } from '../hub-context.ts';
import { forgetMessages } from '../store/alarm-messages.ts';
import { knownAlarms } from '../store/alarms.ts';
import { accountCheck } from './account-check.ts';
import { backupCheck } from './backup-check.ts';
import { certificateCheck } from './certificate-check.ts';
import { type Check, DAY } from './check.ts';
import { clockCheck } from './clock-check.ts';
import { enqueueDailyMails } from './daily-mails.ts';
import { deadlineCheck } from './deadline-check.ts';
import { deliveryCheck } from './delivery-checks.ts';
import { diskCheck } from './disk-check.ts';
import { dutyCheck } from './duty-check.ts';
import { logCheck } from './log-check.ts';
import { messageCheck } from './message-check.ts';
import { platformCheck } from './platform-check.ts';
import { reconcileCheck } from './reconcile-check.ts';
import { runCheck } from './run-checks.ts';
import { sendMessages } from './send-messages.ts';
import { settleFindings } from './settle-findings.ts';
import { watchCheck } from './watch-check.ts';

/** Everything that is looked at; each kind of alarm belongs to one of them. */
export const CHECKS: readonly Check[] = [
  runCheck,
  deliveryCheck,
  platformCheck,
  dutyCheck,
  deadlineCheck,
  clockCheck,
  reconcileCheck,
  logCheck,
  accountCheck,
  backupCheck,
  watchCheck,
  certificateCheck,
  diskCheck(),
  messageCheck,
];

/** What one process remembers between two rounds; all else is in the database. */
export interface Memory {
  /** Check → when it looked last, ms. */
  readonly looked: Map<string, number>;
  /** Names of the day's mails that were put into the outbox. */
  readonly made: Set<string>;
}

export const newMemory = (): Memory => ({ looked: new Map(), made: new Set() });

export interface Round {
  /** Checks that could not look; their alarms stay as they are. */
  readonly broken: readonly string[];
  readonly sent: number;
  readonly failed: number;
}

const KEPT_MS = 90 * DAY;

/** One round: look, settle, write the day's mails, send. A part that fails is traced and hinders no other. */
export async function tend(hub: Hub, memory: Memory, signal: AbortSignal, checks = CHECKS): Promise<Round> {
  const broken: string[] = [];
  for (const check of checks) {
    signal.throwIfAborted();
    if (!isDue(check, memory, hub.now())) continue;
    if (!(await guarded(hub, `check ${check.name}`, () => look(hub, check, signal)))) broken.push(check.name);
  }
  if (!(await guarded(hub, 'daily mails', () => enqueueDailyMails(hub, memory.made)))) broken.push('daily mails');
  const counts = { sent: 0, failed: 0 };
  await guarded(hub, 'messages', async () => void Object.assign(counts, await sendMessages(hub)));
  await guarded(hub, 'old messages', () => forgetMessages(hub.db, new Date(hub.now().getTime() - KEPT_MS)));
  return { broken, ...counts };
}

function isDue({ name, everyMs }: Check, { looked }: Memory, now: Date): boolean {
  const last = looked.get(name);
  // A clock that was set back must not silence a check.
  if (last !== undefined && now.getTime() >= last && now.getTime() - last < everyMs) return false;
  looked.set(name, now.getTime());
  return true;
}

async function look(hub: Hub, check: Check, signal: AbortSignal): Promise<void> {
  const open = new Set((await knownAlarms(hub.db, check.kinds, [])).map(({ subject }) => subject));
  const findings = await check.look({ hub, signal, isOpen: (subject) => open.has(subject) });
  await settleFindings(hub, check.kinds, findings);
}

async function guarded(hub: Hub, what: string, work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    hub.trace.error('alarm-round-failed', { what, error: error instanceof Error ? error.message : String(error) });
    return false;
  }
}
