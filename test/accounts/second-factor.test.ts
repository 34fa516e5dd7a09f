import { expect, test } from 'vitest';
import { login } from '../../src/accounts/login.ts';
import { confirmFactor, enrolFactor } from '../../src/accounts/second-factor.ts';
import { newToken } from '../../src/accounts/token.ts';
import { stepOf, totpCode, totpSeed } from '../../src/accounts/totp.ts';
import { changePassword, resetPassword } from '../../src/accounts/users.ts';
import type { Db } from '../../src/store/database.ts';
import { onBothDatabases, openTestDatabase } from '../support/databases.ts';
import { account, actions, change, codeOf, later, NOW, PASSWORD } from './support.ts';

const secretKey = '5f'.repeat(32);

test('codes are those of RFC 6238', () => {
  const seed = Buffer.from('12345678901234567890');
  const codes = [59, 1111111109, 1111111111, 1234567890, 2000000000].map((s) => totpCode(seed, Math.floor(s / 30)));
  expect(codes).toEqual(['287082', '081804', '050471', '005924', '279037']);
});

test('a code counts half a minute early and late, and never twice', () => {
  const seed = totpSeed(secretKey, { name: 'chief', generation: 1 });
  const now = NOW;
  const step = Math.floor(now.getTime() / 30_000);
  const found = [-2, -1, 0, 1, 2].map((drift) => stepOf(seed, totpCode(seed, step + drift), { now, after: 0 }));
  expect(found).toEqual([undefined, step - 1, step, step + 1, undefined]);
  expect(stepOf(seed, totpCode(seed, step), { now, after: step })).toBeUndefined();
  expect(totpSeed(secretKey, { name: 'chief', generation: 2 })).not.toEqual(seed);
});

onBothDatabases('a second factor', ({ url }) => {
  const codeAt = (generation: number, now: Date, name = 'chief'): string =>
    totpCode(totpSeed(secretKey, { name, generation }), Math.floor(now.getTime() / 30_000));
  const attempt = (db: Db, now: Date, code?: string, required = true) =>
    login(db, {
      name: 'chief',
      password: PASSWORD,
      origin: 'host',
      token: newToken(),
      now,
      code,
      factor: { secretKey, required },
    });
  const enrolment = { name: 'chief', password: PASSWORD, secretKey, now: NOW };
  const bureau = async (): Promise<Db> => {
    const db = await openTestDatabase(await url());
    await account(db, 'chief', 'sysadmin');
    return db;
  };
  const set = async (db: Db): Promise<void> => {
    await enrolFactor(db, enrolment);
    await confirmFactor(db, { ...enrolment, code: codeAt(1, NOW) });
  };

  test('administrators, approvers and auditors do not get in without one where it is required; others do', async () => {
    const db = await bureau();
    await account(db, 'wei', 'operator');
    expect(await codeOf(attempt(db, NOW))).toBe('FACTOR_MISSING');
    await attempt(db, NOW, undefined, false);
    const factor = { secretKey, required: true };
    await login(db, { name: 'wei', password: PASSWORD, origin: 'host', token: newToken(), now: NOW, factor });
  });

  test('once it is set, a log-in needs a fresh code of it, whatever the setting', async () => {
    const db = await bureau();
    await set(db);
    expect(await codeOf(attempt(db, later(1), undefined, false))).toBe('LOGIN_REFUSED');
    expect(await codeOf(attempt(db, later(1), '000000'))).toBe('LOGIN_REFUSED');
    await attempt(db, later(1), codeAt(1, later(1)));
    expect(await codeOf(attempt(db, later(1), codeAt(1, later(1))))).toBe('LOGIN_REFUSED');
    await attempt(db, later(2), codeAt(1, later(2)));
  });

  test('the code of the proof is used up, and it takes the password and a right code to set one', async () => {
    const db = await bureau();
    expect(await codeOf(enrolFactor(db, { ...enrolment, password: 'wrong' }))).toBe('FACTOR_REFUSED');
    expect(await codeOf(enrolFactor(db, { ...enrolment, secretKey: undefined }))).toBe('FACTOR_KEYLESS');
    const { seed, uri } = await enrolFactor(db, enrolment);
    expect(uri).toContain(`secret=${seed}`);
    expect(await codeOf(confirmFactor(db, { ...enrolment, code: '000000' }))).toBe('FACTOR_REFUSED');
    await confirmFactor(db, { ...enrolment, code: codeAt(1, NOW) });
    expect(await codeOf(attempt(db, NOW, codeAt(1, NOW)))).toBe('LOGIN_REFUSED');
    expect(JSON.stringify(await db('second_factors'))).not.toContain(seed);
  });

  test('a password alone does not replace it; a reset ends it, with its seed', async () => {
    const db = await bureau();
    await set(db);
    expect(await codeOf(enrolFactor(db, enrolment))).toBe('FACTOR_SET');
    const token = newToken();
    await resetPassword(db, { name: 'chief', token }, change);
    await changePassword(db, { name: 'chief', secret: token, password: PASSWORD, now: NOW });
    expect(await codeOf(attempt(db, later(1), codeAt(1, later(1))))).toBe('FACTOR_MISSING');
    await enrolFactor(db, enrolment);
    expect(await codeOf(confirmFactor(db, { ...enrolment, code: codeAt(1, NOW) }))).toBe('FACTOR_REFUSED');
    await confirmFactor(db, { ...enrolment, code: codeAt(3, NOW) });
    await attempt(db, later(1), codeAt(3, later(1)));
  });

  test('guessing codes locks as guessing passwords does', async () => {
    const db = await bureau();
    await set(db);
    for (let n = 0; n < 5; n += 1) await codeOf(attempt(db, later(1), `00000${n}`));
    expect(await codeOf(attempt(db, later(2), codeAt(1, later(2))))).toBe('LOGIN_REFUSED');
    expect(await actions(db)).toContain('login.locked');
    await attempt(db, later(18), codeAt(1, later(18)));
  });
});
