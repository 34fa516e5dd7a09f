import type { Command } from 'commander';
import { type AlarmEvent, type AlarmState, alarmStep } from '../alarm/alarm-state.ts';
import { testChannels } from '../alarm/test-channels.ts';
import { messagesOf } from '../store/alarm-messages.ts';
import type { AlarmRow } from '../store/alarms.ts';
import { findAlarm, listAlarms, moveAlarm } from '../store/alarms.ts';
import { inTransaction } from '../store/database.ts';
import { actor } from './actor.ts';
import { positive } from './argument.ts';
import type { Act, Define } from './command.ts';
import { type OpenDatabase, withDatabase } from './open.ts';
import { localTime, notThere, plain, print, printJson, printTable, wrongUsage } from './print.ts';
import { readSoundSettings } from './setup.ts';

/** `hub alarm list | test | close`: what is wrong now, whether the channels work, and silencing what is known. */
export const alarmCommand: Define = (program, act) => {
  const alarm = program
    .command('alarm')
    .description('告警：查看、测试通道、静音 (alarms: list, test the channels, silence)');
  defineList(alarm, act);
  defineTest(alarm, act);
  defineClose(alarm, act);
};

function defineList(alarm: Command, act: Act): void {
  alarm
    .command('list')
    .description('现有告警；--all 连同已恢复的 (alarms that hold; --all: those that are over as well)')
    .option('--all', '连同已恢复的 (those that are over as well)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ all, json }: { all?: boolean; json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
          const alarms = await listAlarms(db, all ?? false);
          const told = await Promise.all(
            alarms.map(async (row) => ({ ...row, messages: await messagesOf(db, row.id) })),
          );
          if (json) printJson(told);
          else printAlarms(alarms, settings.timezone);
          return alarms.some(({ state }) => state === 'open' || state === 'exhausted') ? 1 : 0;
        }),
      ),
    );
}

const STATES: { readonly [state: string]: string } = {
  open: '告警 open',
  exhausted: '须人工 exhausted',
  recovered: '已恢复 recovered',
  closed: '已静音 closed',
};

function printAlarms(alarms: readonly AlarmRow[], timezone: string): void {
  if (alarms.length === 0) print('✓ 没有告警 (nothing is wrong)');
  else printAlarmTable(alarms, timezone);
}

const printAlarmTable = (alarms: readonly AlarmRow[], timezone: string): void =>
  printTable(
    ['#', '状态 state', '自 since', '次 times', '事由 what', '处理 what to do', '命令 command'],
    alarms.map(({ id, state, since, times, message }) => [
      ...[id, STATES[state] ?? state, localTime(since, timezone), times],
      ...[String(message['zh']), String(message['fixZh']), String(message['command'] ?? '')],
    ]),
  );

function defineTest(alarm: Command, act: Act): void {
  alarm
    .command('test')
    .description('经各通道发一条测试消息 (send a test message over each channel)')
    .option('--channel <mail|webhook>', '只测一个通道 (one channel only)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ channel, json }: { channel?: string; json?: boolean }) => {
        if (channel !== undefined && channel !== 'mail' && channel !== 'webhook') {
          throw wrongUsage(
            '--channel 只能是 mail 或 webhook',
            '--channel is mail or webhook',
            '改正后再试 (correct it)',
          );
        }
        const { settings } = readSoundSettings();
        const results = await testChannels(settings, channel, new Date());
        if (json) printJson(results);
        else if (results.length === 0)
          print('没有设置任何通道：HUB_SMTP_URL、HUB_ALARM_WEBHOOK (no channel is configured)');
        else
          for (const { channel: name, sent, reason } of results)
            print(`${sent ? '✓' : '✗'} ${name}  ${plain(reason ?? '已发出 (sent)')}`);
        return results.length > 0 && results.every(({ sent }) => sent) ? 0 : 1;
      }),
    );
}

function defineClose(alarm: Command, act: Act): void {
  alarm
    .command('close <id>')
    .description('知悉并静音，直到恢复后再次发生 (seen: silent until it is over and begins anew)')
    .requiredOption('--reason <text>', '为什么 (why)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (text: string, { reason, json }: { reason: string; json?: boolean }) =>
        withDatabase(async (opened) => {
          const closed = await close(opened, positive(text), reason);
          if (json) printJson(closed);
          else print(`✓ 已静音 (silenced): ${plain(String(closed.message['zh']))}`);
          return 0;
        }),
      ),
    );
}

async function close({ db, env }: OpenDatabase, id: number, reason: string): Promise<AlarmRow> {
  const known = await findAlarm(db, id);
  const step = known && alarmStep(known.state as AlarmState, 'closed' satisfies AlarmEvent);
  if (known === undefined || step === undefined) {
    throw notThere(
      'ALARM_UNKNOWN',
      `没有可静音的告警 ${id}`,
      `there is no alarm ${id} to silence`,
      '用 hub alarm list 查看 (see hub alarm list)',
    );
  }
  const { subject, kind, level, message, since } = known;
  const move = {
    known,
    subject,
    kind,
    level,
    to: step.to,
    begins: false,
    message,
    since,
    now: new Date(),
    by: actor(env),
    reason,
  };
  await inTransaction(db, (tx) => moveAlarm(tx, move));
  return (await findAlarm(db, id)) ?? known;
}
