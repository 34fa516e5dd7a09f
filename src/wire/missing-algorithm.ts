import { getHashes } from 'node:crypto';
import type { SortedSign } from '../platform-spec.ts';

/** SM3 depends on the OpenSSL build: asked before anything is sent. Undefined: all there. */
export function missingAlgorithm({ algorithm }: Pick<SortedSign, 'algorithm'>): string | undefined {
  const needed = algorithm === 'hmac-sha256' ? 'sha256' : 'sm3';
  return getHashes().includes(needed) ? undefined : needed.toUpperCase();
}
