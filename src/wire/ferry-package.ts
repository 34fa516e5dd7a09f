import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canonicalJson } from '../canonical.ts';
import { signSm2, verifySm2 } from './sm2.ts';

/** What a package of the ferry says of itself in clear (docs/platform-ferry.md §1); signed as a whole. */
export interface FerryHeader {
  readonly format: 'zhengxin-ferry-1';
  readonly channel: string;
  /** `out`: batches to the far side; `back`: receipts from there. */
  readonly direction: 'out' | 'back';
  /** HUB_ID of the hub whose batches these are. */
  readonly hub: string;
  /** 1, 2, 3 … without gaps, per channel and direction. */
  readonly number: number;
  /** SM3 of the header of the package before this one; null for the first. */
  readonly previous: string | null;
  /** Batch id; null for a package of receipts. */
  readonly packageId: string | null;
  readonly contentType: string;
  readonly records: number;
  /** The newest checkpoint of the sender's log, base64 of the signed note, where the job says so. */
  readonly checkpoint?: string;
  readonly contentSize: number;
  /** SM3 of the content, hex. */
  readonly contentDigest: string;
  readonly cipher: 'SM4-CBC+HMAC-SM3';
  readonly iv: string;
  /** SM3 of the encrypted content, hex. */
  readonly cipherDigest: string;
  /** HMAC-SM3 over iv and encrypted content, hex. */
  readonly mac: string;
}

export type FerryHead = Omit<
  FerryHeader,
  'format' | 'contentSize' | 'contentDigest' | 'cipher' | 'iv' | 'cipherDigest' | 'mac'
>;

/** What a package is about, and what it holds. */
export interface FerryContent {
  readonly head: FerryHead;
  readonly content: Uint8Array;
}

export interface FerryFault {
  readonly code: 'FERRY_UNREADABLE' | 'FERRY_FOREIGN' | 'FERRY_FORGED' | 'FERRY_ALTERED' | 'FERRY_KEY_WRONG';
  readonly zh: string;
  readonly en: string;
}

export interface OpenedFerry {
  readonly header: FerryHeader;
  /** SM3 of the header's bytes, hex. */
  readonly headerDigest: string;
  readonly content: Buffer;
}

const MAGIC = 'ZXFERRY1';

export const sm3 = (bytes: Uint8Array | string): string => createHash('sm3').update(bytes).digest('hex');

/** The header that a content gets; the same for the same content, number and key, so that a lost medium can be written again. */
export function ferryHeader({ head, content }: FerryContent, key: string): { header: FerryHeader; cipher: Buffer } {
  const keys = keysOf(key);
  const contentDigest = sm3(content);
  const name = `iv ${head.channel} ${head.direction} ${head.number} ${contentDigest}`;
  const iv = createHmac('sm3', keys.mac).update(name).digest().subarray(0, 16);
  const encrypting = createCipheriv('sm4-cbc', keys.cipher, iv);
  const cipher = Buffer.concat([encrypting.update(content), encrypting.final()]);
  const mac = createHmac('sm3', keys.mac).update(iv).update(cipher).digest('hex');
  const sizes = { contentSize: content.length, contentDigest, cipherDigest: sm3(cipher) };
  const how = { format: 'zhengxin-ferry-1', cipher: 'SM4-CBC+HMAC-SM3' } as const;
  return { header: { ...head, ...how, ...sizes, iv: iv.toString('hex'), mac }, cipher };
}

export const headerDigest = (header: FerryHeader): string => sm3(headerBytes(header));

/** The header line of a file. */
export const headerBytes = (header: FerryHeader): Buffer => Buffer.from(canonicalJson({ ...header }));

/** The file: magic, header, signature, each on its line; then the encrypted content. */
export function sealFerry(
  given: FerryContent,
  { key, signKey }: { readonly key: string; readonly signKey: string },
): Buffer {
  const { header, cipher } = ferryHeader(given, key);
  const head = headerBytes(header);
  return Buffer.concat([Buffer.from(`${MAGIC}\n`), head, Buffer.from(`\n${signSm2(head, signKey)}\n`), cipher]);
}

export interface FerryTrust {
  readonly channel: string;
  readonly direction: 'out' | 'back';
  readonly hub: string;
  readonly key: string;
  /** SM2 public key of the side that packed it. */
  readonly trust: string;
}

/** Checks everything that one package can tell alone: form, signature, whose it is, every byte, key. Order and gaps are the receiver's. */
export function openFerry(bytes: Buffer, expected: FerryTrust): OpenedFerry | FerryFault {
  const parts = split(bytes);
  if (parts === undefined) return UNREADABLE;
  const { head, signature, cipher } = parts;
  const header = readHeader(head);
  if (header === undefined) return UNREADABLE;
  const foreign = foreignTo(header, expected);
  if (foreign !== undefined) return foreign;
  if (!verifySm2(head, signature, expected.trust)) return FORGED;
  if (sm3(cipher) !== header.cipherDigest) return ALTERED;
  const content = decrypt(header, cipher, expected.key);
  if (content === undefined) return KEY_WRONG;
  if (content.length !== header.contentSize || sm3(content) !== header.contentDigest) return ALTERED;
  return { header, headerDigest: sm3(head), content };
}

