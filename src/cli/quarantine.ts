import { type Command, Option } from 'commander';
import { isError } from '../fault.ts';
import { openHub } from '../hub-context.ts';
import { retryQuarantine, waiveQuarantine } from '../quarantine.ts';
import { listQuarantine, type Stage, showQuarantine, type TicketFilter, type TicketRow } from '../store/quarantine.ts';
import { actor } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { type OpenDatabase, withDatabase } from './open.ts';
import { localTime, notThere, plain, print, printJson, printRows } from './print.ts';
import { readSoundSetup } from './setup.ts';

/** `hub quarantine list|show|retry|waive`: records that do not fit, why, and whose they are to mend. */
export const quarantineCommand: Define = (program, act) => {
  const group = program
    .command('quarantine')
    .description('隔离的记录：原因与处理 (records set aside: why, and what to do)');
  defineList(group, act);
  defineShow(group, act);
  defineRetry(group, act);
  defineWaive(group, act);
};

interface ListOptions {
  readonly division?: string;
  readonly job?: string;
  readonly platform?: string;
  readonly stage?: Stage;
  readonly all?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

const STAGES: readonly Stage[] = ['intake', 'outbound', 'platform'];

function defineList(group: Command, act: Act): void {
  group
    .command('list')
    .description('待处理的记录 (records that wait)')
    .option('--division <name>', '处室 (division)')
    .option('--job <name>', '作业 (job)')
    .option('--platform <name>', '平台 (platform)')
    .addOption(new Option('--stage <stage>', 'intake 归集 · outbound 报送前 · platform 平台退回').choices(STAGES))
    .option('--all', '连同已处理的 (closed ones too)')
    .option('--limit <n>', '最多几条 (at most)', positive, 100)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ all, json, ...filter }: ListOptions) =>
        withDatabase(async ({ db }) => {
          await refuseUnknown(db, filter);
          const tickets = await listQuarantine(db, {
            ...filter,
            ...(all ? { state: 'all' } : {}),
          } satisfies TicketFilter);
          printRows(tickets, {
            json,
            none: '没有待处理的记录 (nothing waits)',
            head: ['#', '环节 stage', '处室 division', '编号 number', '名称 name', '问题 faults'],
            cells: (ticket) => [
              ticket.id,
              ticket.platform ?? ticket.stage,
              ticket.division,
              ticket.number,
              ticket.name,
              codesOf(ticket),
            ],
          });
          if (!json && tickets.length > 0) print('逐条说明与改法 (details and how to mend): hub quarantine show <#>');
          return 0;
        }),
      ),
    );
}

const codesOf = ({ faults }: TicketRow): string =>
  [...new Set(faults.filter(isError).map(({ code }) => code))].join(', ');

function defineShow(group: Command, act: Act): void {
  group
    .command('show <id>')
    .description('一条记录：每个问题怎么改 (one record: how to mend each fault)')
    .option('--raw', '显示收到的原始内容，其中可能有个人信息 (show what was received; may hold personal data)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (text: string, { raw, json }: { raw?: boolean; json?: boolean }) =>
        withDatabase(async (opened) => {
          const { raw: bytes, fields, ...ticket } = await ticketOf(opened, text);
          const shown = raw
            ? { raw: bytes?.toString('utf8') ?? null, rawBase64: bytes?.toString('base64') ?? null, fields }
            : {};
          if (json) printJson({ ...ticket, ...shown });
          else printTicket(ticket, opened.settings.timezone);
          if (raw && !json) print(plain(bytes?.toString('utf8') ?? '—'));
          return 0;
        }),
      ),
    );
}

function printTicket(ticket: TicketRow, timezone: string): void {
  print(`#${ticket.id}  ${plain(ticket.number ?? '—')}  ${plain(ticket.name ?? '—')}  [${ticket.state}]`);
  print(`  类型 type      ${ticket.type}`);
  print(`  处室 division  ${plain(ticket.division)}`);
  print(`  来自 from      ${ticket.job}，intake ${ticket.intakeId ?? '—'}，第 ${ticket.rowNo ?? '—'} 行 (row)`);
  if (ticket.platform !== null) print(`  平台 platform  ${ticket.platform}，batch ${ticket.batchId ?? '—'}`);
  print(`  自 since       ${localTime(ticket.openedAt, timezone)}，见过 ${ticket.timesSeen} 次 (times seen)`);
  if (ticket.reason !== null) print(`  处理 closed    ${plain(ticket.closedBy ?? '')}: ${plain(ticket.reason)}`);
  for (const fault of ticket.faults) {
    print(
      `  ${fault.level === 'error' ? '✗' : fault.level === 'warning' ? '!' : '·'} ${fault.code}${fault.path && `  ${fault.path}`}`,
    );
    print(`      ${plain(fault.zh)}`);
    print(`      ${plain(fault.en)}`);
  }
}

function defineWaive(group: Command, act: Act): void {
  group
    .command('waive <id>')
    .description('注明理由后不再处理，或放行可放行的问题 (close with a reason, or let a releasable fault pass)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (text: string, { reason, json }: { reason: string; json?: boolean }) =>
        withDatabase(async (opened) => {
          const { id } = await ticketOf(opened, text);
          const state = await waiveQuarantine(opened.db, id, { by: actor(opened.env), reason });
          if (json) printJson({ id, state });
          else print(`#${id} → ${state}`);
          return 0;
        }),
      ),
    );
}

function defineRetry(group: Command, act: Act): void {
  group
    .command('retry <id>')
    .description('按现在的规则重新校验一条 (check one again by the rules of now)')
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (text: string, { reason, json }: { reason: string; json?: boolean }) => {
        const setup = readSoundSetup();
        const hub = await openHub(setup);
        try {
          const { state, ticket } = await retryQuarantine(hub, positive(text), { by: actor(setup.env), reason });
          if (json) printJson({ state, ticket });
          else if (state === 'mended') print(`✓ #${text} 已合格入库 (it passes now and is kept)`);
          else printTicket(ticket, setup.settings.timezone);
          return state === 'mended' ? 0 : 1;
        } finally {
          await hub.close();
        }
      }),
    );
}

async function ticketOf({ db }: OpenDatabase, text: string) {
  const ticket = await showQuarantine(db, positive(text));
  if (ticket !== undefined) return ticket;
  throw notThere(
    'TICKET_UNKNOWN',
    `没有 ${text} 号隔离记录`,
    `there is no ticket ${text}`,
    '用 hub quarantine list 查看 (see hub quarantine list)',
  );
}
