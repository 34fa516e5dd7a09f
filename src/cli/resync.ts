import { waitingFor } from '../accounts/requests.ts';
import { openHub } from '../hub-context.ts';
import type { Preview } from '../resync/preview.ts';
import { type Resynced, resync } from '../resync/resync.ts';
import type { Selection } from '../resync/selection.ts';
import { actor } from './actor.ts';
import { localDate } from './argument.ts';
import type { Define } from './command.ts';
import { complain, plain, print, printJson, printTable } from './print.ts';
import { printReport } from './run.ts';
import { readSoundSetup } from './setup.ts';
import { untilSignal } from './signal.ts';

interface Options {
  readonly platform: string;
  readonly type?: string[];
  readonly key?: string[];
  readonly since?: string;
  readonly until?: string;
  readonly failed?: boolean;
  readonly again?: boolean;
  readonly anew?: boolean;
  readonly reason: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `hub resync`: gives a platform what is selected, with a preview. Exit 1 when it failed or waits for a second person. */
export const resyncCommand: Define = (program, act) => {
  program
    .command('resync')
    .description('手工重报：先预览，按需第二人审批 (send again by hand: preview first, a second person where needed)')
    .requiredOption('--platform <name>', '哪个平台 (which platform)')
    .option('--type <type...>', '记录类型，可写 licence/* (record types or patterns)')
    .option('--key <key...>', '业务主键、编号、信用代码或名称 (record keys, numbers, credit codes or names)')
    .option('--since <date>', '自此日起入库的，含当日 (taken in from this day on)', localDate)
    .option('--until <date>', '至此日入库的，含当日 (up to and with this day)', localDate)
    .option('--failed', '只报退回、矛盾的 (only what was refused or contradicted)')
    .option('--again', '平台已有的也再报，须审批 (what it has already too; needs approval)')
    .option('--anew', '刚刚做过的同一命令再做一次 (the same command of a moment ago once more)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--dry-run', '只预览 (preview only)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act(run));
};

const WAIT_MS = 120_000;

async function run(options: Options): Promise<number> {
  const setup = readSoundSetup();
  const hub = await openHub(setup, options.json ? { console: 'off' } : {});
  try {
    const { reason, dryRun = false, anew = false } = options;
    const by = actor(setup.env);
    const done = await untilSignal((signal) =>
      resync(hub, selectionOf(options), { by, reason, dryRun, anew, signal, waitMs: WAIT_MS }),
    );
    if (options.json) printJson(toJson(done));
    else tellResult(done);
    return done.outcome === 'waiting' || (done.outcome === 'sent' && done.report.state !== 'done') ? 1 : 0;
  } finally {
    await hub.close();
  }
}

const selectionOf = ({ platform, type, key, since, until, failed, again }: Options): Selection => ({
  platform,
  types: type ?? [],
  keys: key ?? [],
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
  failedOnly: failed ?? false,
  again: again ?? false,
});

function toJson(done: Resynced): object {
  const { outcome } = done;
  const shown = 'preview' in done && done.preview !== undefined ? previewJson(done.preview) : {};
  if (outcome === 'repeated') return { outcome, resync: done.resync };
  if (outcome === 'sent') return { outcome, resync: done.resync, ...shown, report: done.report };
  return { outcome, ...shown, causes: done.causes, ...(outcome === 'waiting' ? { request: done.request } : {}) };
}

const previewJson = ({ counts, recordIds, otherContent, digest, examples }: Preview) => ({
  preview: { sends: recordIds.length, counts, otherContent, content: digest, examples },
});

function tellResult(done: Resynced): void {
  if (done.outcome === 'repeated') {
    const { id, state, actor: by } = done.resync;
    print(`✓ 同一命令已是重报 #${id}（${state}，${by}），不再重复 (that command is resync #${id} already)`);
    return;
  }
  if (done.preview !== undefined) tellPreview(done.preview);
  if (done.outcome === 'sent') {
    print(`重报 #${done.resync} (resync)`);
    printReport(done.report);
    return;
  }
  if (done.outcome === 'nothing')
    print('没有可报的；平台已有的要再报请加 --again (nothing to send; --again sends what it has already)');
  for (const cause of done.causes) print(`  须第二人审批 needs a second person: ${cause}`);
  if (done.outcome !== 'waiting') return;
  const { message, fix } = waitingFor(done.request);
  complain(plain(message));
  complain(`  → ${plain(fix)}`);
}

function tellPreview({ counts, recordIds, examples }: Preview): void {
  const said = Object.entries(counts).filter(([, count]) => count > 0);
  print(
    `将报 ${recordIds.length} 条 (to be sent): ${said.map(([name, count]) => `${WORDS[name] ?? name} ${count}`).join(' · ')}`,
  );
  if (examples.length === 0) return;
  printTable(
    ['状态 standing', '编号 number', '名称 name', '版本 version', '次 rendition'],
    examples.map((one) => [WORDS[one.standing] ?? one.standing, one.number, one.name, one.version, one.rendition]),
  );
}

const WORDS: { readonly [standing: string]: string } = {
  new: '新增 new',
  changed: '变更 changed',
  withdrawn: '撤下 withdrawn',
  failed: '曾失败 failed',
  unchanged: '未变 unchanged',
  underWay: '在途 under way',
  held: '待人工 held',
  notShown: '不公开 not shown',
  faulty: '不合格 faulty',
};
