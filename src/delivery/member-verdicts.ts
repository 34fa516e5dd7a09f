import type { Verdict } from '../platform.ts';
import { type BatchState, type MemberState, memberAfter } from './delivery-state.ts';

/** One member as it stands before a receipt is read. */
export interface Standing {
  readonly idemKey: string;
  readonly state: MemberState;
}

/** What a receipt changes of one member. */
export interface MemberChange {
  readonly idemKey: string;
  readonly from: MemberState;
  readonly to: MemberState;
  readonly verdict: string;
  readonly reason?: string;
}

export interface Judged {
  readonly changes: readonly MemberChange[];
  /** Verdicts on records that are no members of the batch. */
  readonly strangers: readonly Verdict[];
  /** Members that are still open afterwards. */
  readonly open: number;
}

/** Reads verdicts against members by the members' table: repeats change nothing, contradictions become conflicts. */
export function judge(members: readonly Standing[], verdicts: readonly Verdict[], batch: BatchState): Judged {
  const standing = new Map(members.map(({ idemKey, state }) => [idemKey, state]));
  const changes: MemberChange[] = [];
  const strangers: Verdict[] = [];
  for (const verdict of verdicts) {
    const from = standing.get(verdict.idemKey);
    if (from === undefined || from === 'superseded' || from === 'cancelled') {
      strangers.push(verdict);
      continue;
    }
    const to = memberAfter(from, verdict.outcome, batch);
    if (to === from) continue;
    standing.set(verdict.idemKey, to);
    changes.push({ idemKey: verdict.idemKey, from, to, ...said(verdict, from) });
  }
  return { changes, strangers, open: [...standing.values()].filter((state) => state === 'open').length };
}

function said(verdict: Verdict, from: MemberState): Pick<MemberChange, 'verdict' | 'reason'> {
  if (verdict.outcome === 'rejected') return { verdict: verdict.code, reason: verdict.reason };
  if (from === 'open') return { verdict: verdict.code ?? 'OK' };
  return {
    verdict: verdict.code ?? 'OK',
    reason: '平台先退回、后又称接受 (the platform rejected it first and accepts it now)',
  };
}
