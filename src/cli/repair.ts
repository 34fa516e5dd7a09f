import { enterRepair } from '../push/enter-repair.ts';
import { actor } from './actor.ts';
import { localDate } from './argument.ts';
import type { Define } from './command.ts';
import { oneRecord } from './one-record.ts';
import { withDatabase } from './open.ts';
import { knownPlatform } from './platforms.ts';
import { plain, print, printJson } from './print.ts';
import { readSetup } from './setup.ts';

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
        withDatabase(async ({ db, env }) => {
          const record = await oneRecord(db, key);
          const dates = new Intl.DateTimeFormat('sv-SE', {
            timeZone: readSetup().settings.timezone,
            dateStyle: 'short',
          });
          const taken = await enterRepair(
            { noticeId: notice, recordKey: record.key, decidedOn: decided, reason },
            platform,
            { db, actor: actor(env), now: () => new Date(), localDate: (instant) => dates.format(instant) },
          );
          if (json) printJson({ record: record.key, notice, taken });
          else print(`✓ ${plain(record.number ?? record.key)} ${plain(record.name ?? '')} ${SAID[taken]}`);
          return 0;
        }),
      ),
    );
};

const SAID = {
  applied: '将从所有平台撤下 (is withdrawn from every platform)',
  repeated: '此通知已登记过 (this notice was entered before)',
  corrected: '的准予修复之日已更正；已送出的撤下报文不变 (its day is corrected; what was sent stays as it was)',
  unmatched: '通知对不上任何记录 (the notice fits no record)',
} as const;
