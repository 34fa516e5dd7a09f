import type { Command } from 'commander';
import { changesBehind, type ItemChange, letInApproved } from '../accounts/approved-setup.ts';
import { lineDiff } from '../accounts/line-diff.ts';
import { claim, decide } from '../accounts/requests.ts';
import { listRequests, type RequestRow, readRequest } from '../store/requests.ts';
import { principalOf } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { withDatabase } from './open.ts';
import { notThere, plain, print, printJson, wrongUsage } from './print.ts';
import { nextStep, requestLines } from './request-text.ts';
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
          const decided = await decide(db, id, { principal, approve: refuse !== true, reason, now });
          const asks = decided.state === 'approved' && decided.kind === 'configuration';
          const inForce =
            asks && (await letInApproved(db, readSetup(), { request: decided, by: principal.actor, now }));
          const request = (await readRequest(db, id)) ?? decided;
          if (json) printJson({ ...request, ...(asks ? { inForce } : {}) });
          else {
            print(`✓ 申请 ${id}（${request.kind}）${refuse ? '未同意 refused' : '已同意 approved'}`);
            if (asks) print(`  ${inForce ? IN_FORCE : NOT_YET}`);
          }
          return 0;
        });
      }),
    );
  defineList(command, act);
  defineShow(command, act);
  defineClaim(command, act);
};

const IN_FORCE =
  '改后的配置已生效：下次运行即用；运行中的服务一分钟内采用新日历，其余在重启后采用 (in force: the next run uses it; a running service takes a calendar within a minute, all else when it starts again)';
const NOT_YET =
  '本机的文件已不是申请时的样子，或有错误，因此尚未生效；见 hub check (not in force: the files here are no longer those of the request, or faulty)';

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
          if (json) printJson(requests);
          else if (requests.length === 0) print('没有等待审批的申请 (nothing waits)');
          else for (const request of requests) tellWaiting(request, settings.timezone);
          return 0;
        });
      }),
    );
}

function tellWaiting(request: RequestRow, timezone: string): void {
  for (const line of requestLines(request, timezone)) print(plain(line));
  if (request.state === 'open' || request.state === 'approved') print(`  详情 more   hub approve show ${request.id}`);
  const next = nextStep(request);
  if (next !== undefined) print(`  → ${next}`);
}

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
  for (const line of requestLines(request, timezone)) print(plain(line));
  if (request.kind !== 'configuration') {
    for (const [name, value] of Object.entries(request.detail)) print(`  ${name}  ${plain(JSON.stringify(value))}`);
    return;
  }
  if (changes === undefined && (request.state === 'open' || request.state === 'approved'))
    print('  本机的文件已不是申请时的样子 (the files here are no longer those of the request)');
  for (const { name, before, after } of changes ?? []) {
    print(`--- ${plain(name)}${before === undefined ? '（新增 new）' : after === undefined ? '（删除 gone）' : ''}`);
    for (const { mark, text } of lineDiff(before ?? '', after ?? '')) print(`${mark} ${plain(text)}`);
  }
}

const noRequest = (id: number) =>
  notThere(
    'APPROVAL_UNKNOWN',
    `没有申请 ${id}`,
    `there is no request ${id}`,
    '用 hub approve list 查看 (see hub approve list)',
  );
