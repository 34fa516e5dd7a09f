import type { Fault } from '../fault.ts';
import type { Verdict } from '../platform.ts';
import type { Tx } from '../store/database.ts';
import { appendLog, type LogEntry } from '../store/log.ts';
import { type BatchRow, type RejectedMember, recordsBehind } from '../store/outbox.ts';
import { quarantine, subjectOf } from '../store/quarantine.ts';

/** Records that a platform rejected wait in quarantine with its reason, for the division that issued them. */
export async function rejectMembers(
  tx: Tx,
  batch: BatchRow,
  rejected: readonly Extract<Verdict, { outcome: 'rejected' }>[],
  context: {
    readonly now: () => Date;
    readonly actor: string;
    readonly divisionOf: (job: string) => string;
    readonly ticketOpened: () => void;
  },
): Promise<void> {
  if (rejected.length === 0) return;
  const byKey = new Map(rejected.map((verdict) => [verdict.idemKey, verdict]));
  const rows = await recordsBehind(tx, batch.seq, [...byKey.keys()]);
  const tickets = rows.flatMap((row) => {
    const verdict = byKey.get(row.idemKey);
    if (verdict === undefined) return [];
    return {
      stage: 'platform' as const,
      subject: platformSubject(batch.platform, row.recordId),
      job: row.job,
      division: context.divisionOf(row.job),
      type: row.type,
      platform: batch.platform,
      recordId: row.recordId,
      version: row.version,
      batchId: batch.id,
      number: row.number ?? undefined,
      name: row.name ?? undefined,
      faults: [toFault(batch.platform, verdict)],
    };
  });
  await appendLog(
    tx,
    context.now(),
    rows.map((row) => rejection(row, batch, context.actor)),
  );
  context.ticketOpened();
  await quarantine(tx, tickets, context.now());
}

/** The member's own entry (docs/evidence-format.md §8): log and manifests alone tell where every record stands. */
const rejection = (row: RejectedMember, batch: BatchRow, actor: string): LogEntry => ({
  actor,
  action: 'delivery.rejected',
  platform: batch.platform,
  batchId: batch.id,
  recordId: row.recordId,
  detail: { delivery: row.idemKey, from: 'open', to: 'rejected', version: row.version },
});

/** What a ticket at a platform is about: this record there. */
export const platformSubject = (platform: string, recordId: number): Buffer =>
  subjectOf('platform', platform, String(recordId));

const toFault = (platform: string, { code, reason }: Extract<Verdict, { outcome: 'rejected' }>): Fault => ({
  code: `PLATFORM_${code
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase()
    .slice(0, 40)}`,
  level: 'error',
  path: '',
  zh: `接收平台 ${platform} 退回：${reason}（${code}）；请在业务系统中更正，更正后的版本会自动再次报送`,
  en: `platform ${platform} rejected it: ${reason} (${code}); correct it at the bureau, the corrected version is sent by itself`,
});
