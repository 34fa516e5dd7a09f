import { type BatchEvent, batchAfter } from '../delivery/delivery-state.ts';
import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { type BatchRow, moveBatch, type Transition } from '../store/outbox.ts';

/** Who moves a batch, and under which epoch. */
export interface Mover {
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
}

export interface Detail {
  readonly accepted?: number;
  readonly rejected?: number;
  readonly conflicts?: number;
  readonly why?: string;
  /** Hex SHA-256 of the receipt's exact bytes. */
  readonly receiptHash?: string;
}

/** One arrow of the state table, with its log entry; throws HubError LEASE_LOST when another holder was faster. */
export async function step(
  tx: Tx,
  batch: BatchRow,
  event: BatchEvent,
  change: Omit<Transition, 'to' | 'epoch'> & { readonly detail?: Detail },
  mover: Mover,
): Promise<BatchRow> {
  const to = batchAfter(batch.state, event);
  const { detail, ...transition } = change;
  if (!(await moveBatch(tx, batch, { ...transition, to, epoch: mover.epoch }))) throw lostBatch(batch);
  await appendLog(tx, mover.now(), [
    {
      actor: mover.actor,
      action: event === 'intent' || event === 'intent-same-key' ? 'batch.intent' : 'batch.outcome',
      platform: batch.platform,
      batchId: batch.id,
      runId: mover.runId,
      detail: {
        event,
        from: batch.state,
        to,
        attempt: change.sent?.attempts ?? batch.attempts,
        epoch: mover.epoch,
        members: batch.members,
        ...(change.receiptId === undefined ? {} : { receiptId: change.receiptId }),
        ...detail,
      },
    },
  ]);
  return after(batch, to, change, mover.epoch);
}

function after(
  batch: BatchRow,
  state: BatchRow['state'],
  { sent, ...change }: Omit<Transition, 'to' | 'epoch'>,
  epoch: number,
): BatchRow {
  const sending =
    sent === undefined
      ? {}
      : {
          attempts: sent.attempts,
          retryWindow: sent.window,
          windowAttempts: sent.windowAttempts,
          sentAt: batch.sentAt ?? sent.at,
          lastSentAt: sent.at,
          tried: true,
        };
  return {
    ...batch,
    ...sending,
    state,
    epoch,
    reason: change.reason ?? null,
    nextAt: change.nextAt ?? null,
    notBefore: change.notBefore ?? null,
    receiptId: change.receiptId ?? batch.receiptId,
    settledAt: change.settledAt ?? batch.settledAt,
  };
}

const lostBatch = (batch: BatchRow): HubError =>
  new HubError('LEASE_LOST', `批次 ${batch.id} 已由另一进程接手 (another process has taken over this batch)`, {
    remedy: 'retry',
    fix: '无需处理，由接手的进程继续 (nothing to do: the other process goes on)',
  });

export const isLostLease = (error: unknown): error is HubError =>
  error instanceof HubError && error.code === 'LEASE_LOST';

/** A write that came too late is refused and said so: whoever held the lease before is still alive (delivery.md F3). */
export async function noteStale(db: Db, batch: BatchRow, mover: Mover): Promise<void> {
  const detail = { from: batch.state, epoch: mover.epoch };
  const entry = { actor: mover.actor, action: 'batch.stale', platform: batch.platform, batchId: batch.id };
  await inTransaction(db, (tx) => appendLog(tx, mover.now(), [{ ...entry, runId: mover.runId, detail }]));
}
