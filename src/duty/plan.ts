import { instantAt } from '../calendar/local-time.ts';
import type { Coverage, WorkCalendar } from '../calendar/work-calendar.ts';
import { durationS } from '../job/duration.ts';
import type { Duty } from '../job/job.ts';
import { after, type NominalPeriod, nominalPeriods } from './nominal-days.ts';
import { type OwnDay, ownDay } from './own-day.ts';

/** One period of a duty with its times. */
export interface PlannedPeriod extends NominalPeriod, OwnDay {
  /** When the push begins, when it must be done, and until when it still counts as 补报. */
  readonly plannedAt: Date;
  readonly dueAt: Date;
  readonly graceUntil: Date;
  /** Times of the period after: who tried nothing until it was due has missed this one. */
  readonly nextPlannedAt: Date;
  readonly nextDueAt: Date;
}

/** How a duty's days become instants. */
export interface PlanContext {
  readonly calendar: WorkCalendar;
  /** IANA name. */
  readonly zone: string;
}

/** Periods of a duty whose nominal day lies from `from` to `to`; none before it goes live. */
export function planDuty(duty: Duty, from: string, to: string, context: PlanContext): PlannedPeriod[] {
  const first = from < duty.goLive ? duty.goLive : from;
  return nominalPeriods(duty.every, first, to).map((nominal) => planPeriod(duty, nominal, context));
}

function planPeriod(duty: Duty, period: NominalPeriod, { calendar, zone }: PlanContext): PlannedPeriod {
  const own = ownDay(period.nominal, duty, calendar);
  const next = ownDay(after(duty.every, period.nominal), duty, calendar);
  const dueAt = instantAt(own.day, duty.due, zone);
  return {
    ...period,
    ...own,
    plannedAt: instantAt(own.day, duty.start, zone),
    dueAt,
    graceUntil: new Date(dueAt.getTime() + (durationS(duty.grace) ?? 0) * 1000),
    nextPlannedAt: instantAt(next.day, duty.start, zone),
    nextDueAt: instantAt(next.day, duty.due, zone),
  };
}

/** `国庆节 (previous-workday)`, or null where the nominal day stands. */
export const movedBy = ({ moved }: OwnDay): string | null =>
  moved === undefined ? null : `${moved.holiday} (${moved.rule})`;

/** One line of `hub forecast`. */
export interface ForecastLine {
  /** Name of the job that does it. */
  readonly duty: string;
  readonly period: string;
  /** The day the law names, `YYYY-MM-DD`. */
  readonly nominal: string;
  /** Local `YYYY-MM-DD HH:MM`. */
  readonly planned: string;
  readonly due: string;
  /** What moved it off its nominal day. */
  readonly movedBy: string | null;
  readonly calendar: Coverage;
}

/** What a duty will do from one day to another, by its nominal days. */
export function forecast(
  job: { readonly name: string; readonly duty: Duty },
  span: { readonly from: string; readonly to: string },
  context: PlanContext,
): ForecastLine[] {
  return planDuty(job.duty, span.from, span.to, context).map((period) => ({
    duty: job.name,
    period: period.period,
    nominal: period.nominal,
    planned: `${period.day} ${job.duty.start}`,
    due: `${period.day} ${job.duty.due}`,
    movedBy: movedBy(period),
    calendar: period.coverage,
  }));
}
