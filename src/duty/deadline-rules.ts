import type { WorkCalendar } from '../calendar/work-calendar.ts';
import type { PushJob } from '../job/job.ts';
import { matchesPattern } from '../job/type-pattern.ts';
import { type Deadline, type DeadlineRule, deadlineOf, SEVEN_WORKDAYS } from './deadline.ts';

/** 许可 and 处罚 of a duty, unless its job says otherwise; registrations have no deadline of their own. */
const USUAL: { readonly [pattern: string]: DeadlineRule } = {
  'licence/*': SEVEN_WORKDAYS,
  'penalty/*': SEVEN_WORKDAYS,
};

/** The deadline of a decision at a platform by record type; undefined: the law names none. Remembers what it computed. */
export function deadlinesOf(
  { deadlines, duty }: Pick<PushJob, 'deadlines' | 'duty'>,
  calendar: WorkCalendar,
): (type: string, decidedOn: string) => Deadline | undefined {
  const rules = Object.entries(deadlines ?? (duty === undefined ? {} : USUAL));
  const known = new Map<string, Deadline>();
  return (type, decidedOn) => {
    const rule = rules.find(([pattern]) => matchesPattern(pattern, type))?.[1];
    if (rule === undefined) return undefined;
    const name = `${rule.workdays}/${rule.basis}/${decidedOn}`;
    const deadline = known.get(name) ?? deadlineOf(decidedOn, rule, calendar);
    known.set(name, deadline);
    return deadline;
  };
}
