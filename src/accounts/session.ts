import { HubError } from '../errors.ts';
import { type Db, inTransaction, type Reader } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { dropToken, findToken, touchToken } from '../store/tokens.ts';
import { userById } from '../store/users.ts';
import type { Principal } from './principal.ts';
import { isRole, type Role } from './roles.ts';
import { tokenDigest } from './token.ts';

const IDLE_MS = 30 * 60_000;

/** A log-in that counts at this moment. */
export interface LivingLogin {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly usedAt: string;
  /** When it ends, if nobody uses it again before. */
  readonly until: string;
}

/** Looks without using the token; undefined where it counts no longer, or never did. */
export async function livingLogin(db: Reader, token: string, now: Date): Promise<LivingLogin | undefined> {
  const found = await findToken(db, tokenDigest(token));
  const user = found?.purpose === 'login' ? await userById(db, found.userId) : undefined;
  if (found === undefined || user?.state !== 'active') return undefined;
  const { usedAt, expiresAt } = found;
  const end = Math.min(Date.parse(usedAt) + IDLE_MS, Date.parse(expiresAt));
  if (end <= now.getTime()) return undefined;
  return { name: user.name, roles: user.roles.filter(isRole), usedAt, until: new Date(end).toISOString() };
}

/** Who a token speaks for, with the roles of this moment. Throws LOGIN_EXPIRED. */
export async function authenticate(
  db: Db,
  { name, token, now }: { readonly name: string; readonly token: string; readonly now: Date },
): Promise<Principal> {
  const login = await livingLogin(db, token, now);
  if (login?.name !== name) throw expired(name);
  const idle = now.getTime() - Date.parse(login.usedAt);
  if (idle > 60_000) await inTransaction(db, (tx) => touchToken(tx, tokenDigest(token), now.toISOString()));
  return { actor: `user:${name}`, roles: login.roles, breakGlass: false };
}

/** HUB_USER names an account, but no token that still counts stands behind it. */
export const expired = (name: string): HubError =>
  new HubError('LOGIN_EXPIRED', `账户 ${name} 未登录或已过期 (${name} is not logged in, or no longer)`, {
    remedy: 'give-up',
    fix: `运行 hub login --user ${name} (run hub login --user ${name})`,
  });

export async function logout(
  db: Db,
  { name, token, now }: { name: string; token: string; now: Date },
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const ended = await dropToken(tx, tokenDigest(token));
    if (ended) await appendLog(tx, now, [{ actor: `user:${name}`, action: 'login.ended', detail: {} }]);
    return ended;
  });
}
