/** Is this the code of a certificate or handshake that failed? */
export const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH|INVALID_CA)/.test(code);

/** OpenSSL's own word for a handshake that broke, hidden behind EPROTO: `tlsv1 alert protocol version` → `TLSV1_ALERT_PROTOCOL_VERSION`. */
export function tlsAlert(error: unknown): string | undefined {
  const message = error instanceof Error ? error.message : '';
  const word = /:SSL routines:[\w-]*:([a-z0-9/ ]{3,60})/i.exec(message)?.[1];
  return word?.trim().toUpperCase().replace(/[ /]/g, '_');
}

/**
 * The far end broke the handshake off over our certificate. With TLS 1.3 that arrives when our side already writes, yet a server
 * reads no request before it accepted the certificate (RFC 8446 §4.4.2.4, §6.2): nothing of it was processed.
 */
export const refusesOurCertificate = (code: string): boolean =>
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED)$/.test(
    code,
  );

const SENTENCES: readonly (readonly [pattern: RegExp, zh: string, en: string])[] = [
  [
    /^CERT_HAS_EXPIRED/,
    '对方证书已过期，请联系平台更换证书',
    'its certificate has expired: ask the platform to renew it',
  ],
  [
    /^CERT_NOT_YET_VALID/,
    '对方证书尚未生效，请先核对本机时钟',
    'its certificate is not valid yet: check this clock first',
  ],
  [
    /^CERT_NOT_PINNED/,
    '对方公钥与约定的不符，请向平台核实是否换过证书',
    'its key is not the pinned one: ask whether it was exchanged',
  ],
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    '对方证书不是发给这个地址的，请核对地址',
    'its certificate is for another host: check the address',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_|INVALID_CA/,
    '对方证书不是可信机构签发；若平台用自建根证书，请写入 tls.ca',
    'its certificate has no trusted root: where the platform has its own, write it into tls.ca',
  ],
  [
    /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|WRONG_VERSION|NO_PROTOCOLS/,
    '对方只支持过时的 TLS，请平台启用 TLS 1.2 以上',
    'it speaks outdated TLS only: ask the platform for TLS 1.2 or later',
  ],
  [
    /ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED/,
    '对方不接受我方客户端证书，请核对 tls.cert 是否为平台所发且未过期',
    'it refuses our client certificate: check that tls.cert is the one that the platform issued and has not expired',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE/,
    '对方中止了握手：多半是要求客户端证书，请配置 tls.cert',
    'it broke the handshake off: it may want a client certificate (tls.cert)',
  ],
  [
    /TOO_SMALL|TOO_WEAK|DIGEST/,
    '对方证书强度不足（如 SHA-1），请平台更换',
    'its certificate is too weak (SHA-1): ask for another',
  ],
];

/** What an operator can do about it; the code alone where nobody knows better. */
export function tlsSentence(code: string): string {
  const [, zh, en] = SENTENCES.find(([pattern]) => pattern.test(code)) ?? [];
  return zh === undefined ? `证书或 TLS 握手失败 (TLS: ${code})` : `${zh} (${en}; ${code})`;
}
