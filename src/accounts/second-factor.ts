import { base32 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Reader, type Tx } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { readFactor, renewFactor, useStep } from '../store/second-factors.ts';
import { findUser, type UserRow } from '../store/users.ts';
import { countAgainst, isLockedOut } from './login-tries.ts';
import { isPassword } from './password.ts';
import { stepOf, totpSeed } from './totp.ts';

export interface FactorTerms {
  /** HUB_SECRET_KEY. */
  readonly secretKey: string | undefined;
  /** HUB_SECOND_FACTOR: administrators, approvers and auditors log in with one. */
  readonly required: boolean;
}

const ADMIN_ROLES: readonly string[] = ['sysadmin', 'approver', 'auditor'];

/** What a log-in needs beside the password: nothing, a code, or an authenticator that is not set up yet. */
export async function factorNeeded(
  db: Reader,
  user: UserRow,
  { required }: FactorTerms,
): Promise<'none' | 'code' | 'enrol'> {
  if ((await readFactor(db, user.id))?.confirmedAt) return 'code';
  return required && user.roles.some((role) => ADMIN_ROLES.includes(role)) ? 'enrol' : 'none';
}

/** Uses a code up; false for a wrong, an old and a used one. */
export async function takeCode(
  tx: Tx,
  user: UserRow,
  { code, secretKey, now }: { readonly code: string; readonly secretKey: string | undefined; readonly now: Date },
): Promise<boolean> {
  const factor = await readFactor(tx, user.id);
  if (factor === undefined) return false;
  const seed = totpSeed(keyOf(secretKey), { name: user.name, generation: factor.generation });
  const step = stepOf(seed, code, { now, after: factor.lastStep });
  return step !== undefined && useStep(tx, user.id, step, now.toISOString());
}

export interface Enrolment {
  readonly name: string;
  readonly password: string;
  readonly secretKey: string | undefined;
  readonly now: Date;
}

/** A seed for an authenticator app; it counts once `confirmFactor` has seen a code of it. One that counts is not replaced by a password alone. */
export async function enrolFactor(
  db: Db,
  enrolment: Enrolment,
): Promise<{ readonly seed: string; readonly uri: string }> {
  const { name, now } = enrolment;
  const key = keyOf(enrolment.secretKey);
  const user = await owner(db, enrolment);
  const before = await readFactor(db, user.id);
  if (before?.confirmedAt) throw alreadySet(name);
  const generation = (before?.generation ?? 0) + 1;
  await inTransaction(db, async (tx) => {
    await renewFactor(tx, user.id, generation);
    await appendLog(tx, now, [{ actor: `user:${name}`, action: 'user.factor-begun', detail: { generation } }]);
  });
  const seed = base32(totpSeed(key, { name, generation })).toUpperCase();
  const label = encodeURIComponent(`zhengxin-hub:${name}`);
  return { seed, uri: `otpauth://totp/${label}?secret=${seed}&issuer=zhengxin-hub&digits=6&period=30` };
}

/** From now on log-ins of this account need a code. */
export async function confirmFactor(
  db: Db,
  { code, ...enrolment }: Enrolment & { readonly code: string },
): Promise<void> {
  const { name, secretKey, now } = enrolment;
  const user = await owner(db, enrolment);
  const actor = `user:${name}`;
  const right = await inTransaction(db, async (tx) => {
    const taken = await takeCode(tx, user, { code, secretKey, now });
    await appendLog(tx, now, [{ actor, action: taken ? 'user.factor-set' : 'user.factor-refused', detail: {} }]);
    if (!taken) await countAgainst(tx, { name, origin: 'host', actor, now });
    return taken;
  });
  if (!right) throw refused();
}

/** The person whose password this is; wrong ones count as wrong log-ins do. */
async function owner(db: Db, { name, password, now }: Enrolment): Promise<UserRow> {
  const user = await findUser(db, name);
  const locked = await isLockedOut(db, { name, origin: 'host', now });
  const right = await isPassword(password, user?.state === 'active' ? user.passwordHash : null);
  if (user !== undefined && right && !locked) return user;
  const actor = user === undefined ? 'nobody' : `user:${name}`;
  await inTransaction(db, async (tx) => {
    await appendLog(tx, now, [{ actor, action: 'user.factor-refused', detail: {} }]);
    if (!locked) await countAgainst(tx, { name, origin: 'host', actor, now });
  });
  throw refused();
}

function keyOf(secretKey: string | undefined): string {
  if (secretKey !== undefined) return secretKey;
  throw new HubError('FACTOR_KEYLESS', '没有 HUB_SECRET_KEY，无法使用第二因子 (a second factor needs HUB_SECRET_KEY)', {
    remedy: 'give-up',
    fix: '在 .env 中设 HUB_SECRET_KEY（openssl rand -hex 32），切勿更换 (set it once and keep it)',
  });
}

const refused = (): HubError =>
  new HubError(
    'FACTOR_REFUSED',
    '账户、口令或验证码不对，或暂时锁定 (wrong account, password or code, or locked for a while)',
    {
      remedy: 'give-up',
      fix: '检查手机时间是否准确；每个验证码只能用一次 (check the clock of the phone; a code has one use)',
    },
  );

const alreadySet = (name: string): HubError =>
  new HubError('FACTOR_SET', `${name} 已设第二因子 (${name} has a second factor)`, {
    remedy: 'give-up',
    fix: `手机丢失请系统管理员 hub user reset ${name} (if it is lost, a sysadmin resets the account)`,
  });

/** A role that must not log in by password alone. */
export const mustEnrol = (name: string): HubError =>
  new HubError('FACTOR_MISSING', `${name} 的角色须设第二因子 (the roles of ${name} need a second factor)`, {
    remedy: 'give-up',
    fix: `运行 hub user second-factor ${name} (run hub user second-factor ${name})`,
  });
