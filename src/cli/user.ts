import type { Command } from 'commander';
import { isShort } from '../accounts/password-rules.ts';
import { newToken } from '../accounts/token.ts';
import {
  addAccount,
  changePassword,
  changeRoles,
  disableAccount,
  enableAccount,
  resetPassword,
} from '../accounts/users.ts';
import { listUsers } from '../store/users.ts';
import { accountOf, actor } from './actor.ts';
import type { Act, Define } from './command.ts';
import { type OpenDatabase, withDatabase } from './open.ts';
import { complain, localTime, print, printJson, printRows, wrongUsage } from './print.ts';
import { defineSecondFactor } from './second-factor.ts';
import { readSecrets } from './secret-input.ts';

/** `hub user …`: accounts and their roles. Passwords are set by their owners only, with a one-time token at first. */
export const userCommand: Define = (program, act) => {
  const group = program.command('user').description('账户与角色 (accounts and roles)');
  defineAdd(group, act);
  defineList(group, act);
  defineRole(group, act);
  defineStates(group, act);
  definePassword(group, act);
  defineSecondFactor(group, act);
};

const REASON = ['--reason <text>', '理由，写入日志 (why; goes into the log)'] as const;

const who = ({ env }: OpenDatabase, reason: string) => ({ by: actor(env), reason, now: new Date() });

function defineAdd(group: Command, act: Act): void {
  group
    .command('add <name>')
    .description(
      '增加账户，给出一次性令牌，由本人设口令 (add an account; its owner sets the password with the one-time token)',
    )
    .requiredOption('--role <role...>', 'viewer · operator · approver · sysadmin · auditor')
    .option('--first', '第一个账户：系统管理员 (the very first account, a sysadmin)')
    .requiredOption(...REASON)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (name: string, options: { role: string[]; first?: boolean; reason: string; json?: boolean }) =>
        withDatabase(async (opened) => {
          const { role: roles, first = false, reason, json } = options;
          const token = newToken();
          const expiresAt = await addAccount(opened.db, { name, roles, first, token }, who(opened, reason));
          tellToken({ user: name, token, expiresAt }, opened, json);
          return 0;
        }),
      ),
    );
  group
    .command('reset <name>')
    .description('口令作废，另给一次性令牌 (end the password, give a one-time token)')
    .requiredOption(...REASON)
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async (name: string, { reason, json }: { reason: string; json?: boolean }) =>
        withDatabase(async (opened) => {
          const token = newToken();
          const expiresAt = await resetPassword(opened.db, { name, token }, who(opened, reason));
          tellToken({ user: name, token, expiresAt }, opened, json);
          return 0;
        }),
      ),
    );
}

function tellToken(
  given: { readonly user: string; readonly token: string; readonly expiresAt: string },
  { settings }: OpenDatabase,
  json: boolean | undefined,
): void {
  if (json) {
    printJson(given);
    return;
  }
  print(`✓ ${given.user}`);
  print(`  一次性令牌 one-time token  ${given.token}`);
  print(`  有效至 valid until         ${localTime(given.expiresAt, settings.timezone)}`);
  print(`  本人运行 its owner runs    hub user password ${given.user}`);
}

function defineList(group: Command, act: Act): void {
  group
    .command('list')
    .description('全部账户 (all accounts)')
    .option('--json', '输出 JSON (print JSON)')
    .action(
      act(async ({ json }: { json?: boolean }) =>
        withDatabase(async ({ db, settings }) => {
          const users = (await listUsers(db)).map(({ passwordHash, ...user }) => ({
            ...user,
            hasPassword: passwordHash !== null,
          }));
          printRows(users, {
            json,
            none: '还没有账户：hub user add NAME --role sysadmin --first (there is no account yet)',
            head: ['账户 account', '角色 roles', '状态 state', '口令 password', '建于 added', '由 by'],
            cells: (user) => [
              user.name,
              user.roles.join(' '),
              user.state,
              user.hasPassword ? localTime(user.passwordSetAt, settings.timezone) : null,
              localTime(user.createdAt, settings.timezone),
              user.createdBy,
            ],
          });
          return 0;
        }),
      ),
    );
}

function defineRole(group: Command, act: Act): void {
  group
    .command('role <name> <roles...>')
    .description('改为这些角色 (give exactly these roles)')
    .requiredOption(...REASON)
    .action(
      act(async (name: string, words: string[], { reason }: { reason: string }) =>
        withDatabase(async (opened) => {
          const roles = await changeRoles(opened.db, name, words, who(opened, reason));
          print(`✓ ${name}: ${roles.join(' ')}`);
          return 0;
        }),
      ),
    );
}

function defineStates(group: Command, act: Act): void {
  const states = [
    ['disable', '停用，其登录立即失效 (disable; log-ins end at once)', disableAccount],
    ['enable', '重新启用或解锁 (enable again, or unlock)', enableAccount],
  ] as const;
  for (const [verb, description, set] of states) {
    group
      .command(`${verb} <name>`)
      .description(description)
      .requiredOption(...REASON)
      .action(
        act(async (name: string, { reason }: { reason: string }) =>
          withDatabase(async (opened) => {
            await set(opened.db, name, who(opened, reason));
            print(`✓ ${name} ${verb}d`);
            return 0;
          }),
        ),
      );
  }
}

function definePassword(group: Command, act: Act): void {
  group
    .command('password [name]')
    .description('设自己的口令 (set the own password)')
    .option(
      '--password-stdin',
      '从标准输入逐行读取：现口令或一次性令牌，新口令 (read lines: present password or one-time token, new password)',
    )
    .action(
      act(async (given: string | undefined, { passwordStdin }: { passwordStdin?: boolean }) =>
        withDatabase(async ({ db, env }) => {
          const name = given ?? accountOf(env);
          if (name === undefined) throw wrongUsage('没有说明账户', 'no account was named', 'hub user password NAME');
          const [secret = '', password = '', again = password] = await readSecrets(
            questions(passwordStdin),
            passwordStdin ?? false,
          );
          if (again !== password)
            throw wrongUsage('两次输入不同', 'the two are not the same', '请重新输入 (type it again)');
          await changePassword(db, { name, secret, password, now: new Date() });
          print(`✓ ${name} 的口令已设；请 hub login --user ${name} (the password is set; log in)`);
          if (isShort(password)) complain(SHORT);
          return 0;
        }),
      ),
    );
}

const SHORT =
  '  不足 15 个字符：建议换成更长的短句，或设第二因子 hub user second-factor (under 15 characters: a longer sentence, or a second factor, is advised)';

const questions = (fromStdin: boolean | undefined): readonly string[] => [
  '现口令或一次性令牌 present password or one-time token',
  '新口令 new password',
  ...(fromStdin ? [] : ['再输一次 once more']),
];
