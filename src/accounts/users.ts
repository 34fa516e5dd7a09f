import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { forgetTries } from '../store/login-tries.ts';
import { loseFactor } from '../store/second-factors.ts';
import { addToken, dropToken, dropTokens, findToken } from '../store/tokens.ts';
import {
  addUser,
  countUsers,
  findUser,
  listUsers,
  setPassword,
  setRoles,
  setState,
  type UserRow,
} from '../store/users.ts';
import { accountSubjects, countAgainst, isLockedOut } from './login-tries.ts';
import { hashPassword, isPassword } from './password.ts';
import { passwordFault } from './password-rules.ts';
import { personOf } from './principal.ts';
import { type Role, readRoles } from './roles.ts';
import { tokenDigest } from './token.ts';

/** Who changes an account, and why. */
export interface AccountChange {
  readonly by: string;
  readonly reason: string;
  readonly now: Date;
}

const FIRST_MS = 3_600_000;
const SETUP_MS = 24 * 3_600_000;

export interface NewAccount {
  readonly name: string;
  readonly roles: readonly string[];
  /** The first account of all: an administrator, made at the host's shell; its token lasts one hour. */
  readonly first: boolean;
  /** One-time token with which the person sets the password; nobody else ever knows one. */
  readonly token: string;
}

/** There is no default account; the first one is made once. Throws HubError ACCOUNT_… */
export async function addAccount(db: Db, account: NewAccount, { by, reason, now }: AccountChange): Promise<string> {
  const { name, first, token } = account;
  const roles = soundRoles(account.roles);
  if (!/^[a-z][a-z0-9._-]{1,31}$/.test(name)) throw wrongName(name);
  const expiresAt = new Date(now.getTime() + (first ? FIRST_MS : SETUP_MS)).toISOString();
  await inTransaction(db, async (tx) => {
    const known = await countUsers(tx);
    if (first !== (known === 0)) throw first ? notFirst() : noneYet();
    if (first && !roles.includes('sysadmin')) throw noneYet();
    if ((await findUser(tx, name)) !== undefined) throw taken(name);
    const userId = await addUser(tx, { name, roles, by, at: now.toISOString() });
    await addToken(tx, { digest: tokenDigest(token), userId, purpose: 'setup', at: now.toISOString(), expiresAt });
    await appendLog(tx, now, [
      { actor: by, action: 'user.added', detail: { user: name, roles: [...roles], first, reason } },
    ]);
  });
  return expiresAt;
}

/** Takes password and authenticator away and gives a one-time token instead; every log-in of the person ends. */
export async function resetPassword(
  db: Db,
  { name, token }: { readonly name: string; readonly token: string },
  { by, reason, now }: AccountChange,
): Promise<string> {
  const expiresAt = new Date(now.getTime() + SETUP_MS).toISOString();
  await inTransaction(db, async (tx) => {
    const user = await known(tx, name);
    await setPassword(tx, user.id, null, now.toISOString());
    await dropTokens(tx, user.id);
    await loseFactor(tx, user.id);
    await forgetTries(tx, accountSubjects(name));
    await addToken(tx, {
      digest: tokenDigest(token),
      userId: user.id,
      purpose: 'setup',
      at: now.toISOString(),
      expiresAt,
    });
    await appendLog(tx, now, [{ actor: by, action: 'user.password-reset', detail: { user: name, reason } }]);
  });
  return expiresAt;
}

export interface PasswordChange {
  readonly name: string;
  /** The present password or a one-time token. */
  readonly secret: string;
  readonly password: string;
  readonly now: Date;
}

/** A person sets the own password. Every older log-in ends; wrong tries count as wrong log-ins do. */
export async function changePassword(db: Db, { name, secret, password, now }: PasswordChange): Promise<void> {
  const fault = passwordFault(password, name);
  if (fault !== undefined) throw weak(fault);
  const user = await findUser(db, name);
  const active = user?.state === 'active' ? user : undefined;
  const locked = await isLockedOut(db, { name, origin: 'host', now });
  const byToken = active !== undefined && (await ownsToken(db, active, secret, now));
  const byPassword = (await isPassword(secret, active?.passwordHash)) && !locked;
  const hash = await hashPassword(password);
  const actor = user === undefined ? 'nobody' : `user:${name}`;
  const set = await inTransaction(db, async (tx) => {
    const right = byToken ? await dropToken(tx, tokenDigest(secret)) : byPassword;
    const action = right ? 'user.password-set' : 'user.password-refused';
    await appendLog(tx, now, [{ actor, action, detail: { by: byToken ? 'token' : 'password' } }]);
    if (right && active !== undefined) {
      await setPassword(tx, active.id, hash, now.toISOString());
      await dropTokens(tx, active.id);
      await forgetTries(tx, accountSubjects(name));
    } else if (!locked) await countAgainst(tx, { name, origin: 'host', actor, now });
    return right;
  });
  if (!set) throw wrongSecret();
}

async function ownsToken(db: Db, user: UserRow, secret: string, now: Date): Promise<boolean> {
  const token = await findToken(db, tokenDigest(secret));
  return token?.purpose === 'setup' && token.userId === user.id && token.expiresAt > now.toISOString();
}

