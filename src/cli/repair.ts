import { HubError } from '../errors.ts';
import type { Corrected } from '../push/correct-withdrawal.ts';
import { enterRepair } from '../push/enter-repair.ts';
import type { Db } from '../store/database.ts';
import { type RecordRow, recordsById } from '../store/ledger.ts';
import { recordOfNotice } from '../store/withdrawals.ts';
import { actor } from './actor.ts';
import { localDate } from './argument.ts';
import type { Define } from './command.ts';
import { oneRecord } from './one-record.ts';
import { withDatabase } from './open.ts';
import { knownPlatform } from './platforms.ts';
import { localTime, plain, print, printJson } from './print.ts';

interface Options {
  readonly platform: string;
  readonly notice: string;
  readonly decided: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** `hub repair <key>`: a 信用修复 notice that came on paper or by another way: the record is withdrawn everywhere and shown no more. */
export const repairCommand: Define = (program, act) => {
  program
    .command('repair <key>')
    .description(
      '登记信用修复通知：该记录从所有平台撤下，不再公示 (enter a repair notice: the record is withdrawn everywhere)',
    )
    .requiredOption('--platform <name>', '发出通知的平台 (whose notice it is)', knownPlatform)
    .requiredOption('--notice <number>', '通知编号，同一编号只生效一次 (its number; the same one counts once)')
    .requiredOption(
      '--decided <day>',
      '准予修复之日，不晚于今天；同一编号再登记即更正 (day of the decision, not after today; the same number again corrects it)',
      localDate,
    )
    .requiredOption('--reason <text>', '依据，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (key: string, { platform, notice, decided, reason, json }: Options) =>
        withDatabase(async ({ db, env, settings }) => {
          const record = await oneRecord(db, key);
          await refuseOther(db, record, { platform, notice });
          const dates = new Intl.DateTimeFormat('sv-SE', { timeZone: settings.timezone, dateStyle: 'short' });
          const entered = await enterRepair(
            { noticeId: notice, recordKey: record.key, decidedOn: decided, reason },
            platform,
            { db, actor: actor(env), now: () => new Date(), localDate: (instant) => dates.format(instant) },
          );
          const { taken } = entered;
          const correction = 'correction' in entered ? entered.correction : undefined;
          if (json)
            printJson({ record: record.key, notice, taken, ...(correction === undefined ? {} : { correction }) });
          else print(`✓ ${plain(record.number ?? record.key)} ${plain(record.name ?? '')} ${SAID[taken]}`);
          if (correction !== undefined && !json)
            for (const line of correctionLines(correction, decided, settings.timezone)) print(`  ${plain(line)}`);
          return 0;
        }),
      ),
    );
};

/** One notice number, one record: the same number for another one is a slip of the pen, and must not read as if it were done. */
async function refuseOther(db: Db, record: RecordRow, { platform, notice }: Pick<Options, 'platform' | 'notice'>) {
  const known = await recordOfNotice(db, platform, notice);
  if (known === undefined || known === record.id) return;
  const [other] = await recordsById(db, [known]);
  const whose = other?.number ?? other?.key ?? String(known);
  throw new HubError(
    'NOTICE_ELSEWHERE',
    `通知 ${notice} 登记的是 ${whose}，不是 ${record.number ?? record.key}，本次未登记 (this notice is about another record: nothing was entered)`,
    {
      remedy: 'give-up',
      fix: '请照通知书核对 --notice 与证号；一份通知列了几条的，编号后加序号分别登记，如 N1-2 (see the notice for its number; one that names several records is entered once for each, as N1-2)',
    },
  );
}

const SAID = {
  applied: '将从所有平台撤下 (is withdrawn from every platform)',
  repeated: '此通知已登记过 (this notice was entered before)',
  waiting: '到准予修复之日撤下 (is withdrawn on that day)',
  corrected: '的准予修复之日已更正 (its day is corrected)',
  unmatched: '通知对不上任何记录 (the notice fits no record)',
} as const;

/** What the corrected day changes at the platforms, and what is left to do by hand. */
function correctionLines(
  { was, carried, told, renewed }: Corrected,
  decided: string,
  timezone: string,
): readonly string[] {
  if (!carried)
    return [
      '撤下报文不载这一日期，平台一侧无须更正 (the withdrawal does not carry the day: nothing to mend at the platforms)',
    ];
  const whom = told.map(({ platform, at }) => `${platform}（${localTime(at, timezone)}）`).join('、');
  if (told.length === 0) return [`撤下报文尚未送出，将载新日期 ${decided} (not sent yet: it leaves with the new day)`];
  if (renewed)
    return [
      `尚未送出的将载新日期 ${decided} (what was not sent leaves with the new day)`,
      `已收到原日期 ${was} 的：${whom}；将再收到一次载新日期的撤下 (told the former day already: the withdrawal goes there once more)`,
    ];
  return [
    `! 撤下报文已按原日期 ${was} 送出，不会自动重报：${whom} (sent with the former day already, and not sent again by itself)`,
    '  请持通知书与上述平台联系，请其更正所载日期；本系统的登记与日志已更正 (ask these platforms to correct the day that they hold; it is corrected here)',
  ];
}
