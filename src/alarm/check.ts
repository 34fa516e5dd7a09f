import type { Hub } from '../hub-context.ts';
import type { AlarmKind, Finding } from './finding.ts';

/** One look at the hub: all conditions of its kinds that hold now. A kind belongs to one check only. */
export interface Check {
  readonly name: string;
  readonly kinds: readonly AlarmKind[];
  /** How often it looks. */
  readonly everyMs: number;
  readonly look: (context: CheckContext) => Promise<readonly Finding[]>;
}

export interface CheckContext {
  readonly hub: Hub;
  readonly signal: AbortSignal;
  /** Subjects of these kinds whose alarm is not over. */
  readonly isOpen: (subject: string) => boolean;
}

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Whole days from one instant to another. */
export const daysBetween = (from: Date, to: Date): number => Math.floor((to.getTime() - from.getTime()) / DAY);

const STAGES = [60, 30, 7] as const;

/**
 * Something that ends: told of once at 60, 30 and 7 days. The stage that is reached now, and larger ones only as long as they
 * stand open, so that the first look at something nearly over speaks once.
 */
export function stagesOf(
  subject: string,
  daysLeft: number,
  { isOpen }: Pick<CheckContext, 'isOpen'>,
): readonly number[] {
  const reached = STAGES.filter((stage) => daysLeft <= stage);
  return reached.filter((stage, index) => index === reached.length - 1 || isOpen(`${subject}:${stage}`));
}
