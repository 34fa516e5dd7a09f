import { addDays } from '../calendar/day.ts';
import {
  addWorkdays,
  type Coverage,
  coverageOf,
  type WorkCalendar,
  workdaysBetween,
} from '../calendar/work-calendar.ts';

/** Until when a decision must be public, by law. */
export interface DeadlineRule {
  /** Work days after the decision; its own day does not count. */
  readonly workdays: number;
  /** The legal source, shown with every deadline. */
  readonly basis: string;
}

/** 双公示: within seven work days of the decision. */
export const SEVEN_WORKDAYS: DeadlineRule = { workdays: 7, basis: '发改办财金〔2018〕424号' };

export interface Deadline {
  /** Last day that is in time, `YYYY-MM-DD`. */
  readonly day: string;
  readonly basis: string;
  readonly coverage: Coverage;
}

export function deadlineOf(decidedOn: string, { workdays, basis }: DeadlineRule, calendar: WorkCalendar): Deadline {
  const day = addWorkdays(calendar, decidedOn, workdays);
  return { day, basis, coverage: coverageOf(calendar, decidedOn, day) };
}

/** safe 从容 · tight 紧迫: one work day or less is left after the planned push, or none · late 迟报: the deadline is past. */
export type Standing = 'safe' | 'tight' | 'late';

/** How a record stands that leaves on `planned`; `today` and `planned` are local days. */
export function standingOf(
  deadline: string,
  { today, planned }: { readonly today: string; readonly planned: string | undefined },
  calendar: WorkCalendar,
): Standing {
  if (today > deadline) return 'late';
  if (planned === undefined || planned > deadline) return 'tight';
  return workdaysBetween(calendar, planned, deadline) <= 1 ? 'tight' : 'safe';
}

/** True where waiting for the plan would break a deadline that can still be kept: an extra push is called for. */
export const planBreaks = (
  deadline: string,
  { today, planned }: { readonly today: string; readonly planned: string | undefined },
): boolean => today <= deadline && (planned === undefined || planned > deadline);

/** 迟报: reached the platform after its deadline. */
export const isLate = (deadline: string, deliveredOn: string): boolean => deliveredOn > deadline;

/** A decision so old that its deadline is past whatever the calendar says: no need to look its year up. */
export const longPast = (decidedOn: string, rule: DeadlineRule, today: string): boolean =>
  addDays(decidedOn, rule.workdays * 2 + 40) < today;
