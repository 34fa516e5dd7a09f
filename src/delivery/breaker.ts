import type { Answer, QueryAnswer } from '../platform.ts';

/**
 * The breaker of one platform (delivery.md §1.7), shared by all processes through the database. `closed`: deliveries leave;
 * `open`: nothing does, until `until`; then one probe, the smallest batch, decides.
 */
export interface Breaker {
  readonly state: 'closed' | 'open';
  /** Failures since the last success. */
  readonly failures: number;
  /** How long it was opened for, seconds; 0 while closed. */
  readonly waitS: number;
  readonly until: string | null;
  /** The platform asked not to be called before this (Retry-After). */
  readonly notBefore: string | null;
  /** What the first of these failures was: the cause, as a rule. */
  readonly reason: string | null;
  /** What the last one was, where that is something else. */
  readonly latest: string | null;
}

export const CLOSED: Breaker = {
  ...{ state: 'closed', failures: 0, waitS: 0, until: null, notBefore: null, reason: null, latest: null },
};

/** For people: the first cause, and the latest beside it. */
export const causeOf = ({ reason, latest }: Pick<Breaker, 'reason' | 'latest'>): string =>
  latest === null ? (reason ?? '') : `${reason ?? ''}；最近 (latest): ${latest}`;

/** Until when the platform asked not to be called, where that is still to come. */
export const askedToWait = ({ notBefore }: Pick<Breaker, 'notBefore'>, now: Date): string | undefined =>
  notBefore !== null && notBefore > now.toISOString() ? notBefore : undefined;

/** Until when nothing leaves: the later of what the breaker and the platform say. Undefined: something may leave now. */
export interface Rest {
  readonly until: string;
  /** The platform's own word (Retry-After): no resume ends it. */
  readonly asked: boolean;
}

export function restOf({ state, until, notBefore }: Breaker, now: Date): Rest | undefined {
  const asked = askedToWait({ notBefore }, now);
  const own = state === 'open' && until !== null && until > now.toISOString() ? until : undefined;
  if (own !== undefined && (asked === undefined || own > asked)) return { until: own, asked: false };
  return asked === undefined ? undefined : { until: asked, asked: true };
}

/** What may leave: everything, one probe, or nothing. */
export type Passage = 'all' | 'probe' | 'none';

export function passage(breaker: Breaker, now: Date): Passage {
  if (restOf(breaker, now) !== undefined) return 'none';
  return breaker.state === 'closed' ? 'all' : 'probe';
}

/** How one request ended, as far as the breaker cares; rejects and refusals are answers, not failures. */
export type Sign = 'good' | 'failed' | 'page';

/** `page`: certificate, login or contract trouble that no waiting mends: it opens at once. */
export function signOf(answer: Answer | QueryAnswer): Sign {
  if (answer.outcome === 'contract-fault') return 'page';
  if (answer.outcome === 'not-sent') return answer.page ? 'page' : 'failed';
  return answer.outcome === 'unknown' ? 'failed' : 'good';
}

/** Requests of the last 60 seconds, for the share of failures. */
export interface Lately {
  readonly requests: number;
  readonly failed: number;
}

const CONSECUTIVE = 5;
const SHARE_OF = 20;
const FIRST_S = 60;
const LONGEST_S = 1800;

/** The breaker after a request; `undefined`: as it was, nothing to write. */
export function breakerAfter(
  before: Breaker,
  sign: Sign,
  { lately, now, reason }: { readonly lately: Lately; readonly now: Date; readonly reason: string },
): Breaker | undefined {
  if (sign === 'good') return before.failures === 0 && before.state === 'closed' ? undefined : CLOSED;
  const failures = before.failures + 1;
  const cause = before.failures === 0 || before.reason === null ? reason : before.reason;
  const told = { reason: cause, latest: cause === reason ? null : reason };
  const often = lately.requests >= SHARE_OF && lately.failed * 2 > lately.requests;
  // Still open means that this was the probe.
  const opens = before.state === 'open' || sign === 'page' || failures >= CONSECUTIVE || often;
  if (!opens) return { ...before, failures, ...told };
  const waitS = sign === 'page' ? LONGEST_S : Math.min(LONGEST_S, before.waitS === 0 ? FIRST_S : before.waitS * 2);
  const until = new Date(now.getTime() + waitS * 1000).toISOString();
  return { state: 'open', failures, waitS, until, notBefore: before.notBefore, ...told };
}
