import type { Reader } from '../store/database.ts';
import { payloadOf } from '../store/evidence-rows.ts';
import { commitmentOf } from '../store/log.ts';
import type { MemberState } from '../store/log-replay.ts';
import type { Entry } from './entry.ts';

/** What a member's entry says that the platform, or a person, answered. */
export interface LoggedAnswer {
  readonly verdict: string | null;
  /** Commitment to the reason; undefined where none was given. */
  readonly reasonCommit: string | undefined;
}

export const answerIn = ({ evidence: { verdict }, payloadCommit }: Entry): LoggedAnswer => ({
  verdict: typeof verdict === 'string' ? verdict : null,
  reasonCommit: payloadCommit,
});

type Wrong = readonly [zh: string, en: string];

/**
 * Verdict and reason of a member against its entry. One without an entry has what its batch gives it: `OK` where that was
 * accepted, nothing while it is open.
 */
export async function wrongAnswer(
  db: Reader,
  { idemKey, state, verdict, reason }: MemberState,
  logged: LoggedAnswer | undefined,
): Promise<Wrong | 'undisclosed' | undefined> {
  const told = logged ?? { verdict: state === 'accepted' ? 'OK' : null, reasonCommit: undefined };
  if (verdict !== told.verdict) {
    const said = `${idemKey} ${verdict ?? '∅'} ≠ ${told.verdict ?? '∅'}`;
    return [`成员的答复与日志不符：${said}`, `a member's verdict is not what the log says: ${said}`];
  }
  if (told.reasonCommit === undefined) return reason === null ? undefined : otherReason(idemKey);
  const kept = await payloadOf(db, told.reasonCommit);
  if (kept === undefined) return 'undisclosed';
  const same = reason !== null && commitmentOf(kept.salt, Buffer.from(reason)).toString('hex') === told.reasonCommit;
  return same ? undefined : otherReason(idemKey);
}

const otherReason = (idemKey: string): Wrong => [
  `成员 ${idemKey} 的退回原因与日志中的承诺不符`,
  `the reason given for ${idemKey} is not the one that the log commits to`,
];
