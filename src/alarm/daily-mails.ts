import { addDays } from '../calendar/day.ts';
import { instantAt } from '../calendar/local-time.ts';
import { planDuty } from '../duty/plan.ts';
import type { Hub } from '../hub-context.ts';
import type { PushJob } from '../job/job.ts';
import { enqueue } from '../store/alarm-messages.ts';
import { inTransaction } from '../store/database.ts';
import type { OutgoingText } from './alarm-text.ts';
import { rejectsMail } from './division-mail.ts';
import { previewMail } from './preview-mail.ts';

/** When the day's mails leave, local time; on work days only. */
const REJECTS_AT = '08:30';
const PREVIEW_AT = '15:00';

/**
 * Puts the mails of today into the outbox of messages, each once: what a division must mend, and on the day before a push what leaves
 * then. A day that nobody was there for is not made up for: the next day's mail says it all.
 */
export async function enqueueDailyMails(hub: Hub, made: Set<string>): Promise<void> {
  const { settings, alarms, calendar } = hub;
  const today = hub.localDate(hub.now());
  if (settings.alarm.mail === undefined || !calendar.isWorkday(today)) return;
  for (const [division, to] of Object.entries(alarms.divisions)) {
    if (isPast(hub, today, REJECTS_AT)) {
      await once({ hub, made }, { name: `daily:${today}:${division}`, to, write: () => rejectsMail(hub, division) });
    }
    if (!isPast(hub, today, PREVIEW_AT)) continue;
    for (const job of previewedToday(hub, today)) {
      const name = `preview:${today}:${job.platformName}:${division}`;
      await once({ hub, made }, { name, to, write: () => previewMail(hub, job, division) });
    }
  }
}

const isPast = (hub: Hub, day: string, clock: string): boolean =>
  hub.now() >= instantAt(day, clock, hub.settings.timezone);

/** Push jobs whose next own day is the work day after today: the Thursday, or the day before a moved Friday. */
function previewedToday({ jobs, calendar, settings }: Hub, today: string): PushJob[] {
  const next = nextWorkday(calendar.isWorkday, today);
  return jobs.filter((job): job is PushJob => {
    if (job.kind !== 'push' || job.duty === undefined) return false;
    const planned = planDuty(job.duty, addDays(today, -14), addDays(today, 21), { calendar, zone: settings.timezone });
    return planned.some(({ day }) => day > today && day <= next);
  });
}

function nextWorkday(isWorkday: (day: string) => boolean, today: string): string {
  let day = addDays(today, 1);
  for (let tried = 0; tried < 20 && !isWorkday(day); tried += 1) day = addDays(day, 1);
  return day;
}

interface Mail {
  readonly name: string;
  readonly to: readonly string[];
  readonly write: () => Promise<OutgoingText | undefined>;
}

interface Desk {
  readonly hub: Hub;
  /** Names that this process knows to be in the database already. */
  readonly made: Set<string>;
}

async function once({ hub, made }: Desk, { name, to, write }: Mail): Promise<void> {
  if (made.has(name)) return;
  const text = await write();
  // Nothing to say now may become something to say later today.
  if (text === undefined) return;
  await inTransaction(hub.db, (tx) => enqueue(tx, { name, channel: 'mail', message: { ...text, to } }, hub.now()));
  made.add(name);
}
