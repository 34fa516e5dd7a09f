import { randomBytes } from 'node:crypto';
import { sha256Bytes } from '../canonical.ts';

/** 256 random bits as a person can copy them; only the digest is ever stored. */
export const newToken = (): string => `zx_${randomBytes(32).toString('base64url')}`;

export const tokenDigest = (token: string): Buffer => sha256Bytes(token.trim());
