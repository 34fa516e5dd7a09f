import type { Command } from 'commander';
import { stop } from '../push/stop.ts';
import { listRuns, type RunRow } from '../store/runs.ts';
import { actor } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { withDatabase } from './open.ts';
import { localTime, print, printRows } from './print.ts';
import { countWords, REHEARSED } from './run.ts';

/** `hub runs`: what ran, newest first. */
export const runsCommand: Define = (program, act) => {
  const command = program
    .command('runs')
    .description('最近的运行 (recent runs, newest first)')
    .option('--job <name>', '只看一个作业 (of one job)')
    .option('--limit <n>', '最多几条 (at most)', positive, 20)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ job, limit, json }: { job?: string; limit: number; json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
          await refuseUnknown(db, { job });
          printRows(await listRuns(db, { limit, ...(job === undefined ? {} : { job }) }), {
            json,
            none: '还没有运行过 (nothing has run yet)',
            head: ['运行 run', '作业 job', '开始 started', '结束 ended', '状态 state', '结果 result'],
            cells: (row) => [
              row.id,
              row.job,
              localTime(row.startedAt, settings.timezone),
              localTime(row.endedAt, settings.timezone),
              row.state,
              resultOf(row),
            ],
          });
          return 0;
        }),
      ),
    );
  stopRunCommand(command, act);
};

function stopRunCommand(group: Command, act: Act): void {
  group
    .command('stop <run>')
    .description('停止一次进行中的运行：在途的一批会有结果，其后不再开始 (stop a run before its next batch or page)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .action(
      act(async (run: string, { reason }: { reason: string }) =>
        withDatabase(async ({ db, env }) => {
          await stop(db, positive(run), { actor: actor(env), reason, now: new Date() });
          print(`✓ 运行 ${run} 将停下 (run ${run} comes to a stop)`);
          return 0;
        }),
      ),
    );
}

/** The counts of a report in one line, or why it failed. */
function resultOf({ report, reason }: RunRow): string {
  const { counts, dryRun, goesOnAfter, error } = (report ?? {}) as {
    dryRun?: boolean;
    goesOnAfter?: number;
    counts?: { [name: string]: number };
    error?: { code: string; message: string };
  };
  const said = countWords(counts ?? {}, 'short');
  if (goesOnAfter !== undefined) said.push(`接着中断处，此前已读 ${goesOnAfter} (goes on after ${goesOnAfter})`);
  return [dryRun && REHEARSED, said.join(' · '), error && `${error.code}: ${error.message}`, reason]
    .filter(Boolean)
    .join(' | ');
}
