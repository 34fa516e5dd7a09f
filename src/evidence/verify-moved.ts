import type { Reader } from '../store/database.ts';
import { payloadOf } from '../store/evidence-rows.ts';
import { commitmentOf } from '../store/log.ts';
import type { Entry } from './entry.ts';
import type { Findings } from './findings.ts';

/** Evidence that was too long for its entry and stands beside the log (docs/evidence-format.md §5). */
export interface MovedEvidence {
  /** Place of its entry. */
  readonly where: string;
  readonly commit: string;
}

export const isMoved = ({ evidence }: Entry): boolean => evidence['moved'] === 'payload';

/** Each against its commitment; how many are undisclosed, their salt being gone. */
export async function verifyMoved(db: Reader, moved: readonly MovedEvidence[], findings: Findings): Promise<number> {
  let undisclosed = 0;
  for (const { where, commit } of moved) {
    const kept = await payloadOf(db, commit);
    if (kept?.payload === undefined || kept.payload === null) undisclosed += 1;
    else if (commitmentOf(kept.salt, kept.payload).toString('hex') !== commit)
      findings.add({
        code: 15,
        where,
        zh: '移出的内容与条目中的承诺不符',
        en: 'the evidence kept beside it is not what it commits to',
      });
  }
  return undisclosed;
}