/** Nobody changes the own roles, and one administrator must remain. Log-ins end: the next one has the new roles. */
export async function changeRoles(
  db: Db,
  name: string,
  words: readonly string[],
  change: AccountChange,
): Promise<readonly Role[]> {
  const roles = soundRoles(words);
  await inTransaction(db, async (tx) => {
    const user = await known(tx, name);
    if (personOf(change.by) === name && change.by.startsWith('user:')) throw ownRoles();
    if (!roles.includes('sysadmin')) await keepOneAdmin(tx, user);
    await setRoles(tx, user.id, roles);
    await dropTokens(tx, user.id);
    await note(tx, 'user.role', { user: name, roles: [...roles], before: [...user.roles] }, change);
  });
  return roles;
}

/** Every token of the person ends with it. */
export async function disableAccount(db: Db, name: string, change: AccountChange): Promise<void> {
  await inTransaction(db, async (tx) => {
    const user = await known(tx, name);
    await keepOneAdmin(tx, user);
    await setState(tx, user.id, 'disabled', change.now.toISOString());
    const ended = await dropTokens(tx, user.id);
    await note(tx, 'user.disabled', { user: name, ended }, change);
  });
}

/** Lets a disabled or locked person in again; the password stays. */
export async function enableAccount(db: Db, name: string, change: AccountChange): Promise<void> {
  await inTransaction(db, async (tx) => {
    const user = await known(tx, name);
    await setState(tx, user.id, 'active', null);
    await forgetTries(tx, accountSubjects(name));
    await note(tx, 'user.enabled', { user: name, before: user.state }, change);
  });
}

const note = (
  tx: Tx,
  action: string,
  detail: { [key: string]: string | number | string[] },
  { by, reason, now }: AccountChange,
): Promise<void> => appendLog(tx, now, [{ actor: by, action, detail: { ...detail, reason } }]);

async function known(tx: Tx, name: string): Promise<UserRow> {
  const user = await findUser(tx, name);
  if (user !== undefined) return user;
  throw new HubError('ACCOUNT_UNKNOWN', `没有账户 ${name} (there is no account ${name})`, {
    remedy: 'give-up',
    fix: '用 hub user list 查看 (see hub user list)',
  });
}

async function keepOneAdmin(tx: Tx, user: UserRow): Promise<void> {
  const isAdmin = ({ state, roles }: UserRow): boolean => state === 'active' && roles.includes('sysadmin');
  if (!isAdmin(user)) return;
  const others = (await listUsers(tx)).filter((other) => other.id !== user.id && isAdmin(other));
  if (others.length > 0) return;
  throw new HubError('ACCOUNT_LAST', `${user.name} 是唯一的系统管理员 (the only system administrator)`, {
    remedy: 'give-up',
    fix: '先增加另一位系统管理员 (add another sysadmin first)',
  });
}

function soundRoles(words: readonly string[]): readonly Role[] {
  const read = readRoles(words);
  if ('roles' in read) return read.roles;
  throw new HubError('USAGE_ROLES', `${read.zh} (${read.en})`, {
    remedy: 'give-up',
    fix: 'hub user role NAME viewer|operator|approver|sysadmin|auditor',
  });
}

const wrongName = (name: string): HubError =>
  new HubError('USAGE_NAME', `账户名 ${name} 不合要求 (not a good account name)`, {
    remedy: 'give-up',
    fix: '2–32 位小写字母、数字、点、横线，以字母开头 (2 to 32 lower-case letters, digits, dots, hyphens; a letter first)',
  });

const taken = (name: string): HubError =>
  new HubError('ACCOUNT_TAKEN', `已有账户 ${name} (there is such an account)`, {
    remedy: 'give-up',
    fix: '换一个名字 (choose another name)',
  });

const notFirst = (): HubError =>
  new HubError(
    'ACCOUNT_NOT_FIRST',
    '已有账户，--first 只用于第一个 (there are accounts: --first is for the very first)',
    {
      remedy: 'give-up',
      fix: '由系统管理员增加账户 (let a sysadmin add it)',
    },
  );

const noneYet = (): HubError =>
  new HubError('ACCOUNT_NONE', '还没有账户 (there is no account yet)', {
    remedy: 'give-up',
    fix: '先在主机上运行 hub user add NAME --role sysadmin --first --reason "…" (make the first administrator at the host)',
  });

const weak = ({ zh, en }: { readonly zh: string; readonly en: string }): HubError =>
  new HubError('PASSWORD_WEAK', `${zh} (${en})`, {
    remedy: 'give-up',
    fix: '建议用 15 个字符以上的短句 (a sentence of 15 characters or more is best)',
  });

const ownRoles = (): HubError =>
  new HubError('ACCOUNT_OWN', '不能更改自己的角色 (nobody changes the own roles)', {
    remedy: 'give-up',
    fix: '请另一位系统管理员办理 (ask another sysadmin)',
  });

const wrongSecret = (): HubError =>
  new HubError(
    'PASSWORD_REFUSED',
    '账户、现口令或一次性令牌不对或已过期 (wrong account, password or one-time token, or expired)',
    {
      remedy: 'give-up',
      fix: '请系统管理员重置：hub user reset NAME --reason "…" (ask a sysadmin for a reset)',
    },
  );
