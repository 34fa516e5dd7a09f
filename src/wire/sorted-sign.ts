import { createHmac, getHashes } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import type { SortedSign } from '../platform-spec.ts';

/** GB/T 32918.2: the user id that is signed with where nobody agreed on another one. */
const SM2_USER_ID = '1234567812345678';

/**
 * `k=v&k=v` in order of name (code units), empty values left out; with `secretParam`, `&key=SECRET` behind it.
 * HMAC-SM3 (GB/T 32905), HMAC-SHA256 or SM2 with SM3 (GB/T 32918) over its UTF-8 bytes.
 */
export function sortedSignature(spec: SortedSign, params: { readonly [name: string]: string }): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== '');
  const text = pairs
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
  const tail = spec.secretParam === undefined ? '' : `&${spec.secretParam}=${spec.secret ?? ''}`;
  return encoded(signatureOf(spec, `${text}${tail}`), spec.encoding ?? 'HEX');
}

function signatureOf({ algorithm, secret = '', privateKey = '' }: SortedSign, text: string): Buffer {
  if (algorithm === 'sm2') return sm2Sign(text, privateKey);
  return createHmac(algorithm === 'hmac-sm3' ? 'sm3' : 'sha256', secret)
    .update(text, 'utf8')
    .digest();
}

/** r ‖ s, 64 bytes. node:crypto would sign with an empty user id. */
const sm2Sign = (text: string, privateKey: string): Buffer =>
  Buffer.from(sm2.doSignature(text, privateKey, { hash: true, userId: SM2_USER_ID }), 'hex');

const encoded = (bytes: Buffer, encoding: 'hex' | 'HEX' | 'base64'): string =>
  encoding === 'base64'
    ? bytes.toString('base64')
    : encoding === 'HEX'
      ? bytes.toString('hex').toUpperCase()
      : bytes.toString('hex');

/** SM3 depends on the OpenSSL build: asked before anything is sent. Undefined: all there. */
export function missingAlgorithm({ algorithm }: Pick<SortedSign, 'algorithm'>): string | undefined {
  const needed = algorithm === 'hmac-sha256' ? 'sha256' : 'sm3';
  return getHashes().includes(needed) ? undefined : needed.toUpperCase();
}
