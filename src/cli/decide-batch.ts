import { type Command, Option } from 'commander';
import { divisions } from '../hub-context.ts';
import { closeBatch, type Finding, releaseBatch } from '../push/decide-batch.ts';
import { actor } from './actor.ts';
import type { Act } from './command.ts';
import { oneBatch } from './one-batch.ts';
import { withDatabase } from './open.ts';
import { print, printJson } from './print.ts';
import { readSetup } from './setup.ts';

interface Options {
  readonly reason: string;
  readonly as: Finding;
}

/** `hub batches release|close <id>`: what a person decides about a held batch after looking at the platform's own screen. */
export function decideBatchCommands(group: Command, act: Act): void {
  group
    .command('release <id>')
    .description('平台确无此批：放行，原样再发 (the platform does not have it: send it again, word for word)')
    .requiredOption('--reason <text>', '依据，写入日志 (the evidence; goes into the log)')
    .action(
      act(async (id: string, { reason }: Options, command: Command) =>
        withDatabase(async (opened) => {
          const word = { actor: actor(opened.env), reason, now: new Date() };
          return said(await releaseBatch(opened.db, (await oneBatch(opened.db, id)).id, word), command);
        }),
      ),
    );
  group
    .command('close <id>')
    .description('按平台界面所见结案 (close it with what the platform shows)')
    .addOption(
      new Option('--as <finding>', '平台已接受，或未接受 (what the platform made of it)')
        .choices(['accepted', 'rejected'])
        .makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', '依据，如截图编号，写入日志 (the evidence; goes into the log)')
    .action(
      act(async (id: string, { reason, as: finding }: Options, command: Command) =>
        withDatabase(async (opened) => {
          const byJob = divisions(readSetup().jobs);
          const divisionOf = (job: string): string => byJob.get(job) ?? job;
          const word = { actor: actor(opened.env), reason, now: new Date(), finding, divisionOf };
          return said(await closeBatch(opened.db, (await oneBatch(opened.db, id)).id, word), command);
        }),
      ),
    );
}

function said(batch: { readonly id: string; readonly state: string }, command: Command): number {
  if (command.optsWithGlobals<{ json?: boolean }>().json) printJson(batch);
  else print(`✓ 批次 ${batch.id.slice(0, 12)} → ${batch.state}`);
  return 0;
}
