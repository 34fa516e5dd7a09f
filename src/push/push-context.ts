import type { HubError } from '../errors.ts';
import type { PushCounts } from '../run-report.ts';
import type { Db } from '../store/database.ts';
import type { BatchRow } from '../store/outbox.ts';
import type { Deliver } from './deliver.ts';
import type { PendingPages } from './pending-page.ts';
import type { ReaderWork } from './reader-work.ts';
import type { Batching } from './ready-batches.ts';
import type { Seal } from './seal.ts';

/** What a push works with. */
export interface Push extends Seal, Deliver, Batching, Omit<PendingPages, 'db'> {
  readonly db: Db;
  readonly concurrency: number;
  /** ms that the run itself waits for asynchronous receipts before it leaves them to the next follow-up. */
  readonly receiptWaitMs: number;
  /** What is sealed anew: everything pending, withdrawals alone (urgent), or nothing. */
  readonly seals: 'all' | 'withdrawals' | 'nothing';
  /** Lets a thread read ahead in a long push; absent: none does. */
  readonly ahead?: ReaderWork | undefined;
  /** Render and count only; nothing is sealed or sent. */
  readonly dryRun: boolean;
  /** Asked when nothing more is left to seal: the period for which an empty package goes out (零报送). */
  readonly nil?: ((counts: PushCounts) => Promise<string | undefined>) | undefined;
  readonly onProgress?: ((counts: PushCounts) => void) | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What has come of it so far. */
export interface Progress {
  readonly counts: Mutable<PushCounts>;
  readonly faults: Map<string, number>;
  /** Why nothing more leaves in this run; batches that are sealed wait for the next one. */
  stopped: HubError | undefined;
  /** The first batch that was left without a result. */
  unsettled: HubError | undefined;
  /** Batches sealed by the round that is going on, or something else that makes another round worth while. */
  moved: number;
}

export const isToSend = ({ state }: BatchRow): boolean => state === 'SEALED' || state === 'RETRY_WAIT';

/**
 * The first reason stands. Never `progress.stopped ??= await …`: that looks first and then waits, and what another flight found
 * meanwhile would be written over with nothing.
 */
export function stopFor(why: HubError | undefined, progress: Progress): void {
  progress.stopped ??= why;
}
