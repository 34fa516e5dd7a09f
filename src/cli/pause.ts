import type { Command } from 'commander';
import { pause, resume } from '../push/stop.ts';
import { listPauses } from '../store/stops.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { type OpenDatabase, withDatabase } from './open.ts';
import { knownPlatform } from './platforms.ts';
import { localTime, plain, print, printJson } from './print.ts';

interface Options {
  readonly platform: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** `hub pause --platform P --reason`: nothing more is sent there, from this moment on, also by runs that are under way. Once: exit 1 where it is paused. */
export const pauseCommand: Define = (program, act) => {
  define(
    program.command('pause'),
    '紧急停止：不再向某平台报送，进行中的报送也立即停下 (stop sending to a platform at once)',
  ).action(
    act(async (options: Options) =>
      withDatabase(async (opened) => {
        await pause(opened.db, options.platform, wordOf(options, opened));
        return said(options, opened, `已暂停向 ${options.platform} 报送 (paused)`);
      }),
    ),
  );
};

/** `hub resume --platform P --reason`: it goes on, and a breaker that is open starts afresh. */
export const resumeCommand: Define = (program, act) => {
  define(program.command('resume'), '恢复向某平台报送 (send to a platform again)').action(
    act(async (options: Options) =>
      withDatabase(async (opened) => {
        const until = await resume(opened.db, options.platform, wordOf(options, opened));
        const line = `已恢复向 ${options.platform} 报送 (resumed)`;
        if (until === undefined) return said(options, opened, line);
        const at = localTime(until, opened.settings.timezone);
        return said(
          options,
          opened,
          `${line}；但平台要求 ${at} 之后再来 (the platform asked us to wait until then)`,
          until,
        );
      }),
    ),
  );
};

const define = (command: Command, description: string): Command =>
  command
    .description(description)
    .requiredOption('--platform <name>', '接收平台 (the platform)', knownPlatform)
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)');

const wordOf = ({ reason }: Options, { env, settings }: OpenDatabase) => ({
  actor: actor(env),
  reason,
  now: new Date(),
  zone: settings.timezone,
});

async function said(
  { platform, json }: Options,
  { db }: OpenDatabase,
  line: string,
  notBefore: string | null = null,
): Promise<number> {
  if (json) printJson({ platform, pauses: await listPauses(db, platform), notBefore });
  else print(`✓ ${plain(line)}`);
  return 0;
}
