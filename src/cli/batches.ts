import { listAttempts } from '../store/attempts.ts';
import type { Db } from '../store/database.ts';
import { listBatches } from '../store/outbox.ts';
import { positive } from './argument.ts';
import { printStops } from './batch-stops.ts';
import type { Define } from './command.ts';
import { decideBatchCommands } from './decide-batch.ts';
import { refuseUnknown } from './known-names.ts';
import { oneBatch } from './one-batch.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printJson, printRows } from './print.ts';

/** `hub batches`: what was sent together, with the platform's receipt. */
export const batchesCommand: Define = (program, act) => {
  const command = program
    .command('batches [id]')
    .description(
      '报送批次与回执，最新在前；给出批次号则列出每次发送与查询 (batches and receipts, newest first; with an id: every send and query)',
    )
    .option('--platform <name>', '只看一个平台 (of one platform)')
    .option('--limit <n>', '最多几条 (at most)', positive, 50)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(
        async (
          id: string | undefined,
          { platform, limit, json }: { platform?: string; limit: number; json?: boolean },
        ) =>
          withDatabase(async ({ db, settings }) => {
            if (id !== undefined) return showBatch(db, id, { json, timezone: settings.timezone });
            await refuseUnknown(db, { platform });
            if (!json) await printStops(db, settings.timezone);
            printRows(await listBatches(db, { limit, ...(platform === undefined ? {} : { platform }) }), {
              json,
              none: '还没有报送过批次 (no batch has been sealed yet)',
              head: [
                '批次 batch',
                '平台 platform',
                '版式 form',
                '条数 records',
                '状态 state',
                '发出 sent',
                '回执 receipt',
                '原因 reason',
              ],
              cells: (batch) => [
                batch.id.slice(0, 12),
                batch.platform,
                batch.form,
                batch.members,
                batch.state,
                localTime(batch.sentAt, settings.timezone),
                batch.receiptId,
                batch.reason,
              ],
            });
            return 0;
          }),
      ),
    );
  decideBatchCommands(command, act);
};

async function showBatch(
  db: Db,
  id: string,
  { json, timezone }: { json: boolean | undefined; timezone: string },
): Promise<number> {
  const batch = await oneBatch(db, id);
  const attempts = await listAttempts(db, batch.id);
  if (json) {
    printJson({ ...batch, attempts });
    return 0;
  }
  print(`${batch.id}  ${batch.platform}  ${batch.form}  ${batch.members} 条 records  [${batch.state}]`);
  if (batch.receiptId !== null) print(`  回执 receipt  ${plain(batch.receiptId)}`);
  if (batch.reason !== null) print(`  原因 reason   ${plain(batch.reason)}`);
  print(`  正文 body     SHA-256 ${batch.bodyDigest}`);
  for (const { action, startedAt, outcome, status, reason } of attempts) {
    const said = [
      localTime(startedAt, timezone),
      action,
      outcome ?? '未完 unfinished',
      status ?? '',
      plain(reason ?? ''),
    ];
    print(`  ${said.join('  ').trimEnd()}`);
  }
  return 0;
}
