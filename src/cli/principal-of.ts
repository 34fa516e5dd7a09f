import type { Principal } from '../accounts/principal.ts';
import { authenticate, expired } from '../accounts/session.ts';
import type { Environment, Settings } from '../settings.ts';
import type { Db } from '../store/database.ts';
import { accountOf, actor } from './actor.ts';
import { storedToken } from './login-file.ts';

/** Who acts, with the roles of this moment; without HUB_USER whoever is at the host's shell. Throws LOGIN_EXPIRED. */
export async function principalOf(
  db: Db,
  { env, settings, now }: { readonly env: Environment; readonly settings: Settings; readonly now: Date },
): Promise<Principal> {
  const name = accountOf(env);
  if (name === undefined) return { actor: actor(env), roles: [], breakGlass: true };
  const token = storedToken(settings.dataDir, name);
  if (token === undefined) throw expired(name);
  return authenticate(db, { name, token, now });
}
