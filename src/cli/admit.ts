import { existsSync } from 'node:fs';
import { type CommandRule, commandRoles } from '../accounts/command-roles.ts';
import type { Principal } from '../accounts/principal.ts';
import { HubError } from '../errors.ts';
import { type Environment, readSettings, type Settings } from '../settings.ts';
import { type Db, inTransaction, openDatabase } from '../store/database.ts';
import { appendLog } from '../store/log.ts';
import { migrate } from '../store/migrations.ts';
import { findUser } from '../store/users.ts';
import { accountOf, principalOf } from './actor.ts';

export interface Wanted {
  /** `quarantine waive`. */
  readonly command: string;
  readonly reason: string | undefined;
  /** A rehearsal changes nothing. */
  readonly dryRun: boolean;
  readonly env: Environment;
  readonly now: Date;
}

/**
 * Before every command: may this account use it? A refusal is logged (delivery.md I19). Without an account whoever is at the
 * host's shell may, and a changing command is logged as break-glass. Throws ACCESS_DENIED or LOGIN_EXPIRED.
 */
export async function admit(wanted: Wanted): Promise<void> {
  const rule = commandRoles[wanted.command] ?? UNKNOWN;
  const alone = accountOf(wanted.env) === undefined;
  const changing = rule.does === 'changes' && !wanted.dryRun;
  if (rule.does === 'free' || rule.does === 'serves' || (alone && !changing)) return;
  const { settings, faults } = readSettings(wanted.env);
  // A wrong set-up, or a database that is not there: the command itself says so.
  if (faults.length > 0 || (isMissing(settings) && rule.makesDatabase !== true)) return;
  const db = await openDatabase(settings.databaseUrl);
  try {
    await migrate(db);
    const principal = await principalOf(db, { ...wanted, settings }).catch((error: unknown) =>
      turnAway(db, wanted, error),
    );
    await judge(db, principal, { ...wanted, rule, changing });
  } finally {
    await db.destroy();
  }
}

const UNKNOWN: CommandRule = { does: 'changes', roles: [] };

const isMissing = ({ databaseUrl }: Settings): boolean =>
  databaseUrl.startsWith('sqlite:') && !existsSync(databaseUrl.slice('sqlite:'.length));

/** A try without a log-in that counts is written down too; a name that no account has is not. */
async function turnAway(db: Db, { command, env, now }: Wanted, error: unknown): Promise<never> {
  const name = accountOf(env) ?? '';
  const known = (await findUser(db, name)) !== undefined;
  const detail = { command, code: error instanceof HubError ? error.code : 'HUB_BROKEN' };
  const entry = { actor: known ? `user:${name}` : 'nobody', action: 'access.denied', detail };
  await inTransaction(db, (tx) => appendLog(tx, now, [entry]));
  throw error;
}

async function judge(
  db: Db,
  { actor, roles, breakGlass }: Principal,
  { command, reason, rule, changing, now }: Wanted & { readonly rule: CommandRule; readonly changing: boolean },
): Promise<void> {
  if (breakGlass) {
    const detail = { command, breakGlass: true, ...(reason === undefined ? {} : { reason }) };
    await inTransaction(db, (tx) => appendLog(tx, now, [{ actor, action: 'command.break-glass', detail }]));
    return;
  }
  if (rule.roles.some((role) => roles.includes(role))) return;
  const detail = { command, changing, roles: [...roles], needs: [...rule.roles] };
  await inTransaction(db, (tx) => appendLog(tx, now, [{ actor, action: 'access.denied', detail }]));
  throw new HubError('ACCESS_DENIED', `${actor} 无权使用 hub ${command} (${actor} may not use hub ${command})`, {
    remedy: 'give-up',
    fix: `需要角色 ${rule.roles.join('、') || '—'}，现为 ${roles.join('、')}；见 docs/accounts.md (another role is needed)`,
  });
}
