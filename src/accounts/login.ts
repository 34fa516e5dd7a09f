import { sha256Bytes } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Reader, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { countWrong, forgetTries, isLocked, lockUntil } from '../store/login-tries.ts';
import { addToken } from '../store/tokens.ts';
import { findUser, type UserRow } from '../store/users.ts';
import { isPassword } from './password.ts';
import { tokenDigest } from './token.ts';

export interface LoginTry {
  readonly name: string;
  readonly password: string;
  /** `host` at this machine's shell, else the address that the try came from. */
  readonly origin: string;
  /** The token that a success makes valid. */
  readonly token: string;
  readonly now: Date;
}

const TRIES_PER_ACCOUNT = 5;
const TRIES_PER_ADDRESS = 20;
const LOCK_MS = 15 * 60_000;
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
  const { name, password, origin, token, now } = attempt;
  const user = await findUser(db, name);
  const locked = await isLockedOut(db, { name, origin, now });
  const right = await isPassword(password, user?.state === 'active' ? user.passwordHash : null);
  if (user === undefined || !right || locked) {
    await inTransaction(db, (tx) => refuse(tx, attempt, { user, locked }));
    throw refused();
  }
  const at = now.toISOString();
  const expiresAt = new Date(now.getTime() + LASTS_MS).toISOString();
  await inTransaction(db, async (tx) => {
    await forgetTries(tx, subjectsFrom(name, origin));
    await addToken(tx, { digest: tokenDigest(token), userId: user.id, purpose: 'login', at, expiresAt });
    await appendLog(tx, now, [{ actor: `user:${name}`, action: 'login.accepted', detail: { origin } }]);
  });
  return { user, expiresAt };
}

const subject = (...parts: readonly string[]): Buffer => sha256Bytes(JSON.stringify(parts));

function subjectsOf(name: string, origin: string): { readonly subject: Buffer; readonly most: number }[] {
  if (origin === 'host') return [{ subject: subject('host', name), most: TRIES_PER_ACCOUNT }];
  return [
    { subject: subject('elsewhere', name), most: TRIES_PER_ACCOUNT },
    { subject: subject('address', origin), most: TRIES_PER_ADDRESS },
  ];
}

const subjectsFrom = (name: string, origin: string): Buffer[] =>
  subjectsOf(name, origin).map(({ subject: counted }) => counted);

/** True while too many wrong passwords for this account, or from this address, lie less than 15 minutes back. */
export const isLockedOut = (
  db: Reader,
  { name, origin, now }: { readonly name: string; readonly origin: string; readonly now: Date },
): Promise<boolean> => isLocked(db, subjectsFrom(name, origin), now.toISOString());

/** Everything that may lock an account. */
export const accountSubjects = (name: string): Buffer[] => [subject('host', name), subject('elsewhere', name)];

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

/** One more wrong password in a row; the fifth locks. */
export async function countAgainst(
  tx: Tx,
  {
    name,
    origin,
    actor,
    now,
  }: { readonly name: string; readonly origin: string; readonly actor: string; readonly now: Date },
): Promise<void> {
  for (const { subject: counted, most } of subjectsOf(name, origin)) {
    if ((await countWrong(tx, counted, now.toISOString())) < most) continue;
    await lockUntil(tx, counted, new Date(now.getTime() + LOCK_MS).toISOString());
    await appendLog(tx, now, [{ actor, action: 'login.locked', detail: { origin } }]);
  }
}

const refused = (): HubError =>
  new HubError('LOGIN_REFUSED', '账户或口令不对，或暂时锁定 (wrong account or password, or locked for a while)', {
    remedy: 'give-up',
    fix: '连错 5 次锁定 15 分钟；忘记口令请系统管理员 hub user reset NAME (five wrong tries lock for 15 minutes; a sysadmin can reset)',
  });
