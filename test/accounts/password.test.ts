import { expect, test } from 'vitest';
import { hashPassword, isPassword } from '../../src/accounts/password.ts';
import { passwordFault } from '../../src/accounts/password-rules.ts';
import { ROLES, readRoles, roleTable } from '../../src/accounts/roles.ts';

test('a password has 8 to 128 characters, whatever the script', () => {
  expect(passwordFault('k7!x9qz', 'li')).toMatchObject({ en: expect.stringContaining('at least 8') });
  expect(passwordFault('k7!x9qzw', 'li')).toBeUndefined();
  expect(passwordFault('山歌好比春江水', 'li')).toMatchObject({ en: expect.stringContaining('at least 8') });
  expect(passwordFault('山歌好比春江水哎', 'li')).toBeUndefined();
  expect(passwordFault('ab1!'.repeat(32), 'li')).toBeUndefined();
  expect(passwordFault(`${'ab1!'.repeat(32)}x`, 'li')).toMatchObject({ en: expect.stringContaining('at most 128') });
});

test('common passwords are refused, in any case, here and elsewhere', () => {
  for (const common of [
    'password1',
    'PassWord1',
    'qwerty123',
    '1qaz2wsx',
    'woaini1314',
    '5201314520',
    'Aa123456!',
    'admin2026',
    'Guangxi123',
  ])
    expect([common, passwordFault(common, 'li')?.en]).toEqual([common, expect.stringMatching(/common|different/)]);
  expect(passwordFault('aaaaaaaabbbb', 'li')).toMatchObject({ en: expect.stringContaining('different characters') });
  expect(passwordFault('xx-Zhang-2026-yy', 'zhang')).toMatchObject({ en: expect.stringContaining('account name') });
});

test('a short password that is put together from common words is refused, a sentence with such words is not', () => {
  for (const expected of ['weakpass', 'WeakPass1!', 'adminpass', 'Test-2026!', 'user1234', 'hub12345!', 'root@abc'])
    expect([expected, passwordFault(expected, 'li')?.en]).toEqual([expected, expect.stringContaining('common')]);
  for (const fine of ['k7!x9qzw', 'rvmqhdtb', '!@#$%^&*(', 'my test of 2026 begins', 'passwordsareweakbutlong'])
    expect([fine, passwordFault(fine, 'li')]).toEqual([fine, undefined]);
});

test('nothing of a password is cut off: the 128th character counts', async () => {
  const long = `${'山a1!'.repeat(31)}last`;
  const phc = await hashPassword(long);
  expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await isPassword(long, phc)).toBe(true);
  expect(await isPassword(`${long.slice(0, -1)}T`, phc)).toBe(false);
});

test('one password typed in two forms of Unicode is one password', async () => {
  expect(await isPassword('Nánníng-8-ü'.normalize('NFD'), await hashPassword('Nánníng-8-ü'.normalize('NFC')))).toBe(
    true,
  );
});

test('an account that is not there costs as much work as a wrong password', async () => {
  const begun = performance.now();
  expect(await isPassword('whatever it is', undefined)).toBe(false);
  // Argon2id with 19 MiB cannot be done in less; a busy machine only takes longer.
  expect(performance.now() - begun).toBeGreaterThan(3);
});

test('system, audit and business never meet in one account', () => {
  for (const one of ROLES)
    for (const other of ROLES) {
      const together = 'roles' in readRoles([one, other]);
      expect([one, other, together]).toEqual([one, other, roleTable[one].group === roleTable[other].group]);
    }
  expect(readRoles(['root'])).toMatchObject({ en: expect.stringContaining('no role root') });
  expect(readRoles([])).toMatchObject({ en: expect.stringContaining('at least one') });
});
