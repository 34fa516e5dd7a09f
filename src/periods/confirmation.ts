import { matchesPattern } from '../job/type-pattern.ts';
import type { Confirmation } from '../store/confirmations.ts';
import type { DutyJob } from './period-context.ts';

/** Does a division have to say yes to records of this type before they leave? */
export const needsConfirmation = ({ confirm = {} }: DutyJob, type: string): boolean =>
  Object.keys(confirm).some((pattern) => matchesPattern(pattern, type));

/** Type '' of a confirmation means all of the division's types. */
export const isConfirmed = (
  said: readonly Pick<Confirmation, 'division' | 'type'>[],
  type: string,
  division: string,
): boolean => said.some((one) => one.division === division && (one.type === '' || one.type === type));
