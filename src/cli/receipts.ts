import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { confirmUpload } from '../carry/confirm-upload.ts';
import { type ImportedReceipt, importReceipts } from '../carry/receipts-import.ts';
import { waitingPackages } from '../store/carried-packages.ts';
import type { Act, Define } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { withDatabase } from './open.ts';
import { localTime, notThere, plain, print, printJson, printRows } from './print.ts';
import { type After, followUp, withPlatform } from './push-platform.ts';

/** `hub receipts waiting|confirm|import`: what people carry to platforms, and what they bring back. */
export const receiptsCommand: Define = (program, act) => {
  const group = program
    .command('receipts')
    .description('人工传递的文件与带回的回执 (files that people carry, and the receipts they bring back)');
  defineWaiting(group, act);
  defineConfirm(group, act);
  defineImport(group, act);
};

function defineWaiting(group: Command, act: Act): void {
  group
    .command('waiting')
    .description('已备好、尚无最终回执的文件 (files that lie ready or wait for their receipt)')
    .option('--platform <name>', '只看一个平台 (of one platform)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ platform, json }: { platform?: string; json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
          await refuseUnknown(db, { platform });
          printRows(await waitingPackages(db, platform), {
            json,
            none: '没有待传递的文件 (nothing waits to be carried)',
            head: ['平台 platform', '编号 no.', '文件 file', '批次 batch', '状态 state', '备好 ready since'],
            cells: ({ lane, number, name, batchId, state, writtenAt }) => [
              ...[lane, number, name, batchId?.slice(0, 12), state],
              localTime(writtenAt, settings.timezone),
            ],
          });
          return 0;
        }),
      ),
    );
}

interface Chosen {
  readonly platform: string;
  readonly reason: string;
  readonly batch?: string;
  readonly json?: boolean;
}

function defineConfirm(group: Command, act: Act): void {
  group
    .command('confirm <file...>')
    .description('确认文件已上传或交出 (say that files were uploaded or handed over; names or batch ids)')
    .requiredOption('--platform <name>', '平台 (platform)')
    .requiredOption('--reason <text>', '说明，写入日志 (how; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (files: string[], { platform, reason, json }: Chosen) =>
        withPlatform(platform, async (hub, job, by) => {
          const batches: string[] = [];
          for (const which of files) batches.push((await confirmUpload(hub, job, { which, actor: by, reason })).id);
          const after = await followUp(hub, job, { by, reason, batches });
          if (json) printJson(after);
          else for (const { id, state } of after) print(`${id.slice(0, 12)} → ${state}`);
          return 0;
        }),
      ),
    );
}

function defineImport(group: Command, act: Act): void {
  group
    .command('import <file>')
    .description('导入人工带回的回执文件：XLSX、CSV、JSON、XML 或其 zip (take back a receipt file)')
    .requiredOption('--platform <name>', '平台 (platform)')
    .requiredOption('--reason <text>', '来历，写入日志 (where it comes from; goes into the log)')
    .option('--batch <id>', '回执所属批次，文件中未写明时 (the batch that it is about, where it does not say)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (file: string, { platform, reason, batch, json }: Chosen) =>
        withPlatform(platform, async (hub, job, by) => {
          const given = { name: basename(file), bytes: bytesOf(file), batch, actor: by, reason };
          const receipts = await importReceipts(hub, job, given);
          const batches = receipts.flatMap(({ batchId }) => batchId ?? []);
          const after = await followUp(hub, job, { by, reason, batches });
          if (json) printJson({ receipts, batches: after });
          else printImported(receipts, after);
          return receipts.every(({ batchId }) => batchId !== null) ? 0 : 1;
        }),
      ),
    );
}

const MOST_BYTES = 32 << 20;

function bytesOf(file: string): Buffer {
  const seen = statSync(file, { throwIfNoEntry: false });
  if (seen?.isFile() && seen.size <= MOST_BYTES) return readFileSync(file);
  throw notThere(
    'FILE_MISSING',
    `没有文件 ${file}，或超过 32 MiB`,
    `there is no file ${file}, or it is larger than 32 MiB`,
    '请写出回执文件的路径 (give the path of the receipt)',
  );
}

function printImported(receipts: readonly ImportedReceipt[], after: readonly After[]): void {
  for (const { batchId, level, rows, repeated } of receipts) {
    const state = after.find(({ id }) => id === batchId);
    if (batchId === null)
      print(`✗ ${rows} 行不属于任何已报记录，已留存待查 (rows fit nothing that was sent; kept for a person)`);
    else
      print(
        `✓ ${batchId.slice(0, 12)}  ${level} 级 (level)  ${rows} 行 (rows)${repeated ? '  曾导入 (imported before)' : ''} → ${state?.state ?? '—'} ${plain(state?.reason ?? '')}`.trimEnd(),
      );
  }
}
