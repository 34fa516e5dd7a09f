import type { DeadlineRule } from '../duty/deadline.ts';
import type { MappingSpec, Sample } from '../mapping/mapping-spec.ts';
import type { PlatformSpec } from '../platform-spec.ts';
import type { SourceSpec } from '../source.ts';

/** Bilingual text: Chinese first. */
export interface Title {
  readonly zh: string;
  readonly en: string;
}

interface JobHead {
  /** File name without ending: `pull-broadcast-licences`. */
  readonly name: string;
  /** Path as given, for messages. */
  readonly file: string;
  readonly title: Title;
  /** When the scheduler starts it; absent: only by hand, or as its duty wants. */
  readonly schedule?: Schedule;
}

export interface Schedule {
  /** Five-field cron in HUB_TIMEZONE. */
  readonly cron: string;
  /** Seconds back that a missed time is still caught up at start. */
  readonly catchUpS: number;
}

/** 归集 */
export interface PullJob extends JobHead {
  readonly kind: 'pull';
  /** 处室: who mends what does not fit. */
  readonly division: string;
  readonly source: SourceSpec;
  /** Unified record type, e.g. `licence/broadcast-production`. */
  readonly type: string;
  /** Raw field that is the bureau's own row id; lets a corrected key field be seen (delivery.md §1.1). */
  readonly id?: string;
  /** Id of the authority that issued these records unless a row says otherwise (schemas/authorities.json). */
  readonly authority?: string;
  /** Authorities that this source may bring (permission to enter); absent: those of the type. */
  readonly authorities?: readonly string[];
  readonly mapping: MappingSpec;
  readonly samples: readonly Sample[];
}

/** 报送 */
export interface PushJob extends JobHead {
  readonly kind: 'push';
  /** Platform name: file name without `push-`. Part of every idem key; never rename a live one. */
  readonly platformName: string;
  readonly platform: PlatformSpec;
  readonly duty?: Duty;
  /** Type pattern → until when a decision must be public; default: 7 work days for licences and penalties of a duty. */
  readonly deadlines?: { readonly [pattern: string]: DeadlineRule };
  /** Type pattern → a division must say yes for each period before its records of these types leave. */
  readonly confirm?: { readonly [pattern: string]: 'required' };
  /** Type pattern (`licence/*`) → outbound form names (`credit-sharing/licence-2018`), in order of trial. */
  readonly types: { readonly [pattern: string]: readonly string[] };
}

export interface Duty {
  readonly basis: string;
  readonly every: 'friday' | 'month';
  /** Local time `HH:MM`. */
  readonly start: string;
  readonly due: string;
  readonly grace: string;
  /** What happens when its day is off; default `previous-workday`. */
  readonly whenOff?: 'previous-workday' | 'next-workday' | 'same-day';
  /** May a make-up Sunday be the moved day? Default false. */
  readonly makeUpSunday?: boolean;
  /** What happens when the plan would break a deadline: show it (default), or push at the next retry window. */
  readonly extraPush?: 'propose' | 'make';
  /** First day that counts, `YYYY-MM-DD`. */
  readonly goLive: string;
}

export type Job = PullJob | PushJob;
