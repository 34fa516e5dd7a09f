import { createDecipheriv } from 'node:crypto';
import type { SecretRefresh } from '../platform-spec.ts';

const KEY_BYTES = { 'aes-128-ecb': 16, 'aes-128-cbc': 16, 'aes-256-ecb': 32, 'aes-256-cbc': 32 } as const;
type Cipher = NonNullable<SecretRefresh['cipher']>;

/** The app key as AES wants it: its UTF-8 bytes, hex or Base64, whichever has the right length. */
export function appKeyBytes(appKey: string, cipher: Cipher = 'aes-128-ecb'): Buffer | undefined {
  const wanted = KEY_BYTES[cipher];
  const utf8 = Buffer.from(appKey, 'utf8');
  if (utf8.length === wanted) return utf8;
  if (appKey.length === wanted * 2 && /^[0-9a-f]+$/i.test(appKey)) return Buffer.from(appKey, 'hex');
  const base64 = Buffer.from(appKey, 'base64');
  return base64.length === wanted ? base64 : undefined;
}

/** The secret in clear; undefined where the key does not fit (wrong padding, not UTF-8). */
export function openIssuedSecret(
  sealed: string,
  { appKey, cipher = 'aes-128-ecb' }: SecretRefresh,
): string | undefined {
  const key = appKeyBytes(appKey, cipher);
  if (key === undefined) return undefined;
  const bytes = Buffer.from(sealed, /^([0-9a-f]{32})+$/i.test(sealed) ? 'hex' : 'base64');
  const cbc = cipher.endsWith('cbc');
  try {
    const opened = createDecipheriv(cipher, key, cbc ? bytes.subarray(0, 16) : null);
    const clear = Buffer.concat([opened.update(cbc ? bytes.subarray(16) : bytes), opened.final()]);
    const secret = new TextDecoder('utf-8', { fatal: true }).decode(clear);
    return secret === '' ? undefined : secret;
  } catch {
    return undefined;
  }
}

/** `2026-11-27 18:00:00` in China's time, ms or s since 1970, or an ISO instant. */
export function secretEnd(text: string): Date | undefined {
  const trimmed = text.trim();
  if (/^\d{13}$/.test(trimmed)) return new Date(Number(trimmed));
  if (/^\d{10}$/.test(trimmed)) return new Date(Number(trimmed) * 1000);
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(trimmed);
  if (match === null) return undefined;
  const instant = new Date(`${match[1]}T${match[2]}${match[4] ?? '+08:00'}`);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}
