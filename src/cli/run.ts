import { SingleBar } from 'cli-progress';
import { confirmShrink } from '../accounts/source-approvals.ts';
import { type Hub, openHub } from '../hub-context.ts';
import { runJob } from '../run-job.ts';
import type { RunReport } from '../run-report.ts';
import { didYouMean } from '../suggest.ts';
import { actor } from './actor.ts';
import { localDate } from './argument.ts';
import type { Define } from './command.ts';
import { complain, notThere, plain, print, printJson, wrongUsage } from './print.ts';
import { readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';

interface RunOptions {
  readonly dryRun?: boolean;
  readonly since?: string;
  readonly until?: string;
  readonly reason?: string;
  readonly acceptShrink?: boolean;
  readonly json?: boolean;
}

/** `hub run <job…>`: runs jobs now, one after the other. Exit 1 when one of them did not end well. */
export const runCommand: Define = (program, act) => {
  program
    .command('run <job...>')
    .description('立即运行作业；all 为全部，先归集后报送 (run jobs now; `all`: every job, pulls first)')
    .option('--dry-run', '只看会怎样，不写库、不发送 (write nothing, send nothing)')
    .option('--since <date>', '归集：重读自此日起的数据 (pull: read again from this day)', localDate)
    .option('--until <date>', '归集：到此日为止 (pull: up to this day)', localDate)
    .option('--reason <text>', '为何手工运行，写入日志 (why by hand; goes into the log)')
    .option('--accept-shrink', '确认来源变少属实 (confirm that the source really has fewer records)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act(run));
};

async function run(names: string[], { json, ...options }: RunOptions): Promise<number> {
  const setup = readSoundSetup();
  const hub = await openHub(setup);
  try {
    const jobs = chosen(names, hub.jobs);
    refuseRange(jobs, options, hub.jobs);
    const by = actor(setup.env);
    if (options.acceptShrink) await confirmShrinks(hub, jobs, { ...options, by });
    const reports: RunReport[] = [];
    for (const job of jobs) {
      const bar = json ? undefined : progressBar(job);
      const report = await untilSignal((signal) =>
        runJob(hub, job, {
          ...options,
          by,
          signal,
          onProgress: (done: number, total?: number) => bar?.at(done, total),
        }),
      );
      bar?.stop();
      if (!json) printReport(report);
      reports.push(report);
    }
    if (json) printJson(reports);
    return reports.every(({ state }) => state === 'done') ? 0 : 1;
  } finally {
    await hub.close();
  }
}

/** `--since` and `--until` are for pulls; what was sent is sent again by `hub resync`. */
function refuseRange(names: readonly string[], { since, until }: RunOptions, jobs: Hub['jobs']): void {
  if (since === undefined && until === undefined) return;
  if (since !== undefined && until !== undefined && since > until) {
    throw wrongUsage(
      `--since ${since} 晚于 --until ${until}`,
      `--since ${since} is after --until ${until}`,
      '把两个日期对调 (swap the dates)',
    );
  }
  const push = jobs.find(({ kind, name }) => kind === 'push' && names.includes(name));
  if (push?.kind !== 'push') return;
  throw wrongUsage(
    `${push.name} 是报送作业，--since、--until 只用于归集`,
    `${push.name} is a push; --since and --until are for pulls`,
    `重报用 hub resync --platform ${push.platformName} --since … (send again with hub resync)`,
  );
}

/** With HUB_APPROVALS=on a second person confirms what shrank; without, the reason is enough. */
async function confirmShrinks(
  { db, jobs, settings, now }: Hub,
  names: readonly string[],
  { by, reason, dryRun }: RunOptions & { readonly by: string },
): Promise<void> {
  if (reason === undefined) {
    throw wrongUsage('确认变少须写明理由', 'a shrink is confirmed with a reason', '加上 --reason "…" (add --reason)');
  }
  if (!settings.approvals || dryRun) return;
  const pulls = jobs.filter(({ kind, name }) => kind === 'pull' && names.includes(name));
  for (const { name } of pulls) await confirmShrink(db, name, { by, reason, now: now() });
}

function chosen(names: readonly string[], jobs: readonly { readonly name: string; readonly kind: string }[]): string[] {
  const known = jobs.map(({ name }) => name);
  if (names.length === 1 && names[0] === 'all') {
    return jobs.toSorted((a, b) => Number(a.kind === 'push') - Number(b.kind === 'push')).map(({ name }) => name);
  }
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return [...names];
  const hint = didYouMean(unknown, known);
  throw notThere(
    'JOB_UNKNOWN',
    `没有作业 ${unknown}${hint.zh}`,
    `there is no job ${unknown}${hint.en}`,
    known.length > 0
      ? `现有作业 (jobs): ${known.join(', ')}`
      : '作业文件夹是空的，见 HUB_JOBS_DIR (no jobs, see HUB_JOBS_DIR)',
  );
}

/** Only on a terminal: a log file has no use for a moving bar. */
function progressBar(job: string): { at(done: number, total?: number): void; stop(): void } | undefined {
  if (!process.stderr.isTTY) return undefined;
  const bar = new SingleBar({
    format: `${job} [{bar}] {value} / {total} · {duration_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(0, 0);
  return {
    at: (done: number, total?: number) => {
      bar.setTotal(Math.max(total ?? 0, done));
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

/** One line per run, and what to do where it did not end well. */
export function printReport(report: RunReport): void {
  const { run, job, state, counts, error } = report;
  const said = countWords(counts);
  const rehearsed = report.dryRun ? `（${REHEARSED}）` : '';
  print(`${state === 'done' ? '✓' : '✗'} ${job} #${run} ${state}${rehearsed}: ${said.join(' · ')}`);
  if (report.kind === 'pull' && report.goesOnAfter !== undefined)
    print(
      `  接着中断的全量归集，此前已读 ${report.goesOnAfter} 条 (goes on after the ${report.goesOnAfter} rows of an interrupted run)`,
    );
  if (error === undefined) return;
  complain(`  ${plain(error.message)} [${error.code}]`);
  complain(`  → ${plain(error.fix)}`);
}

/** What a run is called that wrote and sent nothing. */
export const REHEARSED = '试运行，未写库、未发送 rehearsal';

/** Counts of a run in the words of both languages, in the order of the report; `short`: what was found, and of the rest what is not nothing. */
export const countWords = (counts: object, short?: 'short'): string[] =>
  Object.entries(counts)
    .filter(([name, count]) => short === undefined || count !== 0 || name === 'read' || name === 'pending')
    .map(([name, count]) => `${WORDS[name] ?? name} ${count}`);

const WORDS: { readonly [count: string]: string } = {
  read: '读到 read',
  accepted: '接受 accepted',
  unchanged: '未变 unchanged',
  quarantined: '隔离 quarantined',
  pending: '待报 pending',
  notForPlatform: '不属本平台 not for it',
  withheld: '不公开 not public',
  unconfirmed: '未确认 unconfirmed',
  sealed: '封装 sealed',
  rejected: '退回 rejected',
  withdrawn: '撤下 withdrawn',
  batches: '批次 batches',
  unsettled: '未结 unsettled',
  held: '待人工 held',
};
