import type { Command } from 'commander';
import { openHub } from '../hub-context.ts';
import { choosePeriod } from '../periods/choose-period.ts';
import { confirmDivision } from '../periods/confirm-division.ts';
import { type DutyJob, dutyJobs, periodContext } from '../periods/period-context.ts';
import { type Preview, previewPlatform } from '../periods/preview.ts';
import { comingText, nothingPending, previewTexts } from '../periods/preview-text.ts';
import { didYouMean } from '../suggest.ts';
import { actor } from './actor.ts';
import { periodName } from './argument.ts';
import type { Act, Define } from './command.ts';
import { notThere, plain, print, printJson, printTable, wrongUsage } from './print.ts';
import { readSoundSetup } from './setup.ts';

interface PreviewOptions {
  readonly platform?: string;
  readonly division?: string;
  readonly period?: string;
  readonly json?: boolean;
}

const DEFAULT = '默认最早的未结一期，没有则为下一期 (period; default: the oldest open one, else the next)';

/** `hub preview`: what leaves next time, what does not and why, per division; `hub preview confirm`: a division's yes. */
export const previewCommand: Define = (program, act) => {
  const command = program
    .command('preview')
    .description('下次报送什么、不报什么及原因，按处室 (what leaves next time, what does not, and why)')
    .option('--platform <name>', '平台 (platform)')
    .option('--division <name>', '处室 (division)')
    .option('--period <period>', `期次，${DEFAULT}`, periodName)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ platform, json, ...about }: PreviewOptions) => {
        const previews = await readPreviews(platform, about);
        if (json) printJson(previews);
        else for (const preview of previews) printPreview(preview, about.division);
        return 0;
      }),
    );
  defineConfirm(command, act);
};

async function readPreviews(
  platform: string | undefined,
  about: Pick<PreviewOptions, 'division' | 'period'>,
): Promise<Preview[]> {
  const hub = await openHub(readSoundSetup(), { console: 'off' });
  try {
    const previews: Preview[] = [];
    for (const job of chosen(dutyJobs(hub.jobs), platform)) previews.push(await previewPlatform(hub, job, about));
    return previews;
  } finally {
    await hub.close();
  }
}

function chosen(jobs: readonly DutyJob[], platform: string | undefined): readonly DutyJob[] {
  if (platform === undefined) return jobs;
  const found = jobs.filter(({ platformName }) => platformName === platform);
  if (found.length > 0) return found;
  const known = jobs.map(({ platformName }) => platformName);
  const hint = didYouMean(platform, known);
  throw notThere(
    'PLATFORM_UNKNOWN',
    `没有平台 ${platform}${hint.zh}`,
    `no platform ${platform} with a duty${hint.en}`,
    `现有平台 (platforms): ${known.join(', ')}`,
  );
}

function printPreview(preview: Preview, division: string | undefined): void {
  print(
    `\n${preview.platform}  ${preview.period} ${preview.isOpen ? '未结 open' : '下一期 next'}  报送 planned ${preview.planned} · 到期 due ${preview.due}${preview.movedBy === null ? '' : ` · ${preview.movedBy}`}`,
  );
  printStops(preview);
  if (preview.divisions.length > 0) printDivisions(preview);
  const withdrawals = preview.divisions.reduce((sum, { leaving }) => sum + leaving.withdrawals, 0);
  if (withdrawals > 0 && preview.paused === null)
    print(`  撤下的 ${withdrawals} 条不等这一期，服务运行时一分钟内送出 (withdrawals wait for no Friday)`);
  else if (withdrawals > 0)
    print(
      `  ! 撤下的 ${withdrawals} 条也停着，恢复报送后一分钟内送出 (the pause stops withdrawals too: they leave once it ends)`,
    );
  if (isIdle(preview)) print(`  ${plain(nothingPending(preview, division))}`);
  if (preview.withheld > 0 && division === undefined)
    print(
      `  另有 ${preview.withheld} 条在库而不公开，不报送 (${preview.withheld} records are kept and not for publication)`,
    );
  for (const { lines } of previewTexts([preview], 'hub preview --json'))
    for (const line of lines.filter((one) => one.startsWith('    '))) print(plain(line));
}

