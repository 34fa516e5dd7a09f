import { checkOverdue } from './check-overdue.ts';
import type { Define } from './command.ts';
import { complain, faultLine, print, printJson } from './print.ts';
import { readSetup } from './setup.ts';

/** `hub check`: settings, schemas and jobs, samples included; every fault at once, each with its line. Exit 78 on any. */
export const checkCommand: Define = (program, act) => {
  program
    .command('check')
    .description('检查设置、模式与作业，列出全部问题 (check settings, schemas and jobs; list every fault)')
    .option(
      '--overdue',
      '只看有无逾期与静默，供系统定时任务调用 (only: is anything overdue or silent; for the system cron)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json, overdue }: { json?: boolean; overdue?: boolean }) => {
        if (overdue) return checkOverdue(json ?? false);
        const { faults, ...setup } = readSetup();
        const { jobs, types, forms, settings } = setup;
        const held = settings.approvals ? await (await import('./check-held.ts')).readHeld(setup) : undefined;
        const good = faults.length === 0;
        const counts = { jobs: jobs.length, types: types.size, forms: forms.size };
        if (json) {
          printJson({ good, ...counts, faults, ...(settings.approvals ? { held: held ?? null } : {}) });
        } else if (good) {
          print(
            `✓ 设置无误 (all good): 作业 jobs ${counts.jobs} · 记录类型 record types ${counts.types} · 报送版式 outbound forms ${counts.forms}`,
          );
        } else {
          complain(`${faults.length} 处设置错误 (${faults.length} set-up faults)`);
          for (const fault of faults) complain(`  ${faultLine(fault)}`);
        }
        if (held !== undefined && !json) (await import('./check-held.ts')).tellHeld(held);
        return good ? 0 : 78;
      }),
    );
};
