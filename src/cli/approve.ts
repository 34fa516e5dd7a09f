import type { Command } from 'commander';
import { changesBehind, type ItemChange } from '../accounts/approved-setup.ts';
import { lineDiff } from '../accounts/line-diff.ts';
import { claim, decide, isNameless } from '../accounts/requests.ts';
import { listRequests, type RequestRow, readRequest } from '../store/requests.ts';
import { principalOf } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printJson, printRows, wrongUsage } from './print.ts';
import { readSetup } from './setup.ts';

/** `hub approve <request>`: the second person's yes or no; `hub approve list`: what waits for one. */
export const approveCommand: Define = (program, act) => {
  const command = program
    .command('approve')
    .argument('<request>', '申请号 (number of the request)', positive)
    .description('审批他人的申请 (decide on what somebody else asks for)')
    .option('--refuse', '不同意 (say no)')
    .option('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (id: number, { refuse, reason, json }: { refuse?: boolean; reason?: string; json?: boolean }) => {
        if (reason === undefined)
          throw wrongUsage('审批须写明理由', 'a decision has a reason', '加上 --reason "…" (add --reason)');
        return withDatabase(async ({ db, settings, env }) => {
          const now = new Date();
          const principal = await principalOf(db, { env, settings, now });
          const request = await decide(db, id, { principal, approve: refuse !== true, reason, now });
          if (json) printJson(request);
          else print(`✓ 申请 ${id}（${request.kind}）${refuse ? '未同意 refused' : '已同意 approved'}`);
          return 0;
        });
      }),
    );
  defineList(command, act);
  defineShow(command, act);
  defineClaim(command, act);
};

function defineClaim(group: Command, act: Act): void {
  group
    .command('claim')
    .argument('<request>', '申请号 (number of the request)', positive)
    .description('登录后认领未登录提出的申请，由另一人审批 (stand for a request that was asked without a log-in)')
    .option('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (id: number, _own: object, command: Command) => {
        const { reason, json } = command.optsWithGlobals<{ reason?: string; json?: boolean }>();
        if (reason === undefined)
          throw wrongUsage('认领须写明理由', 'a claim has a reason', '加上 --reason "…" (add --reason)');
        return withDatabase(async ({ db, settings, env }) => {
          const now = new Date();
          const { actor } = await principalOf(db, { env, settings, now });
          const { kind, claimedBy, ...request } = await claim(db, id, { by: actor, reason, now });
          if (json) printJson({ ...request, kind, claimedBy });
          else print(`✓ 申请 ${id}（${kind}）由 ${claimedBy} 负责，等另一人审批 (waits for another person)`);
          return 0;
        });
      }),
    );
}

/** Who stands for it; a request that was asked without a log-in says so. */
const askerOf = (request: RequestRow): string =>
  request.claimedBy ?? `${request.askedBy}${isNameless(request) ? '（未登录，待认领 to be claimed）' : ''}`;

function defineList(group: Command, act: Act): void {
  group
    .command('list')
    .description('等待审批的申请 (what waits for a decision)')
    .option('--all', '连同已决定的 (decided ones too)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (_own: object, command: Command) => {
        const { all, json } = command.optsWithGlobals<{ all?: boolean; json?: boolean }>();
        return withDatabase(async ({ db, settings }) => {
          const requests = await listRequests(db, all ? {} : { states: ['open', 'approved'] });
          printRows(requests, {
            json,
            none: '没有等待审批的申请 (nothing waits)',
            head: ['#', '事项 matter', '申请人 by', '理由 reason', '内容 detail', '状态 state', '至 until'],
            cells: (request) => [
              request.id,
              request.kind,
              askerOf(request),
              request.reason,
              sentence(request),
              request.state,
              localTime(request.expiresAt, settings.timezone),
            ],
          });
          return 0;
        });
      }),
    );
}

/** The detail in one line; the whole of it is in `--json`. */
const sentence = ({ detail }: RequestRow): string => {
  const said = Object.entries(detail).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const line = plain(said.join(' '));
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
};

function defineShow(group: Command, act: Act): void {
  group
    .command('show')
    .argument('<request>', '申请号 (number of the request)', positive)
    .description('一项申请的全部内容；改动的配置逐行显示 (all of a request; changed configuration line by line)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (id: number, _own: object, command: Command) => {
        const { json } = command.optsWithGlobals<{ json?: boolean }>();
        return withDatabase(async ({ db, settings }) => {
          const request = await readRequest(db, id);
          if (request === undefined) throw noRequest(id);
          const changes = request.kind === 'configuration' ? await changesBehind(db, readSetup(), request) : undefined;
          if (json)
            printJson({ ...request, ...(request.kind === 'configuration' ? { changes: changes ?? null } : {}) });
          else tellRequest(request, changes, settings.timezone);
          return 0;
        });
      }),
    );
}

function tellRequest(request: RequestRow, changes: readonly ItemChange[] | undefined, timezone: string): void {
  print(
    `#${request.id}  ${request.kind}  [${request.state}]  ${plain(askerOf(request))}: ${plain(request.claimReason ?? request.reason)}`,
  );
  print(`  至 until  ${localTime(request.expiresAt, timezone)}`);
  if (request.decidedBy !== null)
    print(`  决定 by   ${plain(request.decidedBy)}: ${plain(request.decisionReason ?? '')}`);
  if (request.kind !== 'configuration') {
    for (const [name, value] of Object.entries(request.detail)) print(`  ${name}  ${plain(JSON.stringify(value))}`);
    return;
  }
  if (changes === undefined)
    print('  本机的文件已不是申请时的样子 (the files here are no longer those of the request)');
  for (const { name, before, after } of changes ?? []) {
    print(`--- ${plain(name)}${before === undefined ? '（新增 new）' : after === undefined ? '（删除 gone）' : ''}`);
    for (const { mark, text } of lineDiff(before ?? '', after ?? '')) print(`${mark} ${plain(text)}`);
  }
}

const noRequest = (id: number) =>
  wrongUsage(`没有申请 ${id}`, `there is no request ${id}`, '用 hub approve list 查看 (see hub approve list)');
