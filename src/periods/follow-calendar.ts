import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { approvedSetup, type Guarded } from '../accounts/approved-setup.ts';
import { calendarFile } from '../calendar/load-calendar.ts';
import type { WorkCalendar } from '../calendar/work-calendar.ts';
import { canonicalJson, sha256 } from '../canonical.ts';
import type { Hub, Setup } from '../hub-context.ts';
import { newestConfiguration } from '../store/configurations.ts';
import { listRequests } from '../store/requests.ts';

/** A hub whose calendar is the one in force, as of the last look. */
export interface FollowedHub {
  readonly hub: Hub;
  /** Takes up a calendar that was imported since, after the second person's yes where one is needed; never throws. */
  readonly look: () => Promise<void>;
}

/** For processes that live long: an imported calendar counts from the next minute on. All else is read at their next start. */
export function followCalendar(hub: Hub, read: () => Setup & Guarded<Setup>): FollowedHub {
  let current = hub.calendar;
  let seen: string | undefined;
  const look = async (): Promise<void> => {
    try {
      const sign = await signOf(hub);
      if (sign === seen) return;
      const first = seen === undefined;
      seen = sign;
      if (first) return;
      const { setup } = await approvedSetup<Setup>(hub.db, read(), hub.now());
      // The yes itself may have been used up by this look.
      seen = await signOf(hub);
      if (isDeepStrictEqual(setup.calendar.table, current.table)) return;
      current = setup.calendar;
      hub.trace.info('calendar-taken', { years: current.table.years.length, days: current.table.days.length });
    } catch (error) {
      hub.trace.error('calendar-refused', { error: error instanceof Error ? error.message : String(error) });
    }
  };
  return { hub: { ...hub, calendar: delegating(() => current) }, look };
}

/** What can change which calendar is in force: its file, and with HUB_APPROVALS=on what was approved. */
async function signOf({ db, settings }: Hub): Promise<string> {
  const path = calendarFile(settings.schemasDir);
  const file = existsSync(path) ? sha256(readFileSync(path)) : '';
  if (!settings.approvals) return file;
  const approved = await listRequests(db, { kind: 'configuration', states: ['approved'] });
  return canonicalJson([file, (await newestConfiguration(db, 'approved'))?.id ?? 0, approved.map(({ id }) => id)]);
}

const delegating = (calendar: () => WorkCalendar): WorkCalendar => ({
  isWorkday: (day) => calendar().isWorkday(day),
  nameOf: (day) => calendar().nameOf(day),
  coverage: (year) => calendar().coverage(year),
  get table() {
    return calendar().table;
  },
});
