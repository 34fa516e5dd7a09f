import { userInfo } from 'node:os';
import type { Environment } from '../settings.ts';

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
