import type { JsonObject } from './json.ts';

/** What a pull read and how every row ended: read = accepted + unchanged + quarantined. */
export interface PullCounts {
  readonly read: number;
  readonly accepted: number;
  readonly unchanged: number;
  readonly quarantined: number;
}

/**
 * What a push found pending and how it ended. `withheld`: records of this platform's types that are not for publication
 * (依申请公开, 不公开) or ended before they were ever shown; they are kept, never sent.
 */
export interface PushCounts {
  readonly pending: number;
  readonly notForPlatform: number;
  readonly withheld: number;
  /** Sound records whose division has not confirmed them for this period. */
  readonly unconfirmed: number;
  readonly quarantined: number;
  readonly sealed: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly withdrawn: number;
  readonly batches: number;
  /** Batches that are not settled yet, and those held for a person. */
  readonly unsettled: number;
  readonly held: number;
}

/** Before anything was found. */
export const NO_PUSH_COUNTS: PushCounts = {
  pending: 0,
  notForPlatform: 0,
  withheld: 0,
  unconfirmed: 0,
  quarantined: 0,
  sealed: 0,
  accepted: 0,
  rejected: 0,
  withdrawn: 0,
  batches: 0,
  unsettled: 0,
  held: 0,
};

export interface RunFailure {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

interface ReportHead {
  readonly run: number;
  readonly job: string;
  readonly dryRun: boolean;
  readonly state: 'done' | 'failed' | 'held';
  /** Fault code → records. */
  readonly faults: { readonly [code: string]: number };
  readonly error?: RunFailure | undefined;
}

export interface PullReport extends ReportHead {
  readonly kind: 'pull';
  readonly counts: PullCounts;
  /** Rows of the same full snapshot that an interrupted run had read; absent: the run began at the start. */
  readonly goesOnAfter?: number;
}

export interface PushReport extends ReportHead {
  readonly kind: 'push';
  readonly platform: string;
  readonly counts: PushCounts;
}

export type RunReport = PullReport | PushReport;

/** As kept in the database and printed with --json. */
export const reportJson = (report: RunReport): JsonObject => JSON.parse(JSON.stringify(report));
