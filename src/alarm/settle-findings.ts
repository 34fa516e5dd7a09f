import type { Hub } from '../hub-context.ts';
import type { JsonObject } from '../json.ts';
import { enqueue } from '../store/alarm-messages.ts';
import { type AlarmRow, countSeen, knownAlarms, moveAlarm } from '../store/alarms.ts';
import { inTransaction } from '../store/database.ts';
import { type AlarmEvent, type AlarmState, alarmStep, type Notice } from './alarm-state.ts';
import { alarmText } from './alarm-text.ts';
import type { Finding } from './finding.ts';
import { localMinute } from './local-minute.ts';

/**
 * Brings the alarms of these kinds in line with what holds now: what is new or worse is told once, what is over is told once,
 * all else is only counted. The change, its log entry and its messages are one transaction.
 */
export async function settleFindings(hub: Hub, kinds: readonly string[], findings: readonly Finding[]): Promise<void> {
  const now = hub.now();
  const known = await knownAlarms(
    hub.db,
    kinds,
    findings.map(({ subject }) => subject),
  );
  const bySubject = new Map(known.map((alarm) => [alarm.subject, alarm]));
  const seen: number[] = [];
  for (const finding of findings) {
    const alarm = bySubject.get(finding.subject);
    const moved = await move(hub, alarm, finding, finding.exhausted ? 'exhausted' : 'seen');
    if (!moved && alarm !== undefined) seen.push(alarm.id);
  }
  await countSeen(hub.db, seen, now);
  const holding = new Set(findings.map(({ subject }) => subject));
  for (const alarm of known) {
    if (!holding.has(alarm.subject)) await move(hub, alarm, alarm.message as unknown as Finding, 'gone');
  }
}

/** True where the alarm changed its state. */
async function move(hub: Hub, alarm: AlarmRow | undefined, finding: Finding, event: AlarmEvent): Promise<boolean> {
  const state = (alarm?.state ?? 'none') as AlarmState | 'none';
  const step = alarmStep(state, event);
  if (step === undefined) return false;
  const now = hub.now();
  const begins = state === 'none' || state === 'recovered';
  const since = finding.since ?? now.toISOString();
  await inTransaction(hub.db, async (tx) => {
    const message: JsonObject = JSON.parse(JSON.stringify(finding));
    const { subject, kind, level } = finding;
    const change = { known: alarm, subject, kind, level, to: step.to, begins, message, since, now, by: 'hub' };
    const moved = await moveAlarm(tx, change);
    const notice = step.notice === 'recovered' && finding.quietEnd ? undefined : step.notice;
    if (moved === undefined || notice === undefined) return;
    const told = { finding, notice, since: begins ? since : (alarm?.since ?? since), ...moved };
    for (const one of messages(hub, told)) await enqueue(tx, one, now);
    trace(hub, told);
  });
  return true;
}

interface Moved {
  readonly finding: Finding;
  readonly notice: Notice;
  readonly since: string;
  readonly id: number;
  readonly round: number;
}

function messages({ settings }: Hub, { finding, notice, since, id, round }: Moved) {
  const { mail, webhook } = settings.alarm;
  const text = alarmText({ finding, notice, since: localMinute(since, settings.timezone), hubId: settings.hubId, id });
  const channels = [
    ...(mail !== undefined && mail.to.length > 0 ? [{ channel: 'mail' as const, to: mail.to }] : []),
    ...(webhook === undefined ? [] : [{ channel: 'webhook' as const, to: [] }]),
  ];
  return channels.map(({ channel, to }) => ({
    name: `alarm:${id}:${round}:${notice}:${channel}`,
    channel,
    alarmId: id,
    message: { ...text, to, kind: finding.kind, level: finding.level, notice },
  }));
}

function trace({ trace: line }: Hub, { finding, notice, id }: Moved): void {
  const write = notice === 'recovered' ? line.info : finding.level === 'urgent' ? line.error : line.warn;
  write('alarm', { alarm: id, notice, subject: finding.subject, zh: finding.zh, fix: finding.fixZh });
}
