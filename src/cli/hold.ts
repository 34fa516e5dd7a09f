import type { Command } from 'commander';
import { hold, release } from '../push/stop.ts';
import type { RecordRow } from '../store/ledger.ts';
import { actor } from './actor.ts';
import type { Define } from './command.ts';
import { oneRecord } from './one-record.ts';
import { withDatabase } from './open.ts';
import { knownPlatform } from './platforms.ts';
import { plain, print, printJson } from './print.ts';

interface Options {
  readonly platform?: string;
  readonly reason: string;
  readonly json?: boolean;
}

/** `hub hold <key> --reason`: nothing about this record is sent until it is released. */
export const holdCommand: Define = (program, act) => {
  shared(program.command('hold <key>'))
    .description('紧急停止：扣下一条记录，不再报送 (send nothing about one record until it is released)')
    .option('--platform <name>', '只对一个平台 (to one platform only)', knownPlatform)
    .action(
      act(async (key: string, { platform, reason, json }: Options) =>
        withDatabase(async ({ db, env }) => {
          const record = await oneRecord(db, key);
          const word = { actor: actor(env), reason, now: new Date(), platform: platform ?? null };
          await hold(db, record.id, word);
          return said(record, '已扣下 (held)', json);
        }),
      ),
    );
};

/** `hub release <key> --reason`: the record goes its way again. */
export const releaseCommand: Define = (program, act) => {
  shared(program.command('release <key>'))
    .description('放行扣下的记录 (let a held record go its way again)')
    .action(
      act(async (key: string, { reason, json }: Options) =>
        withDatabase(async ({ db, env }) => {
          const record = await oneRecord(db, key);
          await release(db, record.id, { actor: actor(env), reason, now: new Date() });
          return said(record, '已放行 (released)', json);
        }),
      ),
    );
};

const shared = (command: Command): Command =>
  command
    .requiredOption('--reason <text>', '理由，写入日志 (why; goes into the log)')
    .option('--json', '输出 JSON (print JSON)');

function said(record: RecordRow, line: string, json: boolean | undefined): number {
  if (json) printJson(record);
  else print(`✓ ${plain(record.number ?? record.key)} ${plain(record.name ?? '')} ${line}`);
  return 0;
}
