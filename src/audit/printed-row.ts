import type { PackBatchRow, PackMemberRow } from '../store/evidence-rows.ts';

/** One line of the printed 报送台账. */
export interface PrintedRow {
  readonly platform: string;
  readonly type: string;
  readonly number: string;
  readonly name: string;
  readonly creditCode: string;
  readonly version: number;
  readonly operation: string;
  readonly state: string;
  readonly verdict: string;
  readonly sentAt: string;
  readonly receiptId: string;
  readonly batch: string;
}

/** What stands above the lines, and who took them out. */
export interface PrintedHead {
  readonly title: string;
  readonly scope: string;
  readonly origin: string;
  readonly size: number;
  readonly root: string;
  /** Actor and local time of the export: the watermark. */
  readonly takenBy: string;
  readonly takenAt: string;
  readonly instant: Date;
}

/** Writes the lines somewhere, one after the other. */
export interface LedgerPrinter {
  add(row: PrintedRow): Promise<void>;
  end(): Promise<void>;
}

const OPERATIONS: { readonly [operation: string]: string } = { UPSERT: '报送 U', WITHDRAW: '撤下 D' };
const STATES: { readonly [state: string]: string } = {
  open: '未答复 open',
  accepted: '已接收 accepted',
  rejected: '退回 rejected',
  conflict: '冲突 conflict',
  superseded: '已被取代 superseded',
  cancelled: '已取消 cancelled',
};

export function printedRow(
  member: PackMemberRow,
  batch: PackBatchRow,
  {
    row,
    state,
    localTime,
  }: { readonly row: number; readonly state: string; readonly localTime: (at: string) => string },
): PrintedRow {
  const { type, creditCode, version, operation, verdict, reason } = member;
  return {
    platform: batch.platform,
    type,
    number: member.number ?? '',
    name: printedName(member),
    creditCode: creditCode ?? '',
    version,
    operation: OPERATIONS[operation] ?? operation,
    state: STATES[state] ?? state,
    verdict: [verdict, reason].filter(Boolean).join('：'),
    sentAt: batch.sentAt === null ? '' : localTime(batch.sentAt),
    receiptId: batch.receiptId ?? '',
    batch: `${batch.id.slice(0, 12)} · ${row}`,
  };
}

/** Whoever has no credit code may be a person: 张** (domain: privacy of natural persons). The exact bytes say who. */
export const printedName = ({ name, creditCode }: Pick<PackMemberRow, 'name' | 'creditCode'>): string =>
  name === null || creditCode !== null ? (name ?? '') : `${Array.from(name)[0] ?? ''}**`;