const MOST_HEADER = 65_536;

function split(bytes: Buffer): { head: Buffer; signature: string; cipher: Buffer } | undefined {
  if (bytes.subarray(0, MAGIC.length + 1).toString('latin1') !== `${MAGIC}\n`) return undefined;
  const from = MAGIC.length + 1;
  const end = bytes.indexOf(10, from);
  const last = end < 0 ? -1 : bytes.indexOf(10, end + 1);
  if (last < 0 || last > MOST_HEADER) return undefined;
  const signature = bytes.subarray(end + 1, last).toString('latin1');
  return { head: bytes.subarray(from, end), signature, cipher: bytes.subarray(last + 1) };
}

function readHeader(head: Buffer): FerryHeader | undefined {
  try {
    const header: FerryHeader = JSON.parse(head.toString('utf8'));
    return isHeader(header) && headerBytes(header).equals(head) ? header : undefined;
  } catch {
    return undefined;
  }
}

const HEX = /^[0-9a-f]{64}$/;

function isHeader(value: Partial<FerryHeader>): boolean {
  const { format, channel, direction, hub, number, previous, packageId, contentType, records, iv } = value;
  const checkpoint = value.checkpoint === undefined || /^[A-Za-z0-9+/=]{1,32768}$/.test(value.checkpoint);
  const texts =
    checkpoint && [channel, hub, contentType].every((text) => typeof text === 'string' && text.length <= 128);
  const digests = [value.contentDigest, value.cipherDigest, value.mac].every((text) => HEX.test(text ?? ''));
  const counts = [number, records, value.contentSize].every(
    (count) => Number.isSafeInteger(count) && Number(count) >= 0,
  );
  const links =
    (previous === null || HEX.test(previous ?? '')) && (packageId === null || /^[a-z2-7]{40}$/.test(packageId ?? ''));
  const kinds = format === 'zhengxin-ferry-1' && (direction === 'out' || direction === 'back');
  return kinds && texts && digests && counts && links && Number(number) > 0 && /^[0-9a-f]{32}$/.test(iv ?? '');
}

function foreignTo(header: FerryHeader, { channel, direction, hub }: FerryTrust): FerryFault | undefined {
  if (header.channel === channel && header.direction === direction && header.hub === hub) return undefined;
  const is = `${header.hub} / ${header.channel} / ${header.direction}`;
  const wanted = `${hub} / ${channel} / ${direction}`;
  return {
    code: 'FERRY_FOREIGN',
    zh: `这是别处的包：${is}，本端只收 ${wanted}；请核对介质与通道设置`,
    en: `a package of another hub, channel or direction: ${is} instead of ${wanted}; check the medium and the channel`,
  };
}

function decrypt({ iv, mac }: FerryHeader, cipher: Buffer, key: string): Buffer | undefined {
  const keys = keysOf(key);
  const start = Buffer.from(iv, 'hex');
  const found = createHmac('sm3', keys.mac).update(start).update(cipher).digest();
  if (!timingSafeEqual(found, Buffer.from(mac, 'hex'))) return undefined;
  const decrypting = createDecipheriv('sm4-cbc', keys.cipher, start);
  return Buffer.concat([decrypting.update(cipher), decrypting.final()]);
}

/** One shared key of 32 bytes gives one for encrypting and one for the code, so that neither tells of the other. */
function keysOf(key: string): { readonly cipher: Buffer; readonly mac: Buffer } {
  const derive = (use: string): Buffer =>
    createHmac('sm3', Buffer.from(key, 'hex')).update(`zhengxin-ferry-1 ${use}`).digest();
  return { cipher: derive('encrypt').subarray(0, 16), mac: derive('authenticate') };
}

const UNREADABLE: FerryFault = {
  code: 'FERRY_UNREADABLE',
  zh: '不是摆渡包，或已截断；请重新拷贝该文件，仍不行则请对方 hub ferry pack --number 重写',
  en: 'no package of the ferry, or cut off; copy it again, else have the other side write it anew by hub ferry pack --number',
};
const FORGED: FerryFault = {
  code: 'FERRY_FORGED',
  zh: '签名不符：包头被改动，或由别的密钥签名；请勿使用，查明来源',
  en: 'the signature is wrong: its header was changed, or another key signed it; do not use it, find out where it comes from',
};
const ALTERED: FerryFault = {
  code: 'FERRY_ALTERED',
  zh: '内容被改动或截断（SM3 不符）；请重新拷贝该文件，仍不行则请对方重写',
  en: 'its content was changed or cut off (SM3 differs); copy it again, else have the other side write it anew',
};
const KEY_WRONG: FerryFault = {
  code: 'FERRY_KEY_WRONG',
  zh: '签名与内容完好，但两端的共享密钥不同；请核对 key',
  en: 'signature and bytes are sound, but the two sides have different shared keys; compare `key`',
};
