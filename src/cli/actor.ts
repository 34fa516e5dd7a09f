import { userInfo } from 'node:os';
import type { Principal } from '../accounts/principal.ts';
import type { Environment, Settings } from '../settings.ts';
import type { Db } from '../store/database.ts';
import { storedToken } from './login-file.ts';

/** Whom the log names: the account of HUB_USER, whose right main.ts has checked by then, or this machine's user. */
export const actor = (env: Environment): string => {
  const account = accountOf(env);
  return account === undefined ? `shell:${env['SUDO_USER'] ?? userInfo().username}` : `user:${account}`;
};

/** The account that HUB_USER names. */
export function accountOf(env: Environment): string | undefined {
  const name = env['HUB_USER']?.trim();
  return name === '' ? undefined : name;
}

/** Who acts, with the roles of this moment; without HUB_USER whoever is at the host's shell. Throws LOGIN_EXPIRED. */
export async function principalOf(
  db: Db,
  { env, settings, now }: { readonly env: Environment; readonly settings: Settings; readonly now: Date },
): Promise<Principal> {
  const name = accountOf(env);
  if (name === undefined) return { actor: actor(env), roles: [], breakGlass: true };
  // Commands that only need a name for the log load no database for it.
  const { authenticate, expired } = await import('../accounts/session.ts');
  const token = storedToken(settings.dataDir, name);
  if (token === undefined) throw expired(name);
  return authenticate(db, { name, token, now });
}
