import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { forgetTries } from '../store/login-tries.ts';
import { addToken } from '../store/tokens.ts';
import { findUser, type UserRow } from '../store/users.ts';
import { countAgainst, isLockedOut, subjectsFrom } from './login-tries.ts';
import { isPassword } from './password.ts';
import { type FactorTerms, factorNeeded, mustEnrol, takeCode } from './second-factor.ts';
import { tokenDigest } from './token.ts';

export interface LoginTry {
  readonly name: string;
  readonly password: string;
  /** `host` at this machine's shell, else the address that the try came from. */
  readonly origin: string;
  /** The token that a success makes valid. */
  readonly token: string;
  readonly now: Date;
  /** Of an authenticator, where the account has one. */
  readonly code?: string | undefined;
  readonly factor: FactorTerms;
}

const LASTS_MS = 8 * 3_600_000;

/**
 * Makes a token valid for a working day. Wrong account, wrong password, disabled and locked are one answer after the same
 * work (faults.md S5). Five wrong tries lock for 15 minutes (S6): at the host and from elsewhere counted apart, and a lock
 * is not made longer by tries during it, so nobody locks the only administrator out of the host's own shell.
 */
export async function login(
  db: Db,
  attempt: LoginTry,
): Promise<{ readonly user: UserRow; readonly expiresAt: string }> {
  const { name, password, origin, token, now, code, factor } = attempt;
  const user = await findUser(db, name);
  const locked = await isLockedOut(db, { name, origin, now });
  const right = await isPassword(password, user?.state === 'active' ? user.passwordHash : null);
  const needed = user === undefined || !right || locked ? 'none' : await factorNeeded(db, user, factor);
  const proved =
    needed !== 'code' ||
    (user !== undefined &&
      (await inTransaction(db, (tx) => takeCode(tx, user, { code: code ?? '', secretKey: factor.secretKey, now }))));
  if (user === undefined || !right || locked || !proved) {
    await inTransaction(db, (tx) => refuse(tx, attempt, { user, locked }));
    throw refused();
  }
  if (needed === 'enrol') throw mustEnrol(name);
  const at = now.toISOString();
  const expiresAt = new Date(now.getTime() + LASTS_MS).toISOString();
  await inTransaction(db, async (tx) => {
    await forgetTries(tx, subjectsFrom(name, origin));
    await addToken(tx, { digest: tokenDigest(token), userId: user.id, purpose: 'login', at, expiresAt });
    await appendLog(tx, now, [{ actor: `user:${name}`, action: 'login.accepted', detail: { origin } }]);
  });
  return { user, expiresAt };
}

async function refuse(
  tx: Tx,
  { name, origin, now }: LoginTry,
  { user, locked }: { readonly user: UserRow | undefined; readonly locked: boolean },
): Promise<void> {
  // A name that nobody has may be a password in the wrong line: it is not written down.
  const actor = user === undefined ? 'nobody' : `user:${name}`;
  const action = locked ? 'login.refused-locked' : 'login.refused';
  await appendLog(tx, now, [{ actor, action, detail: { origin } }]);
  if (!locked) await countAgainst(tx, { name, origin, actor, now });
}

const refused = (): HubError =>
  new HubError(
    'LOGIN_REFUSED',
    '账户、口令或验证码不对，或暂时锁定 (wrong account, password or code, or locked for a while)',
    {
      remedy: 'give-up',
      fix: '连错 5 次锁定 15 分钟；忘记口令请系统管理员 hub user reset NAME (five wrong tries lock for 15 minutes; a sysadmin can reset)',
    },
  );
