import { weekday } from '../calendar/day.ts';
import {
  type Coverage,
  coverageOf,
  nextWorkday,
  previousWorkday,
  type WorkCalendar,
} from '../calendar/work-calendar.ts';
import { before, type Every } from './nominal-days.ts';

/** What a duty does when its day is off. */
export interface DayRule {
  readonly every: Every;
  /** Default `previous-workday`. */
  readonly whenOff?: 'previous-workday' | 'next-workday' | 'same-day';
  /** Only then may the moved day be a make-up Sunday (调休上班的星期日). */
  readonly makeUpSunday?: boolean;
}

/** The day on which a period is really done. */
export interface OwnDay {
  /** `YYYY-MM-DD` */
  readonly day: string;
  /** Absent: the nominal day itself. */
  readonly moved?: {
    /** The rule that decided: with `previous-workday`, a day already taken by the period before goes to `next-workday`. */
    readonly rule: 'previous-workday' | 'next-workday';
    /** Why the nominal day is off: 国庆节, 壮族三月三. */
    readonly holiday: string;
  };
  /** How certain the years are that decided it. */
  readonly coverage: Coverage;
}

/**
 * The Friday rule (design.md §2.2): a day off goes to the work day before it; where that is not after the own day of
 * the period before, to the work day after it.
 */
export function ownDay(nominal: string, rule: DayRule, calendar: WorkCalendar): OwnDay {
  const { whenOff = 'previous-workday' } = rule;
  if (whenOff === 'same-day' || calendar.isWorkday(nominal)) {
    return { day: nominal, coverage: coverageOf(calendar, nominal, nominal) };
  }
  const holiday = calendar.nameOf(nominal) ?? '周末';
  const earlier = step(previousWorkday, nominal, rule, calendar);
  if (whenOff === 'previous-workday') {
    const taken = ownDay(before(rule.every, nominal), rule, calendar).day;
    if (earlier > taken)
      return {
        day: earlier,
        moved: { rule: 'previous-workday', holiday },
        coverage: coverageOf(calendar, earlier, nominal),
      };
  }
  const later = step(nextWorkday, nominal, rule, calendar);
  return {
    day: later,
    moved: { rule: 'next-workday', holiday },
    coverage: coverageOf(calendar, whenOff === 'previous-workday' ? earlier : nominal, later),
  };
}

/** The nearest work day on one side; make-up Sundays only where the duty wants them. */
function step(
  towards: typeof nextWorkday,
  from: string,
  { makeUpSunday = false }: DayRule,
  calendar: WorkCalendar,
): string {
  let day = towards(calendar, from);
  while (!makeUpSunday && weekday(day) === 7) day = towards(calendar, day);
  return day;
}
