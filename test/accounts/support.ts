import { expect } from 'vitest';
import { login } from '../../src/accounts/login.ts';
import type { Principal } from '../../src/accounts/principal.ts';
import { authenticate } from '../../src/accounts/session.ts';
import { newToken } from '../../src/accounts/token.ts';
import { addAccount, changePassword } from '../../src/accounts/users.ts';
import { sequenceAll } from '../../src/evidence/sequencer.ts';
import { type Db, inTransaction } from '../../src/store/database.ts';
import { listLog } from '../../src/store/log.ts';

export const NOW = new Date('2026-11-27T02:00:00Z');
export const later = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);
export const NO_FACTOR = { secretKey: undefined, required: false };
export const PASSWORD = '壮乡三月三山歌好比春江水';
export const change = { by: 'shell:test', reason: '测试', now: NOW };

/** An account whose owner has set a password; the first one is the administrator. */
export async function account(db: Db, name: string, ...roles: readonly string[]): Promise<void> {
  const token = newToken();
  const first = (await db('users').count({ n: '*' }).first())?.['n'] === 0;
  await addAccount(db, { name, roles, first, token }, change);
  await changePassword(db, { name, secret: token, password: PASSWORD, now: NOW });
}

/** That person, logged in. */
export async function principal(
  db: Db,
  name: string,
  now: Date = NOW,
): Promise<Principal & { readonly token: string }> {
  const token = newToken();
  await login(db, { name, password: PASSWORD, origin: 'host', token, now, factor: NO_FACTOR });
  return { ...(await authenticate(db, { name, token, now })), token };
}

/** Code of the HubError that this ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, 'it should have been refused').toBeDefined();
  return (error as { code: string }).code;
}

/** Actions of the log, oldest first. */
export async function actions(db: Db): Promise<string[]> {
  await sequenceAll(db);
  return (await listLog(db, { limit: 1000 })).map(({ action }) => action).toReversed();
}

export { inTransaction };
