import { endOf, type Told } from '../audit/as-of.ts';
import { ledgers, type RecordLedger } from '../audit/ledger.ts';
import { ledgerTerms } from '../audit/ledger-terms.ts';
import { printedName } from '../audit/printed-row.ts';
import { type RecordDeadline, recordDeadlines } from '../periods/record-deadlines.ts';
import type { Environment } from '../settings.ts';
import { type Hold, listHolds } from '../store/stops.ts';
import { principalOf } from './actor.ts';
import type { Define } from './command.ts';
import { refuseUnknown } from './known-names.ts';
import { noteRead } from './note-read.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printTable, wrongUsage } from './print.ts';
import { readSetup } from './setup.ts';

interface Options {
  readonly asOf?: string;
  readonly platform?: string;
  readonly json?: boolean;
}

/** `hub ledger <key>`: versions × platforms × receipts: who has been told what about this record, and when. */
export const ledgerCommand: Define = (program, act) => {
  program
    .command('ledger <key>')
    .description(
      '报送台账：按信用代码、许可证号、文书号、名称、主键、批次、回执或期次查 (by credit code, number, name, record key, batch, receipt or period)',
    )
    .option(
      '--as-of <day>',
      '某日终了（或某一时刻）时的台账：那时谁已被告知什么 (as it stood at the end of a day, or at an instant)',
    )
    .option('--platform <name>', '只看一个平台 (of one platform)')
    .option('--json', '输出 JSON (print JSON)')
    .action(act(showLedger));
};

/** Accounts that may only look see natural persons masked (faults.md S48). */
const showLedger = (key: string, { asOf, platform, json }: Options): Promise<number> =>
  withDatabase(async ({ db, settings, env }) => {
    await refuseUnknown(db, { platform });
    const at = asOf === undefined ? undefined : instant(asOf, settings.timezone);
    const { roles } = await principalOf(db, { env, settings, now: new Date() });
    const masked = roles.length > 0 && roles.every((role) => role === 'viewer');
    const about = deadlineTerms(env);
    let found = 0;
    const holds = await listHolds(db);
    for await (const whole of ledgers(db, { terms: ledgerTerms(key), asOf: at, platform })) {
      const deadlines = await recordDeadlines(whole, { ...about, db, now: new Date(at ?? Date.now()) });
      const held = holds.filter(({ recordId }) => recordId === whole.id);
      const record = { ...(masked ? { ...whole, name: printedName(whole) } : whole), deadlines, holds: held };
      if (json) print(`${found === 0 ? '[' : ','}\n${JSON.stringify(record, null, 2)}`);
      else printLedger(record, settings.timezone, at);
      found += 1;
    }
    if (json) print(found === 0 ? '[]' : ']');
    else if (found === 0) print(`证照库里没有 ${plain(key)} (not in the library)；也可查 hub quarantine list`);
    // What was asked may be a person's name: the log says only that somebody looked.
    await noteRead(db, env, { detail: { what: 'ledger', asOf: at ?? null, found } });
    return found > 0 ? 0 : 1;
  });

/** Which deadlines hold is said by the jobs; where the set-up is unsound, by those of its jobs that are sound. */
function deadlineTerms(env: Environment) {
  const { jobs, calendar, settings } = readSetup(env);
  return { jobs, calendar, zone: settings.timezone };
}

function instant(text: string, timezone: string): string {
  const at = endOf(text, timezone);
  if (at !== undefined) return at;
  throw wrongUsage(
    `--as-of ${text} 不是日期或时刻`,
    `--as-of ${text} is neither a day nor an instant`,
    '写 2026-11-27，或带时区的时刻 2026-11-27T09:00+08:00 (write a day, or an instant with its zone)',
  );
}

interface Shown extends RecordLedger {
  readonly deadlines: readonly RecordDeadline[];
  readonly holds: readonly Hold[];
}

function printLedger(record: Shown, timezone: string, at?: string): void {
  print(`${plain(record.number ?? '—')}  ${plain(record.name ?? '—')}  ${record.creditCode ?? ''}`);
  print(`${record.type} · ${record.authority} · ${record.job} · 主键 key ${record.key}`);
  if (record.ledger.length === 0) {
    print(
      at === undefined
        ? '尚无版本 (no version is kept yet)'
        : `截至 ${localTime(at, timezone)}，证照库里还没有这条记录，没有任何平台被告知 (until then the record was not here and no platform had been told)`,
    );
    print();
    return;
  }
  printTable(
    [
      '版本 version',
      '操作 operation',
      '入库 kept',
      '平台 platform',
      '结果 state',
      '答复 verdict',
      '发出 sent',
      '回执 receipt',
      '批次 batch',
    ],
    record.ledger.map((row) => [
      row.version,
      row.operation,
      localTime(row.createdAt, timezone),
      row.platform,
      row.state,
      [row.verdict, row.verdictReason].filter(Boolean).join('：'),
      localTime(row.sentAt, timezone),
      row.receiptId,
      row.batchId?.slice(0, 12),
    ]),
  );
  for (const deadline of record.deadlines) print(deadlineLine(deadline));
  for (const { platform, actor, at, reason } of record.holds) {
    const where = platform ?? '所有平台 every platform';
    print(`  已扣下 held: ${where}，${localTime(at, timezone)}，${plain(actor)}：${plain(reason)}`);
  }
  for (const told of record.told ?? []) print(toldLine(told, timezone));
  print();
}

function deadlineLine({ platform, decidedOn, deadline, basis, deliveredOn, late }: RecordDeadline): string {
  const when = deliveredOn === null ? '尚未送达 not delivered' : `${deliveredOn} 送达 delivered`;
  const verdict = late ? '迟报 late' : '按时 in time';
  return `  ${platform}: ${decidedOn} 的决定应于 ${deadline} 前报送 (due by then, ${plain(basis)})，${when}，${verdict}`;
}

/** `credit-sharing: 已确认版本 2 …`. */
function toldLine({ platform, confirmed, operation, underway, since, receiptId }: Told, timezone: string): string {
  const shown =
    confirmed === null
      ? '尚无确认 nothing confirmed'
      : `${operation === 'WITHDRAW' ? '已撤下 withdrawn by' : '已确认 confirmed'} 版本 version ${confirmed}，${localTime(since, timezone)}，回执 receipt ${plain(receiptId ?? '—')}`;
  const doubt = underway === null ? '' : `；版本 version ${underway} 已发出未有结果 underway`;
  return `  ${platform}: ${shown}${doubt}`;
}
