import { expect, test } from 'vitest';
import { login } from '../../src/accounts/login.ts';
import { authenticate, logout } from '../../src/accounts/session.ts';
import { newToken } from '../../src/accounts/token.ts';
import {
  addAccount,
  changePassword,
  changeRoles,
  disableAccount,
  enableAccount,
  resetPassword,
} from '../../src/accounts/users.ts';
import { listLog } from '../../src/store/log.ts';
import { findUser } from '../../src/store/users.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { logged } from '../support/logged.ts';
import { account, actions, change, codeOf, later, NO_FACTOR, NOW, PASSWORD, principal } from './support.ts';

onBothDatabases('accounts', ({ url }) => {
  const open = async () => openTestDatabase(await url());

  test('there is no default account, and only the first administrator is made without one', async () => {
    const db = await open();
    const token = newToken();
    expect(await db('users').count({ n: '*' }).first()).toMatchObject({ n: 0 });
    expect(await codeOf(addAccount(db, { name: 'li', roles: ['operator'], first: false, token }, change))).toBe(
      'ACCOUNT_NONE',
    );
    expect(await codeOf(addAccount(db, { name: 'li', roles: ['operator'], first: true, token }, change))).toBe(
      'ACCOUNT_NONE',
    );
    await addAccount(db, { name: 'root-admin', roles: ['sysadmin'], first: true, token }, change);
    const another = addAccount(db, { name: 'other', roles: ['sysadmin'], first: true, token: newToken() }, change);
    expect(await codeOf(another)).toBe('ACCOUNT_NOT_FIRST');
  });

  test('the one-time token of the first administrator works once, for an hour, and for nothing else', async () => {
    const db = await open();
    const token = newToken();
    await addAccount(db, { name: 'chief', roles: ['sysadmin'], first: true, token }, change);
    const set = (now: Date) => changePassword(db, { name: 'chief', secret: token, password: PASSWORD, now });
    expect(await codeOf(set(later(61)))).toBe('PASSWORD_REFUSED');
    expect(await codeOf(authenticate(db, { name: 'chief', token, now: NOW }))).toBe('LOGIN_EXPIRED');
    expect(
      await codeOf(
        login(db, { name: 'chief', password: token, origin: 'host', token: newToken(), now: NOW, factor: NO_FACTOR }),
      ),
    ).toBe('LOGIN_REFUSED');
    await set(NOW);
    expect(await codeOf(set(NOW))).toBe('PASSWORD_REFUSED');
    expect(await principal(db, 'chief')).toMatchObject({ actor: 'user:chief', roles: ['sysadmin'], breakGlass: false });
  });

  test('only digests of tokens and passwords are in the database', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    const { token } = await principal(db, 'chief');
    const kept = JSON.stringify([await db('users'), await db('tokens'), await logged(db)]);
    expect(kept).not.toContain(token);
    expect(kept).not.toContain(PASSWORD);
    expect(kept).toContain('$argon2id$');
  });

  test('a weak password is refused and the token stays good', async () => {
    const db = await open();
    const token = newToken();
    await addAccount(db, { name: 'chief', roles: ['sysadmin'], first: true, token }, change);
    const set = (password: string) => changePassword(db, { name: 'chief', secret: token, password, now: NOW });
    expect(await codeOf(set('password1'))).toBe('PASSWORD_WEAK');
    await set(PASSWORD);
  });

  test('a wrong account and a wrong password get the same answer', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    const attempt = (name: string, password: string) =>
      login(db, { name, password, origin: 'host', token: newToken(), now: NOW, factor: NO_FACTOR }).catch(
        (error: Error) => error,
      );
    const [nobody, wrong] = [await attempt('nobody', PASSWORD), await attempt('chief', 'not the password')];
    expect(nobody).toBeInstanceOf(Error);
    expect(nobody).toEqual(wrong);
  });

  test('five wrong passwords lock for a quarter of an hour, and tries during the lock do not make it longer', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    const attempt = (password: string, now: Date) =>
      login(db, { name: 'chief', password, origin: 'host', token: newToken(), now, factor: NO_FACTOR });
    for (let n = 0; n < 5; n += 1) await codeOf(attempt('wrong', NOW));
    expect(await codeOf(attempt(PASSWORD, later(1)))).toBe('LOGIN_REFUSED');
    for (let n = 0; n < 9; n += 1) await codeOf(attempt('wrong', later(10)));
    await attempt(PASSWORD, later(16));
    expect(await actions(db)).toContain('login.locked');
  });

  test('who tries from elsewhere locks nobody out of the host itself, and every address has its own count', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    const attempt = (name: string, origin: string, password: string) =>
      login(db, { name, password, origin, token: newToken(), now: NOW, factor: NO_FACTOR });
    for (let n = 0; n < 5; n += 1) await codeOf(attempt('chief', '192.0.2.9', 'wrong'));
    expect(await codeOf(attempt('chief', '192.0.2.7', PASSWORD))).toBe('LOGIN_REFUSED');
    await attempt('chief', 'host', PASSWORD);
    for (let n = 0; n < 15; n += 1) await codeOf(attempt(`guess-${n}`, '192.0.2.9', 'wrong'));
    await enableAccount(db, 'chief', change);
    expect(await codeOf(attempt('chief', '192.0.2.9', PASSWORD))).toBe('LOGIN_REFUSED');
    await attempt('chief', '192.0.2.7', PASSWORD);
  });

  test('guessing by way of a password change counts as well', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    for (let n = 0; n < 5; n += 1)
      await codeOf(changePassword(db, { name: 'chief', secret: 'wrong', password: '另一个很长的新口令啊', now: NOW }));
    const right = changePassword(db, { name: 'chief', secret: PASSWORD, password: '另一个很长的新口令啊', now: NOW });
    expect(await codeOf(right)).toBe('PASSWORD_REFUSED');
  });

  test('a log-in ends after eight hours, after half an hour of nothing, and when it is ended', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    const { token } = await principal(db, 'chief');
    const at = (minutes: number) => authenticate(db, { name: 'chief', token, now: later(minutes) });
    for (let minutes = 25; minutes < 480; minutes += 25) await at(minutes);
    expect(await codeOf(at(481))).toBe('LOGIN_EXPIRED');
    const idle = await principal(db, 'chief');
    expect(await codeOf(authenticate(db, { name: 'chief', token: idle.token, now: later(31) }))).toBe('LOGIN_EXPIRED');
    const ended = await principal(db, 'chief');
    await logout(db, { name: 'chief', token: ended.token, now: NOW });
    expect(await codeOf(authenticate(db, { name: 'chief', token: ended.token, now: NOW }))).toBe('LOGIN_EXPIRED');
  });

  test('a token speaks for its own account only', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    await account(db, 'li', 'operator');
    const { token } = await principal(db, 'li');
    expect(await codeOf(authenticate(db, { name: 'chief', token, now: NOW }))).toBe('LOGIN_EXPIRED');
  });

  test('disabling, a new role, a new password and a reset each end every log-in at once', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    await account(db, 'li', 'operator');
    const ends = async (work: () => Promise<unknown>) => {
      const { token } = await principal(db, 'li');
      await work();
      expect(await codeOf(authenticate(db, { name: 'li', token, now: NOW }))).toBe('LOGIN_EXPIRED');
    };
    await ends(() => changeRoles(db, 'li', ['viewer'], change));
    await ends(() => changePassword(db, { name: 'li', secret: PASSWORD, password: PASSWORD, now: NOW }));
    await ends(() => disableAccount(db, 'li', change));
    expect(
      await codeOf(
        login(db, { name: 'li', password: PASSWORD, origin: 'host', token: newToken(), now: NOW, factor: NO_FACTOR }),
      ),
    ).toBe('LOGIN_REFUSED');
    await enableAccount(db, 'li', change);
    await ends(() => resetPassword(db, { name: 'li', token: newToken() }, change));
    expect((await findUser(db, 'li'))?.passwordHash).toBeNull();
  });

  test('one administrator always remains, and nobody changes the own roles', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    expect(await codeOf(disableAccount(db, 'chief', change))).toBe('ACCOUNT_LAST');
    expect(await codeOf(changeRoles(db, 'chief', ['auditor'], change))).toBe('ACCOUNT_LAST');
    await account(db, 'deputy', 'sysadmin');
    expect(await codeOf(changeRoles(db, 'chief', ['operator'], { ...change, by: 'user:chief' }))).toBe('ACCOUNT_OWN');
    await disableAccount(db, 'chief', change);
    expect(await codeOf(disableAccount(db, 'deputy', change))).toBe('ACCOUNT_LAST');
  });

  test('every change of an account and every log-in, good or bad, is in the log with who and why', async () => {
    const db = await open();
    await account(db, 'chief', 'sysadmin');
    await account(db, 'li', 'operator');
    await principal(db, 'li');
    await codeOf(
      login(db, { name: 'li', password: 'wrong', origin: 'host', token: newToken(), now: NOW, factor: NO_FACTOR }),
    );
    await changeRoles(db, 'li', ['approver'], { ...change, by: 'user:chief' });
    await disableAccount(db, 'li', { ...change, by: 'user:chief' });
    expect(await actions(db)).toEqual([
      ...['user.added', 'user.password-set', 'user.added', 'user.password-set'],
      ...['login.accepted', 'login.refused', 'user.role', 'user.disabled'],
    ]);
    const [last] = await listLog(db, { limit: 1 });
    expect(last).toMatchObject({ actor: 'user:chief', detail: { user: 'li', reason: '测试' } });
  });
});
