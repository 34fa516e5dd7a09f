import type { Command } from 'commander';
import { confirmFactor, enrolFactor, type FactorTerms } from '../accounts/second-factor.ts';
import type { Settings } from '../settings.ts';
import { accountOf } from './actor.ts';
import type { Act } from './command.ts';
import { withDatabase } from './open.ts';
import { print, printJson, wrongUsage } from './print.ts';
import { readSecrets } from './secret-input.ts';

export const factorTerms = ({ secretKey, secondFactor }: Settings): FactorTerms => ({
  secretKey,
  required: secondFactor,
});

interface Options {
  readonly confirm?: boolean;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** `hub user second-factor`: an authenticator app for the own account, in two steps: the seed, then a code that proves it. */
export function defineSecondFactor(group: Command, act: Act): void {
  group
    .command('second-factor [name]')
    .description(
      '给自己的账户设验证器；再加 --confirm 输入一个验证码后生效 (set up an authenticator; counts after --confirm with a code)',
    )
    .option('--confirm', '输入验证码，从此登录须用 (give a code: log-ins need one from now on)')
    .option('--password-stdin', '从标准输入逐行读取：口令，验证码 (read lines: password, code)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (given: string | undefined, { confirm, passwordStdin, json }: Options) =>
        withDatabase(async ({ db, env, settings }) => {
          const name = given ?? accountOf(env);
          if (name === undefined)
            throw wrongUsage('没有说明账户', 'no account was named', 'hub user second-factor NAME');
          const questions = ['口令 password', ...(confirm ? ['验证码 code'] : [])];
          const [password = '', code = ''] = await readSecrets(questions, passwordStdin ?? false);
          const enrolment = { name, password, secretKey: settings.secretKey, now: new Date() };
          if (confirm) {
            await confirmFactor(db, { ...enrolment, code });
            if (json) printJson({ user: name, confirmed: true });
            else print(`✓ ${name} 登录从此须用验证码 (log-ins need a code from now on)`);
            return 0;
          }
          const made = await enrolFactor(db, enrolment);
          if (json) printJson({ user: name, ...made });
          else {
            print(`  密钥 seed  ${made.seed}`);
            print(`  地址 URI   ${made.uri}`);
            print(`  输入验证器后运行 (enter it in the app, then run): hub user second-factor ${name} --confirm`);
          }
          return 0;
        }),
      ),
    );
}
