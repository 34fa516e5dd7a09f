import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import tls, { type PeerCertificate } from 'node:tls';
import { sha256Bytes } from '../canonical.ts';
import type { TlsSpec } from '../platform-spec.ts';

/** What a connection is opened with: our certificate, the root that we trust, the keys that we expect. */
export interface TlsMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly ca?: string;
  readonly pins?: readonly string[];
}

export type ReadMaterial = { readonly material: TlsMaterial } | { readonly zh: string; readonly en: string };

/** Reads and tries everything, so that a wrong passphrase is found at start and not on a Friday. Names no content. */
export function tlsMaterial(spec: TlsSpec): ReadMaterial {
  const read: { [part: string]: string } = {};
  for (const part of ['cert', 'key', 'ca'] as const) {
    const value = spec[part];
    if (value === undefined) continue;
    const pem = pemOf(value);
    if (pem === undefined)
      return { zh: `读不到 tls.${part} 所指的 PEM 文件`, en: `tls.${part} names no readable PEM file` };
    read[part] = pem;
  }
  if ((read['cert'] === undefined) !== (read['key'] === undefined)) {
    return { zh: 'tls.cert 与 tls.key 要一起写', en: 'tls.cert and tls.key go together' };
  }
  const passphrase = spec.passphrase === undefined ? {} : { passphrase: spec.passphrase };
  const material = { ...read, ...passphrase, ...(spec.pins === undefined ? {} : { pins: spec.pins }) };
  try {
    tls.createSecureContext(material);
    return { material };
  } catch {
    return {
      zh: 'tls 的证书、私钥或口令不匹配，请核对',
      en: 'certificate, key or passphrase of tls do not fit together',
    };
  }
}

function pemOf(value: string): string | undefined {
  if (value.includes('-----BEGIN ')) return value;
  try {
    const text = readFileSync(value, 'utf8');
    return text.includes('-----BEGIN ') ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Base64 SHA-256 of the public key of a certificate, as browsers and `openssl` pin it (RFC 7469). */
export const pinOf = (certificate: Uint8Array | string): string => {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
  return sha256Bytes(key).toString('base64');
};

/** The usual check of the host's name, then the pinned keys. */
export const checkServer =
  (pins: readonly string[]) =>
  (host: string, certificate: PeerCertificate): Error | undefined => {
    const wrong = tls.checkServerIdentity(host, certificate);
    if (wrong !== undefined || pins.length === 0 || pins.includes(pinOf(certificate.raw))) return wrong;
    return Object.assign(new Error('the public key is not pinned'), { code: 'CERT_NOT_PINNED' });
  };
