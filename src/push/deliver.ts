import type { MayTryNow } from '../delivery/backoff.ts';
import type { Breaker } from '../delivery/breaker.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import type { Platform } from '../platform.ts';
import type { Db } from '../store/database.ts';
import type { Trace } from '../trace.ts';

/** What delivering a batch needs besides the batch. */
export interface Deliver {
  readonly db: Db;
  readonly platform: Platform;
  readonly platformName: string;
  readonly terms: Terms;
  readonly lease: HeldLease;
  readonly guard: Guard;
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
  /** 0 ≤ x < 1 */
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly trace: Trace;
  /** 处室 that mends the records of a pull job. */
  readonly divisionOf: (job: string) => string;
  readonly ticketOpened: () => void;
  /** How this platform wants its batches written. */
  readonly wire: WireForm;
  readonly mayTryNow: MayTryNow;
}

/** The contract with a platform, as numbers (DeliveryTerms of platform-spec.ts). */
export interface Terms {
  readonly idempotent: boolean;
  readonly idempotencyTtlMs: number;
  readonly queryable: boolean;
  /** ms to wait before `absent` is believed (delivery.md F22). */
  readonly querySettleMs: number;
  /** ms after the first send until which an answer may be outstanding. */
  readonly answerWithinMs: number;
  /** Is the platform's sending window open? */
  readonly isOpen: (now: Date) => boolean;
  /** `2026-11-27 20:00` in HUB_TIMEZONE, for people. */
  readonly clock: (at: Date) => string;
  /** ms that one request may take in all. */
  readonly requestMs: number;
}

/** The lease under which this run delivers. */
export interface HeldLease {
  /** ms of monotonic time for which it certainly holds. */
  readonly leftMs: () => number;
  /**
   * ms from its taking before a batch may be reconciled that the last holder left on the wire: 0 where that holder is
   * certainly dead, else it may still emit one request.
   */
  readonly doubtMs: number;
  readonly takenAt: Date;
}

/**
 * Stands before the wire of one platform: breaker, Retry-After, pauses, stopped runs, held records, sending window. One per run;
 * the lease makes it the only one that writes the breaker.
 */
export interface Guard {
  breaker: Breaker;
  held: ReadonlySet<number>;
}
