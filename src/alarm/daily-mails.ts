import { addDays } from '../calendar/day.ts';
import { instantAt } from '../calendar/local-time.ts';
import { nextWorkday } from '../calendar/work-calendar.ts';
import { planDuty } from '../duty/plan.ts';
import type { Hub } from '../hub-context.ts';
import { type DutyJob, dutyJobs } from '../periods/period-context.ts';
import { enqueue } from '../store/alarm-messages.ts';
import { inTransaction } from '../store/database.ts';
import type { OutgoingText } from './alarm-text.ts';
import { rejectsMail } from './division-mail.ts';
import { previewMails } from './preview-mails.ts';

/** When the day's mails leave, local time; on work days only. */
const REJECTS_AT = '08:30';
const PREVIEW_AT = '15:00';

/**
 * Puts the mails of today into the outbox of messages, each once: what a division must mend, and on the day before a push what leaves
 * then. A day that nobody was there for is not made up for: the next day's mail says it all. `made`: names of this process that are done.
 */
export async function enqueueDailyMails(hub: Hub, made: Set<string>): Promise<void> {
  const { settings, calendar } = hub;
  const today = hub.localDate(hub.now());
  if (settings.alarm.mail === undefined || !calendar.isWorkday(today)) return;
  if (isPast(hub, today, REJECTS_AT)) await enqueueRejects(hub, today, made);
  if (isPast(hub, today, PREVIEW_AT)) await enqueuePreviews(hub, today, made);
}

const isPast = (hub: Hub, day: string, clock: string): boolean =>
  hub.now() >= instantAt(day, clock, hub.settings.timezone);

async function enqueueRejects(hub: Hub, today: string, made: Set<string>): Promise<void> {
  for (const division of Object.keys(hub.alarms.divisions)) {
    const name = `daily:${today}:${division}`;
    if (made.has(name)) continue;
    const text = await rejectsMail(hub, division);
    // Nothing to say now may become something to say later today.
    if (text === undefined) continue;
    await put(hub, { name, division, text });
    made.add(name);
  }
}

async function enqueuePreviews(hub: Hub, today: string, made: Set<string>): Promise<void> {
  const name = `preview:${today}`;
  if (made.has(name)) return;
  const jobs = previewedToday(hub, today);
  const texts = jobs.length === 0 ? [] : await previewMails(hub, jobs);
  for (const [division, text] of texts) await put(hub, { name: `${name}:${division}`, division, text });
  made.add(name);
}

/** Duties whose next own day is the work day after today: the Thursday, or the day before a moved Friday. */
function previewedToday({ jobs, calendar, settings }: Hub, today: string): DutyJob[] {
  const next = nextWorkday(calendar, today);
  return dutyJobs(jobs).filter(({ duty }) => {
    const planned = planDuty(duty, addDays(today, -21), addDays(today, 21), { calendar, zone: settings.timezone });
    return planned.some(({ day }) => day > today && day <= next);
  });
}

interface Mail {
  readonly name: string;
  readonly division: string;
  readonly text: OutgoingText;
}

async function put(hub: Hub, { name, division, text }: Mail): Promise<void> {
  const to = hub.alarms.divisions[division];
  if (to === undefined) return;
  await inTransaction(hub.db, (tx) => enqueue(tx, { name, channel: 'mail', message: { ...text, to } }, hub.now()));
}
