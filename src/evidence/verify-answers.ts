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
    const [zh, en] = logged?.verdict === null ? NO_VERDICT : ['', ''];
    return [`成员的答复与日志不符：${said}${zh}`, `a member's verdict is not what the log says: ${said}${en}`];
  }
  if (told.reasonCommit === undefined) return reason === null ? undefined : otherReason(idemKey);
  const kept = await payloadOf(db, told.reasonCommit);
  if (kept === undefined) return 'undisclosed';
  const same = reason !== null && commitmentOf(kept.salt, Buffer.from(reason)).toString('hex') === told.reasonCommit;
  return same ? undefined : otherReason(idemKey);
}

/** What entries of the first versions lack; the log cannot tell them from a verdict that was written in later. */
const NO_VERDICT: Wrong = [
  '。该成员的条目未记答复：早期版本写下的 delivery.accepted 条目都是如此，日志无从证明这一答复。请勿修改数据库；以批次的回执和平台方的清单核对此记录，并把核对结果与本报告一并存档',
  '. The entry of this member holds no verdict, as all delivery.accepted entries of early versions do: the log cannot prove it. ' +
    "Leave the database as it is; hold this record against the batch's receipt and the platform's own list, and file the result with this report",
];

const otherReason = (idemKey: string): Wrong => [
  `成员 ${idemKey} 的退回原因与日志中的承诺不符`,
  `the reason given for ${idemKey} is not the one that the log commits to`,
];
