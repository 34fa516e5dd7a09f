import { HubError } from '../errors.ts';
import { requireLog } from '../evidence/log-gate.ts';
import { failpoint } from '../failpoint.ts';
import type { OutgoingBatch } from '../platform.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { type SkippedVersion, settleSkipped } from '../store/deliveries.ts';
import { isOvertaken, pushLease } from '../store/leases.ts';
import { appendLog, type LogEntry } from '../store/log.ts';
import { type BatchRow, sealBatch } from '../store/outbox.ts';
import { mend } from '../store/quarantine.ts';
import type { ReadyBatch } from './ready-batches.ts';
import { platformSubject } from './reject.ts';

/** What sealing needs besides the batch. */
export interface Seal {
  readonly db: Db;
  readonly platformName: string;
  /** False lets the hot path skip looking for tickets to close. */
  readonly ticketsOpen: () => boolean;
  /** The period that it is sealed for; null outside of one. */
  readonly period: string | null;
  readonly epoch: number;
  readonly runId: number;
  readonly actor: string;
  readonly now: () => Date;
}

/** Freezes a batch: exact bytes, deliveries, log entry, one transaction. */
export async function seal(batch: ReadyBatch, context: Seal): Promise<{ row: BatchRow; outgoing: OutgoingBatch }> {
  const { platformName: platform, runId, epoch, period, actor, now } = context;
  const { id, form, members, bodyDigest, manifestRoot } = batch;
  await requireLog(context.db, now);
  const row = await inTransaction(context.db, async (tx) => {
    // Whoever took over has sealed on: what this process has read may be old by now.
    if (await isOvertaken(tx, pushLease(platform), epoch)) throw overtaken(platform);
    const sealed = await sealBatch(tx, { ...batch, platform, period, runId, epoch }, now());
    if (context.ticketsOpen())
      await mend(
        tx,
        members.map(({ recordId }) => platformSubject(platform, recordId)),
        now(),
      );
    const detail = { to: 'SEALED', form, members: members.length, manifestRoot, period, attempt: 0, epoch };
    const payload = { kind: 'body' as const, subject: id, bytes: batch.body };
    const about = { actor, platform, batchId: id, runId };
    await appendLog(tx, now(), [
      { ...about, action: 'batch.sealed', detail, payload },
      ...(await skipped(tx, sealed, batch, about)),
      ...withdrawals(batch, about),
    ]);
    return sealed;
  });
  failpoint('S2-sealed');
  const idemKeys = members.map((member) => member.idemKey);
  const { seq } = row;
  const { body, contentType } = batch;
  const outgoing = { batchId: id, seq, period, epoch, body, bodyDigest, contentType, idemKeys };
  return { row, outgoing };
}

const overtaken = (platform: string): HubError =>
  new HubError('LEASE_LOST', `平台 ${platform} 已由另一进程接手，未封装 (another process delivers to it; not sealed)`, {
    remedy: 'retry',
    fix: '无需处理，由接手的进程继续 (nothing to do: the other process goes on)',
  });

export type About = Pick<LogEntry, 'actor' | 'platform' | 'batchId' | 'runId'>;

/** Versions that will never be sent now; looked for only where a batch brings more than first versions. */
async function skipped(tx: Tx, { seq }: BatchRow, { members }: ReadyBatch, about: About): Promise<LogEntry[]> {
  if (members.every(({ version }) => version === 1)) return [];
  return skippedEntries(await settleSkipped(tx, seq), about);
}

export const skippedEntries = (skipped: readonly SkippedVersion[], about: About): LogEntry[] =>
  skipped.map(({ recordId, version, state }) => ({
    ...about,
    action: `delivery.${state}`,
    recordId,
    detail: { version },
  }));

const withdrawals = ({ members }: ReadyBatch, about: About): LogEntry[] =>
  members
    .filter(({ operation }) => operation === 'WITHDRAW')
    .map(({ recordId, version }) => ({ ...about, action: 'delivery.withdrawn', recordId, detail: { version } }));
