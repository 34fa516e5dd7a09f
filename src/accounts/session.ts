import { HubError } from '../errors.ts';
import { type Db, inTransaction } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { dropToken, findToken, touchToken } from '../store/tokens.ts';
import { userById } from '../store/users.ts';
import type { Principal } from './principal.ts';
import { isRole } from './roles.ts';
import { tokenDigest } from './token.ts';

const IDLE_MS = 30 * 60_000;

/** Who a token speaks for, with the roles of this moment. Throws LOGIN_EXPIRED. */
export async function authenticate(
  db: Db,
  { name, token, now }: { readonly name: string; readonly token: string; readonly now: Date },
): Promise<Principal> {
  const digest = tokenDigest(token);
  const found = await findToken(db, digest);
  const user = found?.purpose === 'login' ? await userById(db, found.userId) : undefined;
  const idle = found === undefined ? 0 : now.getTime() - Date.parse(found.usedAt);
  const good = user?.name === name && user.state === 'active' && idle <= IDLE_MS;
  if (found === undefined || !good || found.expiresAt <= now.toISOString()) throw expired(name);
  if (idle > 60_000) await inTransaction(db, (tx) => touchToken(tx, digest, now.toISOString()));
  return { actor: `user:${name}`, roles: user.roles.filter(isRole), breakGlass: false };
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
