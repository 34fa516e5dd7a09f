import { type LivingLogin, livingLogin } from '../accounts/session.ts';
import type { Db } from '../store/database.ts';
import { accountOf, actor } from './actor.ts';
import type { Define } from './command.ts';
import { storedNames, storedToken } from './login-file.ts';
import { withDatabase } from './open.ts';
import { localTime, plain, print, printJson, printTable } from './print.ts';

/** A token that lies in HUB_DATA_DIR/logins. */
interface Lying {
  readonly user: string;
  readonly alive: boolean;
  readonly roles: LivingLogin['roles'];
  readonly until: string | null;
}

/** `hub whoami`: for whom commands act now, and whose log-ins whoever shares this account of the machine could use. */
export const whoamiCommand: Define = (program, act) => {
  program
    .command('whoami')
    .description('现在以谁的身份操作；本机存有谁的登录、到何时 (who acts now, and whose log-ins lie here until when)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json }: { json?: boolean }) =>
        withDatabase(async ({ db, settings, env }) => {
          const logins = await lying(db, settings.dataDir, new Date());
          const account = accountOf(env);
          const acts = account === undefined || logins.some(({ user, alive }) => alive && user === account);
          if (json)
            printJson({
              actor: actor(env),
              breakGlass: account === undefined,
              loggedIn: acts && account !== undefined,
              logins,
            });
          else tell({ actor: actor(env), account, acts }, logins, settings.timezone);
          return acts ? 0 : 1;
        }),
      ),
    );
};

async function lying(db: Db, dataDir: string, now: Date): Promise<Lying[]> {
  const all: Lying[] = [];
  for (const user of storedNames(dataDir)) {
    const login = await livingLogin(db, storedToken(dataDir, user) ?? '', now);
    const alive = login?.name === user;
    all.push({ user, alive, roles: alive ? login.roles : [], until: alive ? login.until : null });
  }
  return all;
}

function tell(
  who: { readonly actor: string; readonly account: string | undefined; readonly acts: boolean },
  logins: readonly Lying[],
  timezone: string,
): void {
  if (who.account === undefined)
    print(`${plain(who.actor)}：未登录，改动记为应急操作 (not logged in; changes are logged as break-glass)`);
  else
    print(
      `${plain(who.actor)}：${who.acts ? '已登录 (logged in)' : `未登录或已过期，请 hub login --user ${plain(who.account)} (not logged in)`}`,
    );
  if (logins.length === 0) return;
  printTable(
    ['本机的登录 log-ins here', '角色 roles', '有效至 until'],
    logins.map(({ user, alive, roles, until }) => [
      user,
      roles.join(', '),
      alive ? localTime(until, timezone) : '已失效 ended',
    ]),
  );
  print(
    '  有效期内，能用本系统账户的人都能以其身份操作；用完请 hub logout --user 账户 (whoever uses this account of the machine can act for them)',
  );
}
