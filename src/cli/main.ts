import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { commandRoles } from '../accounts/command-roles.ts';
import { HubError } from '../errors.ts';
import { keepMemorySmall } from '../memory.ts';
import { readEnvironment } from '../settings.ts';
import type { Act, Define } from './command.ts';
import { beginAnswer, printJson, tell, wrongUsage } from './print.ts';
import { usageWords } from './usage-words.ts';

/** Each command's module is loaded only when it is wanted: the quick ones need no drivers and parsers. */
const commands: { readonly [name: string]: () => Promise<Define> } = {
  calendar: async () => (await import('./calendar.ts')).calendarCommand,
  check: async () => (await import('./check.ts')).checkCommand,
  run: async () => (await import('./run.ts')).runCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
  sandbox: async () => (await import('./sandbox.ts')).sandboxCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  duty: async () => (await import('./duty.ts')).dutyCommand,
  forecast: async () => (await import('./forecast.ts')).forecastCommand,
  jobs: async () => (await import('./jobs.ts')).jobsCommand,
  runs: async () => (await import('./runs.ts')).runsCommand,
  ledger: async () => (await import('./ledger.ts')).ledgerCommand,
  preview: async () => (await import('./preview.ts')).previewCommand,
  pause: async () => (await import('./pause.ts')).pauseCommand,
  resume: async () => (await import('./pause.ts')).resumeCommand,
  hold: async () => (await import('./hold.ts')).holdCommand,
  release: async () => (await import('./hold.ts')).releaseCommand,
  repair: async () => (await import('./repair.ts')).repairCommand,
  quarantine: async () => (await import('./quarantine.ts')).quarantineCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
  batches: async () => (await import('./batches.ts')).batchesCommand,
  alarm: async () => (await import('./alarm.ts')).alarmCommand,
  ferry: async () => (await import('./ferry.ts')).ferryCommand,
  receipts: async () => (await import('./receipts.ts')).receiptsCommand,
  reconcile: async () => (await import('./reconcile.ts')).reconcileCommand,
  log: async () => {
    // It may read millions of entries: small from the first module on, or the young generation has grown before the work begins.
    keepMemorySmall();
    return (await import('./log.ts')).logCommand;
  },
  signer: async () => (await import('./signer.ts')).signerCommand,
  code: async () => (await import('./code.ts')).codeCommand,
  user: async () => (await import('./user.ts')).userCommand,
  login: async () => (await import('./login.ts')).loginCommand,
  whoami: async () => (await import('./whoami.ts')).whoamiCommand,
  logout: async () => (await import('./login.ts')).logoutCommand,
  resync: async () => (await import('./resync.ts')).resyncCommand,
  approve: async () => (await import('./approve.ts')).approveCommand,
  migrate: async () => (await import('./migrate.ts')).migrateCommand,
};

/** Runs one command. Exit codes: 0 good · 1 the answer is bad, or what was named is not there · 2 wrong usage · 78 wrong set-up. */
export async function main(argv: readonly string[]): Promise<number> {
  beginAnswer();
  let code = 0;
  const act: Act =
    (action) =>
    async (...args) => {
      code = await action(...args);
    };
  const program = hubProgram();
  for (const define of await chosen(argv[0])) define(program, act);
  program.hook('preAction', async (_program, command) => {
    const path = pathOf(command);
    refuseBlankReason(command);
    if (commandRoles[path]?.does === 'free') return;
    const { admit } = await import('./admit.ts');
    const { reason, dryRun } = command.opts<{ reason?: string; dryRun?: boolean }>();
    const env = readEnvironment(process.cwd(), process.env);
    await admit({ command: path, reason, dryRun: dryRun === true, env, now: new Date() });
  });
  // A reader that closes early (`hub log | head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    const json = argv.includes('--json');
    // Thrown by a command itself, so that commander has not told of it yet.
    if (error instanceof InvalidArgumentError) return tell(wrongWords(error), json);
    if (!(error instanceof CommanderError)) return tell(error, json);
    const wrong = usageCode(error);
    if (json && wrong !== 0)
      printJson({ error: { code: 'USAGE_WRONG', message: usageWords(error.message).trimEnd(), fix: HELP } });
    return wrong;
  }
}

/** A reason is for those who read the log later. */
function refuseBlankReason(command: Command): void {
  const { reason } = command.opts<{ reason?: string }>();
  if (reason === undefined || /[\p{L}\p{N}]/u.test(reason)) return;
  throw wrongUsage('--reason 不能是空白', '--reason must say something', '写明为何 (say why)');
}

/** `quarantine waive`. */
export const pathOf = (command: Command): string => {
  const above = command.parent === null ? '' : pathOf(command.parent);
  return command.parent === null ? '' : `${above} ${command.name()}`.trim();
};

/** Every command there is, with its words. */
export async function allCommands(): Promise<readonly string[]> {
  const program = hubProgram();
  for (const define of await chosen(undefined)) define(program, () => async () => {});
  const leaves = (command: Command): readonly string[] => {
    const below = command.commands.flatMap(leaves);
    const acts = command.commands.length === 0 || command.registeredArguments.length > 0;
    return acts && command.parent !== null ? [pathOf(command), ...below] : below;
  };
  return leaves(program);
}

/** The command that was named; none for the version, all of them for help and for “did you mean”. */
function chosen(name: string | undefined): Promise<readonly Define[]> {
  if (name === '-V' || name === '--version') return Promise.resolve([]);
  const one = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  return Promise.all((one === undefined ? Object.values(commands) : [one]).map((load) => load()));
}

function hubProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return new Command('hub')
    .description('证信通：证照与处罚信息的归集、入库与报送 (licences and penalties: pull, check, keep, push)')
    .version(version, '-V, --version', '版本号 (version)')
    .helpOption('-h, --help', '帮助 (help)')
    .helpCommand('help [command]', '某条命令的帮助 (help on one command)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageWords(text)) })
    .addHelpText(
      'after',
      '\n退出码 (exit codes): 0 好 good · 1 结果有问题，或没有所指之物 bad answer, or no such thing · 2 用法不对 wrong usage · 78 设置不对 wrong set-up',
    );
}

const HELP = 'hub help <command>';

const wrongWords = ({ message }: InvalidArgumentError) =>
  new HubError('USAGE_WRONG', `用法不对 (wrong usage): ${message}`, { remedy: 'give-up', fix: HELP });

const usageCode = ({ exitCode, code }: CommanderError): number =>
  exitCode === 0 && code !== 'commander.error' ? 0 : 2;
