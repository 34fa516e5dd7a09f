import { login } from '../accounts/login.ts';
import { logout } from '../accounts/session.ts';
import { newToken } from '../accounts/token.ts';
import { accountOf } from './actor.ts';
import type { Define } from './command.ts';
import { forgetToken, storedToken, storeToken } from './login-file.ts';
import { withDatabase } from './open.ts';
import { localTime, print, printJson, wrongUsage } from './print.ts';
import { factorTerms } from './second-factor.ts';
import { readSecrets } from './secret-input.ts';

/** `hub login`: the password once, then a token for the working day; HUB_USER says whose. */
export const loginCommand: Define = (program, act) => {
  program
    .command('login')
    .description('登录，一个工作日内有效 (log in for a working day)')
    .option('--user <name>', '账户，默认为 HUB_USER (account; default HUB_USER)')
    .option(
      '--password-stdin',
      '从标准输入逐行读取口令，设了第二因子的再加验证码 (read lines: the password, and a code where a second factor is set)',
    )
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ user, passwordStdin, json }: { user?: string; passwordStdin?: boolean; json?: boolean }) =>
        withDatabase(async ({ db, settings, env }) => {
          const name = user ?? accountOf(env);
          if (name === undefined) throw noName();
          const asked = ['口令 password', '验证码，未设则回车 code, or nothing'];
          const [password = '', code] = await readSecrets(asked, passwordStdin ?? false, 1);
          const token = newToken();
          const factor = factorTerms(settings);
          const attempt = { name, password, code, origin: 'host', token, now: new Date(), factor };
          const { user: account, expiresAt } = await login(db, attempt);
          storeToken(settings.dataDir, name, token);
          if (json) printJson({ user: name, roles: account.roles, expiresAt });
          else {
            print(`✓ ${name} 已登录，至 ${localTime(expiresAt, settings.timezone)} (logged in until then)`);
            if (accountOf(env) !== name) print(`  请设置 (set): export HUB_USER=${name}`);
          }
          return 0;
        }),
      ),
    );
};

/** `hub logout`: the token ends in the database too. */
export const logoutCommand: Define = (program, act) => {
  program
    .command('logout')
    .description('退出登录 (log out)')
    .option('--user <name>', '账户，默认为 HUB_USER (account; default HUB_USER)')
    .action(
      act(async ({ user }: { user?: string }) =>
        withDatabase(async ({ db, settings, env }) => {
          const name = user ?? accountOf(env);
          if (name === undefined) throw noName();
          const token = storedToken(settings.dataDir, name);
          if (token !== undefined) await logout(db, { name, token, now: new Date() });
          forgetToken(settings.dataDir, name);
          print(`✓ ${name} 已退出 (logged out)`);
          return 0;
        }),
      ),
    );
};

const noName = () =>
  wrongUsage('没有说明账户', 'no account was named', '加 --user NAME，或设 HUB_USER (add --user, or set HUB_USER)');
