import { listBatches } from '../store/outbox.ts';
import { positive } from './argument.ts';
import type { Define } from './command.ts';
import { withDatabase } from './open.ts';
import { localTime, printRows } from './print.ts';

/** `hub batches`: what was sent together, with the platform's receipt. */
export const batchesCommand: Define = (program, act) => {
  program
    .command('batches')
    .description('报送批次与回执，最新在前 (batches and receipts, newest first)')
    .option('--platform <name>', '只看一个平台 (of one platform)')
    .option('--limit <n>', '最多几条 (at most)', positive, 50)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ platform, limit, json }: { platform?: string; limit: number; json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
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
};
