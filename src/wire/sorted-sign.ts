import { createHmac } from 'node:crypto';
import type { SortedSign } from '../platform-spec.ts';
import { signSm2 } from './sm2.ts';

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
  if (algorithm === 'sm2') return Buffer.from(signSm2(Buffer.from(text), privateKey), 'hex');
  return createHmac(algorithm === 'hmac-sm3' ? 'sm3' : 'sha256', secret)
    .update(text, 'utf8')
    .digest();
}

const encoded = (bytes: Buffer, encoding: 'hex' | 'HEX' | 'base64'): string =>
  encoding === 'base64'
    ? bytes.toString('base64')
    : encoding === 'HEX'
      ? bytes.toString('hex').toUpperCase()
      : bytes.toString('hex');
