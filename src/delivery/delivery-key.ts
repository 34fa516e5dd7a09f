import { base32, sha256 } from '../canonical.ts';

/** What one delivery is about; the payload is deliberately no part of it (delivery.md §1.3). */
export interface DeliveryIdentity {
  readonly hubId: string;
  readonly platform: string;
  /** 64 lower-case hex digits. */
  readonly recordKeyHex: string;
  readonly version: number;
  /** 1 unless the same version was published again under a new mapping, with approval. */
  readonly rendition: number;
}

/**
 * `base32(SHA-256(JCS(["hub-idem-v1", hub_id, platform, record_key, version, rendition])))[:40]`, lower case;
 * the same delivery always has the same key. The JCS text is put together by hand: this runs once per record sent.
 */
export function idemKey({ hubId, platform, recordKeyHex, version, rendition }: DeliveryIdentity): string {
  const head = `["hub-idem-v1",${JSON.stringify(hubId)},${JSON.stringify(platform)}`;
  return shortDigest(`${head},"${recordKeyHex}",${version},${rendition}]`);
}

/**
 * `base32(SHA-256(JCS(["hub-batch-v1", platform, sorted idem_keys])))[:40]`: same members, same id, whatever
 * their order; other members, another id. `idemKeys` as `idemKey` makes them.
 */
export function batchId(platform: string, idemKeys: readonly string[]): string {
  return shortDigest(`["hub-batch-v1",${JSON.stringify(platform)},["${idemKeys.toSorted().join('","')}"]]`);
}

/** 40 base32 characters are exactly the first 25 bytes. By way of hex: node makes a digest's Buffer 2.5 times slower. */
const shortDigest = (text: string): string => base32(Buffer.from(sha256(text).slice(0, 50), 'hex'));
