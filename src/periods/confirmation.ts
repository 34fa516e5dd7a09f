import type { PushJob } from '../job/job.ts';
import { matchesPattern } from '../job/type-pattern.ts';
import type { Confirmation } from '../store/confirmations.ts';

type Confirming = Pick<PushJob, 'confirm'>;
type Said = readonly Pick<Confirmation, 'division' | 'type'>[];

/** Does a division have to say yes to records of this type before they leave? */
export const needsConfirmation = ({ confirm = {} }: Confirming, type: string): boolean =>
  Object.keys(confirm).some((pattern) => matchesPattern(pattern, type));

/** Type '' of a confirmation means all of the division's types. */
export const isConfirmed = (said: Said, type: string, division: string): boolean =>
  said.some((one) => one.division === division && (one.type === '' || one.type === type));

/** May a record leave, by what divisions have said? */
export const confirmedBy =
  (job: Confirming, said: Said) =>
  (type: string, division: string): boolean =>
    !needsConfirmation(job, type) || isConfirmed(said, type, division);
