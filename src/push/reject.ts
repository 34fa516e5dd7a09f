import type { MemberChange } from '../delivery/member-verdicts.ts';
import type { Fault } from '../fault.ts';
import type { Tx } from '../store/database.ts';
import { recordsBehind } from '../store/deliveries.ts';
import { appendLog } from '../store/log.ts';
import type { BatchRow } from '../store/outbox.ts';
import { quarantine, subjectOf } from '../store/quarantine.ts';
import { memberEntry } from './member-entry.ts';

/** Rejected records wait for the division that issued them, contradictions for whoever asks the platform; each is logged. */
export async function exceptions(
  tx: Tx,
  batch: BatchRow,
  changes: readonly MemberChange[],
  context: {
    readonly now: () => Date;
    readonly actor: string;
    readonly runId: number;
    readonly divisionOf: (job: string) => string;
    readonly ticketOpened: () => void;
  },
): Promise<void> {
  const byKey = new Map(changes.filter(({ to }) => to === 'rejected' || to === 'conflict').map((c) => [c.idemKey, c]));
  if (byKey.size === 0) return;
  const found = await recordsBehind(tx, batch.seq, [...byKey.keys()]);
  const rows = found.flatMap((row) => {
    const change = byKey.get(row.idemKey);
    return change === undefined ? [] : [{ ...row, change }];
  });
  context.ticketOpened();
  const tickets = rows.map(({ change, ...row }) => ({
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
    faults: [toFault(batch.platform, change)],
  }));
  await quarantine(tx, tickets, context.now());
  await appendLog(
    tx,
    context.now(),
    rows.map(({ change, ...member }) => memberEntry(batch, member, change, context)),
  );
}

/** What a ticket at a platform is about: this record there. */
export const platformSubject = (platform: string, recordId: number): Buffer =>
  subjectOf('platform', platform, String(recordId));

function toFault(platform: string, { to, from, verdict, reason }: MemberChange): Fault {
  if (to === 'conflict') {
    return {
      code: 'PLATFORM_CONFLICT',
      level: 'error',
      path: '',
      zh: `接收平台 ${platform} 前后说法矛盾（先 ${from}，后 ${verdict}）：${reason ?? ''}；请与平台核对后用对账或补报处理`,
      en: `platform ${platform} contradicts itself (first ${from}, then ${verdict}); clear it with the platform, then reconcile or resync`,
    };
  }
  // Many platforms answer in words (失败): those are told in the sentence, the code stays a plain one.
  const code = /[A-Za-z0-9]/.test(verdict) ? verdict.replace(/[^A-Za-z0-9]+/g, '_').toUpperCase() : 'REJECTED';
  return {
    code: `PLATFORM_${code.slice(0, 40)}`,
    level: 'error',
    path: '',
    zh: `接收平台 ${platform} 退回：${reason}（${verdict}）；请在业务系统中更正，更正后的版本会自动再次报送`,
    en: `platform ${platform} rejected it: ${reason} (${verdict}); correct it at the bureau, the corrected version is sent by itself`,
  };
}
