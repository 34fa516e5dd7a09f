import { join } from 'node:path';
import { HubError, SetupError } from '../errors.ts';
import { isKeyName } from '../evidence/note.ts';
import { restartLog, rotateKey } from '../evidence/restart-log.ts';
import { signUntil } from '../evidence/sign-until.ts';
import { signLog } from '../evidence/signer.ts';
import { createKeyFile, type SignerMemory, signerFiles } from '../evidence/signer-files.ts';
import { openDatabase } from '../store/database.ts';
import { migrate } from '../store/migrations.ts';
import { openTrace } from '../trace.ts';
import { actor } from './actor.ts';
import type { Act, Define } from './command.ts';
import { withDatabase } from './open.ts';
import { complain, print, printJson, wrongUsage } from './print.ts';
import { readSoundSettings } from './setup.ts';
import { untilSignal } from './signal.ts';

/** `hub signer`: the process that signs checkpoints; it talks to the hub through the database only. */
export const signerCommand: Define = (program, act) => {
  const signer = program
    .command('signer')
    .description(
      '签名进程：每分钟为日志签检查点，与其上次所签不一致则拒签 (signs checkpoints; refuses what does not continue its last one)',
    )
    .option('--once', '只签一次 (sign once and end)')
    .action(act(({ once }: { once?: boolean }) => (once ? signOnce() : serveSigner())));
  initCommand(signer, act);
  changing(signer, act, {
    name: 'rotate',
    said: '换密钥，新旧并签 30 天 (a new key; both sign for thirty days)',
    make: rotateKey,
  });
  changing(signer, act, {
    name: 'restart-log',
    said: '事故后另起新日志，首条载明旧检查点 (after an incident: a new log whose entry 0 holds the old checkpoint)',
    make: restartLog,
  });
};

const initCommand = (signer: Parameters<Define>[0], act: Act): unknown =>
  signer
    .command('init')
    .description('生成密钥，打印公钥（抄在交接单上）(make the key, print the public one for the hand-over on paper)')
    .option('--origin <name>', '日志名，如 hub.example.gov.cn/delivery-log (name of the log)')
    .action(
      act(async ({ origin }: { origin?: string }) => {
        const { settings } = readSoundSettings();
        const name = origin ?? `${settings.hubId}/delivery-log`;
        if (!isKeyName(name) || /-\d+$/.test(name)) throw badOrigin(name);
        const { vkey } = createKeyFile(settings.signerKey, name);
        print(vkey);
        complain(
          `密钥在 ${settings.signerKey}，仅签名进程可读；请备份，并把上面的公钥抄交审计 (back the key up; hand the line above to the auditors)`,
        );
        return 0;
      }),
    );

const badOrigin = (name: string): HubError =>
  wrongUsage(
    `${name} 不能作日志名`,
    'it cannot be the name of a log',
    '不含空格和加号，也不以 -数字 结尾 (no blanks, no plus, no -number at the end)',
  );

interface Change {
  readonly name: string;
  readonly said: string;
  readonly make: typeof rotateKey;
}

const changing = (signer: Parameters<Define>[0], act: Act, { name, said, make }: Change): unknown =>
  signer
    .command(name)
    .description(said)
    .requiredOption('--reason <text>', '为何 (why)')
    .action(
      act(({ reason }: { reason: string }) =>
        withDatabase(async ({ db, env, settings }) => {
          const { vkey } = await make(db, settings.signerKey, { by: actor(env), reason, now: new Date() });
          print(vkey);
          complain('这是新公钥，请抄交审计 (this is the new public key: hand it to the auditors)');
          return 0;
        }),
      ),
    );

/** Exit code of a refusal as of docs/evidence-format.md §9. */
const signOnce = (): Promise<number> =>
  withDatabase(async ({ db, settings }) => {
    const signed = await signLog(db, signerFiles(settings.signerKey), new Date(), { whole: true });
    if (signed.outcome === 'refused') complain(`拒签 (refused): ${signed.refusal.reason}`);
    printJson(
      signed.outcome === 'signed'
        ? { outcome: 'signed', size: signed.checkpoint.size, origin: signed.checkpoint.origin }
        : signed,
    );
    return signed.outcome === 'refused' ? signed.refusal.code : 0;
  });

async function serveSigner(): Promise<number> {
  const { settings } = readSoundSettings();
  const memory = signerFiles(settings.signerKey);
  requireKeys(memory);
  const db = await openDatabase(settings.databaseUrl);
  const trace = openTrace({ dir: join(settings.dataDir, 'trace'), level: settings.traceLevel });
  try {
    await migrate(db);
    complain(`签名进程已启动 (signing): ${settings.signerKey}`);
    process.send?.('ready');
    await untilSignal((signal) => signUntil({ db, memory, trace, signal, now: () => new Date() }));
    return 0;
  } finally {
    await db.destroy();
    await trace.close();
  }
}

/** Without a key there is nothing to start: a wrong set-up. */
function requireKeys(memory: SignerMemory): void {
  try {
    memory.keys(new Date());
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    throw new SetupError([{ where: 'HUB_SIGNER_KEY', zh: `${error.message}；${error.fix}`, en: error.code }]);
  }
}
