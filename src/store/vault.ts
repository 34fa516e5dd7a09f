import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { HubError } from '../errors.ts';
import { change, type Db, inTransaction, select } from './database.ts';
import { appendLog } from './log.ts';

/** A secret that a platform issued, and when it ends. */
export interface KeptSecret {
  readonly value: string;
  readonly endsAt: Date | undefined;
}

/** The only place where a secret is stored, and only encrypted (AES-256-GCM under HUB_SECRET_KEY). */
export interface Vault {
  read(name: string): Promise<KeptSecret | undefined>;
  /** Keeps it and says so in the log, without the secret. */
  keep(name: string, secret: KeptSecret, now: Date): Promise<void>;
}

/** `secretKey`: HUB_SECRET_KEY; without it there is no vault. */
export function openVault(db: Db, secretKey: string | undefined, actor: string): Vault | undefined {
  return secretKey === undefined ? undefined : vault(db, keyBytes(secretKey), actor);
}

const vault = (db: Db, key: Buffer, actor: string): Vault => ({
  read: async (name) => {
    const [row] = await select<{ sealed: Buffer; ends_at: string | null }>(
      db,
      'SELECT sealed, ends_at FROM vault WHERE name = ?',
      [name],
    );
    if (row === undefined) return undefined;
    return { value: unseal(row.sealed, key, name), endsAt: row.ends_at === null ? undefined : new Date(row.ends_at) };
  },
  keep: async (name, { value, endsAt }, now) => {
    const sealed = seal(value, key, name);
    const row = { sealed, ends_at: endsAt?.toISOString() ?? null, updated_at: now.toISOString() };
    await inTransaction(db, async (tx) => {
      const changed = await change(tx, 'UPDATE vault SET sealed = ?, ends_at = ?, updated_at = ? WHERE name = ?', [
        row.sealed,
        row.ends_at,
        row.updated_at,
        name,
      ]);
      if (changed === 0) await tx('vault').insert({ name, ...row });
      const detail = { name, endsAt: row.ends_at };
      await appendLog(tx, now, [{ actor, action: 'secret.refreshed', platform: name.split('/')[0] ?? name, detail }]);
    });
  },
});

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Bound to its name: a sealed secret does not open under another one. */
function seal(value: string, key: Buffer, name: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
  return Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

function unseal(sealed: Buffer, key: Buffer, name: string): string {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(name))
      .setAuthTag(sealed.subarray(-TAG_BYTES));
    const clear = [decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()];
    return Buffer.concat(clear).toString('utf8');
  } catch {
    throw new HubError('SECRET_UNREADABLE', `密钥 ${name} 无法解开 (the kept secret cannot be opened)`, {
      remedy: 'give-up',
      fix: '请恢复原来的 HUB_SECRET_KEY；若已遗失，删除 vault 表中该行并在 .env 写入平台重新签发的密钥 (bring the former HUB_SECRET_KEY back; if it is lost, delete the row in vault and put a newly issued secret into .env)',
    });
  }
}

/** The bytes of a HUB_SECRET_KEY that settings.ts found sound. */
const keyBytes = (text: string): Buffer => Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? 'hex' : 'base64');
