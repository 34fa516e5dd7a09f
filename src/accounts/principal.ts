import type { Role } from './roles.ts';

/** Who acts. */
export interface Principal {
  /** For the log: `user:name`, or `shell:name` where somebody at the host's shell names no account (break-glass). */
  readonly actor: string;
  /** Empty at the host's shell: whoever is there can reach the database anyway, so it is logged, not refused. */
  readonly roles: readonly Role[];
  readonly breakGlass: boolean;
}

/** The person behind `user:li` and `shell:li` is one and the same when it comes to a second person. */
export const personOf = (actor: string): string => actor.slice(actor.indexOf(':') + 1).toLowerCase();

/** Somebody who logged in, not whoever sits at the host's shell and not the hub itself. */
export const isPerson = (actor: string): boolean => actor.startsWith('user:');
