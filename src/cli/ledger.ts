import { findRecords, type LedgerRow, ledgerOf, type RecordRow } from '../store/ledger.ts';
import type { Define } from './command.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printJson, printTable } from './print.ts';

/** `hub ledger <key>`: versions × platforms × receipts: who has been told what about this record, and when. */
export const ledgerCommand: Define = (program, act) => {
  program
    .command('ledger <key>')
    .description(
      '报送台账：按许可证号、文书号、信用代码、名称或业务主键查 (by number, credit code, name or record key)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (key: string, { json }: { json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
          const found = await findRecords(db, key.trim());
          const ledgers: RecordLedger[] = [];
          for (const record of found) ledgers.push({ ...record, ledger: await ledgerOf(db, record.id) });
          if (json) printJson(ledgers);
          else if (ledgers.length === 0)
            print(`证照库里没有 ${plain(key)} (not in the library)；也可查 hub quarantine list`);
          else for (const record of ledgers) printLedger(record, settings.timezone);
          return ledgers.length > 0 ? 0 : 1;
        }),
      ),
    );
};

interface RecordLedger extends RecordRow {
  readonly ledger: readonly LedgerRow[];
}

function printLedger(record: RecordLedger, timezone: string): void {
  print(`${plain(record.number ?? '—')}  ${plain(record.name ?? '—')}  ${record.creditCode ?? ''}`);
  print(`${record.type} · ${record.authority} · ${record.job} · 主键 key ${record.key}`);
  printTable(
    [
      '版本 version',
      '操作 operation',
      '入库 kept',
      '平台 platform',
      '结果 state',
      '答复 verdict',
      '发出 sent',
      '回执 receipt',
      '批次 batch',
    ],
    record.ledger.map((row) => [
      row.version,
      row.operation,
      localTime(row.createdAt, timezone),
      row.platform,
      row.state,
      [row.verdict, row.verdictReason].filter(Boolean).join('：'),
      localTime(row.sentAt, timezone),
      row.receiptId,
      row.batchId?.slice(0, 12),
    ]),
  );
  print();
}