/** What a person stopped or must do; records of a division that has a row are named below it. */
function printStops({ paused, held, coming, extraPush, duty, divisions }: Preview): void {
  const shown = new Set(divisions.map((one) => one.division));
  if (paused !== null)
    print(
      `  ! 平台已暂停报送：${plain(paused.reason)}（${paused.kind === 'poison' ? '本系统 the hub itself' : plain(paused.actor)}），hub resume 恢复 (paused)`,
    );
  for (const { number, name, reason } of held.filter((one) => !shown.has(one.division)))
    print(`  ! 暂缓 held: ${plain(number ?? '—')} ${plain(name ?? '')}：${plain(reason)}`);
  for (const { number, name, on } of coming.filter((one) => !shown.has(one.division)))
    print(`  ! ${plain(number ?? '—')} ${plain(name ?? '—')}：${comingText(on)}`);
  if (extraPush === null) return;
  const { records, earliest, how } = extraPush;
  print(
    `  ! ${records} 条等到这一期就会超过法定期限，最早 ${earliest}；${how === 'make' ? '将自动加报' : `请加报：hub run ${duty}`} (an extra push is called for)`,
  );
}

function printDivisions({ divisions }: Preview): void {
  printTable(
    [
      '处室 division',
      '将报送 leaving',
      '撤下 withdrawn',
      '隔离 quarantined',
      '待确认 unconfirmed',
      '不属本平台 not for it',
      '从容·紧迫·迟报',
      '最早期限 earliest',
    ],
    divisions.map(({ division, leaving, staying, standing, earliestDeadline }) => [
      division,
      leaving.records,
      leaving.withdrawals,
      staying.quarantined,
      staying.unconfirmed,
      staying.notForPlatform,
      `${standing.safe}·${standing.tight}·${standing.late}`,
      earliestDeadline,
    ]),
  );
}

/** Nothing leaves, and nothing that waits could: records that this platform does not take are not its business. */
const isIdle = ({ divisions }: Preview): boolean =>
  divisions.every(({ leaving, staying }) => leaving.records + staying.quarantined + staying.unconfirmed === 0);

interface ConfirmOptions {
  readonly platform?: string;
  readonly division?: string;
  readonly period?: string;
  readonly type?: string;
  readonly reason: string;
  readonly json?: boolean;
}

function defineConfirm(group: Command, act: Act): void {
  group
    .command('confirm')
    .description('处室确认本期报送 (a division says yes to what leaves in this period)')
    .option('--type <type>', '只确认一种类型 (one record type only)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .addHelpText(
      'after',
      '\n另须 (also needed): --platform <name> --division <name>；可加 (and) --period <period> --json',
    )
    .action(
      act(async (_: unknown, command: Command) => {
        // --platform, --division, --period and --json stand on preview itself.
        const { platform, division, json, ...yes } = command.optsWithGlobals<ConfirmOptions>();
        if (platform === undefined || division === undefined)
          throw wrongUsage('须写明平台与处室', 'name the platform and the division', '加上 --platform 和 --division');
        const setup = readSoundSetup();
        const hub = await openHub(setup, { console: 'off' });
        try {
          const [job] = chosen(dutyJobs(hub.jobs), platform);
          if (job === undefined) return 2;
          const { period, isOpen } = await choosePeriod(job, periodContext(hub), yes.period);
          const fresh = await confirmDivision(hub, job, { ...yes, division, period, by: actor(setup.env) });
          if (json) printJson({ platform, period, division, type: yes.type ?? null, fresh });
          else {
            const which = isOpen ? '未结 open' : '下一期 next';
            print(`✓ ${division} ${fresh ? '已确认' : '此前已确认'} ${period}（${which}） ${platform} (confirmed)`);
            if (isOpen) print(`  → hub run ${job.name} --reason "…" (send it now)`);
          }
          return 0;
        } finally {
          await hub.close();
        }
      }),
    );
}
