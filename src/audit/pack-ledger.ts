import { join } from 'node:path';
import type { PackBatchRow } from '../store/evidence-rows.ts';
import type { PackHead } from './covering-head.ts';
import { openLedgerPdf } from './ledger-pdf.ts';
import { openLedgerXlsx } from './ledger-xlsx.ts';
import type { PackMember } from './pack-batch.ts';
import type { ResolvedScope } from './pack-scope.ts';
import type { PackSink } from './pack-sink.ts';
import { type PrintedHead, printedRow } from './printed-row.ts';

interface PackLedger {
  readonly sink: PackSink;
  readonly head: PackHead;
  /** A folder for files that are not finished yet. */
  readonly work: string;
  readonly timezone: string;
  readonly actor: string;
  readonly now: () => Date;
}

/** The printable 报送台账 of a pack, as PDF and as a workbook, both line by line. */
export function openPackLedger(scope: ResolvedScope, context: PackLedger) {
  const { sink, work, timezone } = context;
  const localTime = localTimeIn(timezone);
  const head = printedHead(scope, context, localTime);
  const printers = [
    { path: 'ledger.pdf', printer: openLedgerPdf(join(work, 'ledger.pdf'), head) },
    { path: 'ledger.xlsx', printer: openLedgerXlsx(join(work, 'ledger.xlsx'), head) },
  ];
  return {
    print: async (batch: PackBatchRow, members: readonly PackMember[]): Promise<void> => {
      for (const member of members) {
        const { row, standing: state, recordId } = member;
        if (state === 'split' || (scope.records !== undefined && !scope.records.has(recordId))) continue;
        const line = printedRow(member, batch, { row, state, localTime });
        for (const { printer } of printers) await printer.add(line);
      }
    },
    end: async (): Promise<void> => {
      for (const { printer } of printers) await printer.end();
      for (const { path } of printers) await sink.take(path, join(work, path));
    },
  };
}

function printedHead(
  { kind, value, platform }: ResolvedScope,
  { head, actor, now }: PackLedger,
  localTime: (at: string) => string,
): PrintedHead {
  return {
    title: '报送台账 delivery ledger',
    scope: [kind, value, platform].filter(Boolean).join(' '),
    origin: head.origin,
    size: head.size,
    root: head.note.split('\n')[2] ?? '',
    takenBy: actor,
    takenAt: localTime(now().toISOString()),
    instant: now(),
  };
}

/** `2026-11-27 09:00` of a zone. */
function localTimeIn(timeZone: string): (at: string) => string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return (at) => format.format(new Date(at));
}
