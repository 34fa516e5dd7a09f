import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandRoles } from '../../src/accounts/command-roles.ts';
import { totpCode, totpSeed } from '../../src/accounts/totp.ts';
import { allCommands } from '../../src/cli/main.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { openDatabase } from '../../src/store/database.ts';
import { listLog } from '../../src/store/log.ts';
import { onBothDatabases } from '../support/databases.ts';
import { machine } from './machine.ts';
import { rightsTable, writtenTable } from './rights-table.ts';
import { PASSWORD } from './support.ts';

test('every command says who may use it', async () => {
  for (const command of await allCommands())
    expect(commandRoles, `accounts/command-roles.ts: ${command}`).toHaveProperty([command]);
});

test('the table of rights in docs/accounts.md is the one that the hub asks', () => {
  expect(writtenTable(), 'run: node test/accounts/rights-table.ts').toBe(rightsTable());
});

test('no administrator reads data or log, no auditor changes anything', () => {
  for (const [command, { does, roles }] of Object.entries(commandRoles)) {
    if (does === 'reads' && !command.startsWith('user '))
      expect([command, roles]).toEqual([command, expect.not.arrayContaining(['sysadmin'])]);
    if (does === 'changes')
      expect([command, roles]).toEqual([command, expect.not.arrayContaining(['auditor', 'viewer'])]);
  }
});

onBothDatabases('hub with accounts', ({ url }) => {
  test('from the first administrator to a refused command, every step by a real process', {
    timeout: 60_000,
  }, async () => {
    const database = await url();
    const { cwd, hub, arrive } = machine(database);
    const shown = await arrive('--role sysadmin --first', 'chief');
    expect(shown).not.toContain(PASSWORD);
    await arrive('--role operator', 'wei', 'chief');

    const denied = await Promise.all([
      hub('user add friend --role operator --reason 顺便', { as: 'wei' }),
      hub('runs --json', { as: 'chief' }),
      hub('log --json', { as: 'chief' }),
      hub('quarantine waive 1 --reason 顺便', { as: 'chief' }),
      hub('approve 1 --reason 顺便', { as: 'wei' }),
    ]);
    for (const [index, { code, out, err }] of denied.entries()) {
      expect([code, err]).toEqual([1, expect.stringContaining('ACCESS_DENIED')]);
      const json = index === 1 || index === 2;
      expect(json ? JSON.parse(out).error.code : out).toBe(json ? 'ACCESS_DENIED' : '');
    }
    expect(await hub('runs --json', { as: 'wei' })).toMatchObject({ code: 0, out: '[]\n' });
    expect(await hub('runs --json', { as: 'nobody' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('LOGIN_EXPIRED'),
    });

    const folder = join(cwd, 'data/logins');
    // As an unpacked copy may leave it.
    chmodSync(folder, 0o755);
    await hub('login --user wei --password-stdin', { input: `${PASSWORD}\n` });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777])).toEqual([
      ['chief', 0o600],
      ['wei', 0o600],
    ]);
    const who = await hub('whoami --json', { as: 'wei' });
    expect([who.code, JSON.parse(who.out)]).toMatchObject([
      0,
      {
        actor: 'user:wei',
        loggedIn: true,
        logins: [
          { user: 'chief', alive: true },
          { user: 'wei', alive: true, roles: ['operator'] },
        ],
      },
    ]);
    await hub('user disable wei --reason 调离', { as: 'chief' });
    const ended = await hub('whoami --json', { as: 'wei' });
    expect([ended.code, JSON.parse(ended.out)]).toMatchObject([
      1,
      {
        loggedIn: false,
        logins: [
          { user: 'chief', alive: true },
          { user: 'wei', alive: false, until: null },
        ],
      },
    ]);
    expect((await hub('logout', { as: 'chief' })).code).toBe(0);
    expect(JSON.parse((await hub('whoami --json')).out)).toMatchObject({
      actor: 'shell:somebody',
      breakGlass: true,
      logins: [{ user: 'wei', alive: false }],
    });
    expect(await hub('runs', { as: 'wei' })).toMatchObject({ code: 1, err: expect.stringContaining('LOGIN_EXPIRED') });

    const db = await openDatabase(database);
    await sequenceAll(db);
    const log = (await listLog(db, { limit: 100 })).toReversed();
    await db.destroy();
    expect(
      log
        .filter(({ action }) => action === 'access.denied')
        .map(({ actor }) => actor)
        .toSorted(),
    ).toEqual(['nobody', ...Array(3).fill('user:chief'), ...Array(3).fill('user:wei')]);
    expect(log[0]).toMatchObject({
      actor: 'shell:somebody',
      action: 'command.break-glass',
      detail: { command: 'user add', breakGlass: 'true', reason: '到岗' },
    });
    expect(log.find(({ action }) => action === 'user.disabled')).toMatchObject({ actor: 'user:chief' });
  });
});

test('a password never stands among the words of a command', async () => {
  const { cwd, hub } = machine('sqlite:data/hub.db');
  await hub('user add chief --role sysadmin --first --reason 启用');
  expect(['data', 'data/hub.db'].map((name) => statSync(join(cwd, name)).mode & 0o777)).toEqual([0o700, 0o600]);
  expect(await hub(`login --user chief --password ${PASSWORD}`)).toMatchObject({ code: 2 });
  expect(await hub('login --user chief')).toMatchObject({ code: 2, err: expect.stringContaining('--password-stdin') });
  const short = await hub('user password chief --password-stdin', { input: 'only-one-line\n' });
  expect(short).toMatchObject({ code: 2, err: expect.stringContaining('2 lines') });
  const twice = `zx_token\n${PASSWORD}\n${PASSWORD}\n`;
  const long = await hub('user password chief --password-stdin', { input: twice });
  expect(long).toMatchObject({ code: 2, err: expect.stringContaining('there are 3') });
});

test('reading commands do not wait for anybody to log in at the host, and make no database', async () => {
  const { hub } = machine('sqlite:data/hub.db');
  expect(await hub('quarantine waive 1 --reason 无')).toMatchObject({
    code: 1,
    err: expect.stringContaining('DATABASE_MISSING'),
  });
  expect(await hub('runs')).toMatchObject({ code: 1, err: expect.stringContaining('DATABASE_MISSING') });
});

test('an administrator sets an authenticator and logs in with it from then on', { timeout: 60_000 }, async () => {
  const secretKey = 'a7'.repeat(32);
  const { hub, arrive } = machine('sqlite:data/hub.db', { HUB_SECRET_KEY: secretKey });
  await arrive('--role sysadmin --first', 'chief');
  const made = await hub('user second-factor chief --password-stdin --json', { input: `${PASSWORD}\n` });
  expect(JSON.parse(made.out)).toMatchObject({ user: 'chief', uri: expect.stringContaining('otpauth://totp/') });
  const code = (drift: number): string =>
    totpCode(totpSeed(secretKey, { name: 'chief', generation: 1 }), Math.floor(Date.now() / 30_000) + drift);
  const confirm = await hub('user second-factor chief --confirm --password-stdin', {
    input: `${PASSWORD}\n${code(0)}\n`,
  });
  expect(confirm.code).toBe(0);
  const alone = await hub('login --user chief --password-stdin', { input: `${PASSWORD}\n` });
  expect(alone).toMatchObject({ code: 1, err: expect.stringContaining('LOGIN_REFUSED') });
  const both = await hub('login --user chief --password-stdin', { input: `${PASSWORD}\n${code(1)}\n` });
  expect(both).toMatchObject({ code: 0 });
});
