import { change, type Reader, select, type Tx } from './database.ts';

export interface UserRow {
  readonly id: number;
  readonly name: string;
  readonly roles: readonly string[];
  readonly state: 'active' | 'disabled';
  readonly passwordHash: string | null;
  readonly passwordSetAt: string | null;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly disabledAt: string | null;
}

export async function findUser(db: Reader, name: string): Promise<UserRow | undefined> {
  const row = await db('users').where({ name }).first();
  return row === undefined ? undefined : toUser(row);
}

export async function userById(db: Reader, id: number): Promise<UserRow | undefined> {
  const row = await db('users').where({ id }).first();
  return row === undefined ? undefined : toUser(row);
}

/** In order of name. */
export const listUsers = async (db: Reader): Promise<UserRow[]> => (await db('users').orderBy('name')).map(toUser);

export async function countUsers(db: Reader): Promise<number> {
  const [row] = await select<{ n: number }>(db, 'SELECT COUNT(*) AS n FROM users');
  return Number(row?.n ?? 0);
}

/** When the first account was made; `undefined` where there is none. */
export async function firstAccountAt(db: Reader): Promise<string | undefined> {
  const [row] = await select<{ at: string | null }>(db, 'SELECT MIN(created_at) AS at FROM users');
  return row?.at ?? undefined;
}

export async function addUser(
  tx: Tx,
  user: { readonly name: string; readonly roles: readonly string[]; readonly by: string; readonly at: string },
): Promise<number> {
  const [id] = await tx('users').insert({
    name: user.name,
    roles: user.roles.join(' '),
    state: 'active',
    created_at: user.at,
    created_by: user.by,
  });
  return Number(id);
}

export const setRoles = (tx: Tx, id: number, roles: readonly string[]): Promise<number> =>
  change(tx, 'UPDATE users SET roles = ? WHERE id = ?', [roles.join(' '), id]);

export const setPassword = (tx: Tx, id: number, hash: string | null, at: string): Promise<number> =>
  change(tx, 'UPDATE users SET password_hash = ?, password_set_at = ? WHERE id = ?', [hash, at, id]);

export const setState = (tx: Tx, id: number, state: UserRow['state'], at: string | null): Promise<number> =>
  change(tx, 'UPDATE users SET state = ?, disabled_at = ? WHERE id = ?', [state, at, id]);

// biome-ignore lint/suspicious/noExplicitAny: knex rows of a select list are untyped
const toUser = (row: any): UserRow => ({
  id: Number(row.id),
  name: row.name,
  roles: row.roles.split(' ').filter((role: string) => role !== ''),
  state: row.state,
  passwordHash: row.password_hash,
  passwordSetAt: row.password_set_at,
  createdAt: row.created_at,
  createdBy: row.created_by,
  disabledAt: row.disabled_at,
});
