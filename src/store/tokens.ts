import { change, type Reader, select, type Tx } from './database.ts';

/** `login`: acts for a person until it expires or idles; `setup`: lets a person set a password, once. */
export type TokenPurpose = 'login' | 'setup';

export interface TokenRow {
  readonly userId: number;
  readonly purpose: TokenPurpose;
  readonly usedAt: string;
  readonly expiresAt: string;
}

export async function addToken(
  tx: Tx,
  token: {
    readonly digest: Buffer;
    readonly userId: number;
    readonly purpose: TokenPurpose;
    readonly at: string;
    readonly expiresAt: string;
  },
): Promise<void> {
  await tx('tokens').insert({
    digest: token.digest,
    user_id: token.userId,
    purpose: token.purpose,
    created_at: token.at,
    used_at: token.at,
    expires_at: token.expiresAt,
  });
}

export async function findToken(db: Reader, digest: Buffer): Promise<TokenRow | undefined> {
  const sql = 'SELECT user_id, purpose, used_at, expires_at FROM tokens WHERE digest = ?';
  const [row] = await select<{ user_id: number; purpose: TokenPurpose; used_at: string; expires_at: string }>(db, sql, [
    digest,
  ]);
  if (row === undefined) return undefined;
  return { userId: Number(row.user_id), purpose: row.purpose, usedAt: row.used_at, expiresAt: row.expires_at };
}

export const touchToken = (tx: Tx, digest: Buffer, at: string): Promise<number> =>
  change(tx, 'UPDATE tokens SET used_at = ? WHERE digest = ?', [at, digest]);

/** True for the one caller that got it: a one-time token has one use. */
export const dropToken = async (tx: Tx, digest: Buffer): Promise<boolean> =>
  (await change(tx, 'DELETE FROM tokens WHERE digest = ?', [digest])) === 1;

/** Every token of a person; the number that ended. */
export const dropTokens = (tx: Tx, userId: number): Promise<number> =>
  change(tx, 'DELETE FROM tokens WHERE user_id = ?', [userId]);
