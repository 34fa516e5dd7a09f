import { userInfo } from 'node:os';
import type { Environment } from '../settings.ts';

/** Whom the log names for a change made from the host's shell: the account of this machine. */
export const actor = (env: Environment): string => {
  const account = env['SUDO_USER'] ?? userInfo().username;
  return `shell:${account}`;
};
