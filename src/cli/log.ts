import { listLog } from '../store/log.ts';
import { positive } from './argument.ts';
import type { Define } from './command.ts';
import { defineLogExport } from './log-export.ts';
import { logHead } from './log-head.ts';
import { logProve } from './log-prove.ts';
import { defineLogPrune } from './log-prune.ts';
import { logVerify } from './log-verify.ts';
import { noteRead } from './note-read.ts';
import { oneBatch } from './one-batch.ts';
import { withDatabase } from './open.ts';
import { localTime, printRows } from './print.ts';

/** `hub log`: the delivery log, newest first; its head, its verification, its proofs. */
export const logCommand: Define = (program, act) => {
  const log = program
    .command('log')
    .description('报送日志，最新在前 (the delivery log, newest first)')
    .option('--batch <id>', '只看一个批次 (of one batch)')
    .option('--limit <n>', '最多几条 (at most)', positive, 50)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ batch, limit, json }: { batch?: string; limit: number; json?: boolean }) =>
        withDatabase(async ({ db, settings, env }) => {
          const batchId = batch === undefined ? undefined : (await oneBatch(db, batch)).id;
          await noteRead(db, env, { detail: { what: 'log', batch: batchId ?? null } });
          printRows(await listLog(db, { limit, ...(batchId === undefined ? {} : { batchId }) }), {
            json,
            none: '日志还是空的 (the log is empty)',
            head: ['#', '时间 at', '谁 who', '事 what', '平台 platform', '批次 batch', '详情 detail'],
            cells: (line) => [
              line.index,
              localTime(line.at, settings.timezone),
              line.actor,
              line.action,
              line.platform,
              line.batchId?.slice(0, 8),
              JSON.stringify(line.detail),
            ],
          });
          return 0;
        }),
      ),
    );
  defineLogExport(log, act);
  defineLogPrune(log, act);
  for (const define of [logHead, logVerify, logProve]) define(log, act);
};
