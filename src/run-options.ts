import type { MayTryNow } from './delivery/backoff.ts';

/** How one run of a job is to go. */
export interface RunOptions {
  readonly signal: AbortSignal;
  /** Who started it: `shell:name` or `scheduler`. */
  readonly by: string;
  /** A run that was claimed already (scheduler); absent: a new one. */
  readonly run?: number;
  readonly dryRun?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly acceptShrink?: boolean;
  /** Push: the period that it is for; null: none (an extra push). */
  readonly period?: string | null;
  /** Push: settle what is open, seal nothing new. */
  readonly followUpOnly?: boolean;
  /** Push: of what is pending, only the records of this resync. */
  readonly resync?: number;
  /** Push: settle what is open and send withdrawals, which wait for no Friday. */
  readonly urgentOnly?: boolean;
  /** Push: when a batch that failed may be tried again; default: always. */
  readonly mayTryNow?: MayTryNow;
  /** 0 ≤ x < 1, for jitter. */
  readonly random?: () => number;
  readonly onProgress?: (done: number, total?: number) => void;
}
