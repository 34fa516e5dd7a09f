import { canonicalJson, sha256 } from '../../src/canonical.ts';
import { batchId, idemKey } from '../../src/delivery/delivery-key.ts';
import { type BodyRecord, buildBody, payloadHash } from '../../src/delivery/outgoing-body.ts';
import { PACKAGE_FORM, type WireForm } from '../../src/delivery/wire-form.ts';
import type { JsonObject } from '../../src/json.ts';
import type { OutgoingBatch } from '../../src/platform.ts';

export interface BatchGiven {
  readonly count?: number;
  readonly platform?: string;
  readonly wire?: WireForm;
  readonly op?: 'U' | 'D';
  readonly version?: number;
  /** What the records hold; by default a believable licence. */
  readonly data?: (index: number) => JsonObject;
  /** Number of the first record, default 0. */
  readonly first?: number;
}

/** A licence with everything that writers and readers trip over. */
export const licence = (index: number): JsonObject => ({
  XK_XDR_MC: `南宁𠮷野家<测试>&"文化'传媒有限公司${index}`,
  XK_WSH: `桂广电许〔2025〕${index}号`,
  XK_XKBH: `（桂）字第000${index}号`,
  XK_XDR_SHXYM: '91450100MA5KA0017F',
  XK_NR: '  制作、发行\n广播电视节目 ]]> {data.XK_NR} ${HOME}',
  XK_JDRQ: '2025/03/20',
  XK_ZT: '1',
});

/** A batch of `count` believable records as the outbox would hold it, sealed in the given wire form. */
export async function sealedBatch(given: BatchGiven = {}): Promise<OutgoingBatch> {
  const { platform = 'credit-sharing', wire = PACKAGE_FORM } = given;
  const records = recordsOf(given, platform);
  const idemKeys = records.map((record) => record.rowId);
  const packageId = batchId(platform, idemKeys);
  const sender = { code: '11450000007560019Y', name: '广西壮族自治区新闻出版广电局' };
  const header = { packageId, dataClass: 'XK_FR', layoutVersion: 'XYSGS-2018', sender };
  const body = await wire.render(header, records);
  return frame(body, wire.contentType, packageId, idemKeys);
}

function recordsOf(given: BatchGiven, platform: string): BodyRecord[] {
  const { count = 3, op = 'U', version = 1, data: dataOf = licence, first = 0 } = given;
  return Array.from({ length: count }, (_, at) => {
    const recordKey = sha256(`record ${first + at}`);
    const data = canonicalJson(dataOf(first + at));
    const rowId = idemKey({ hubId: 'gx-hub', platform, recordKeyHex: recordKey, version, rendition: 1 });
    return { rowId, recordKey, dataVersion: version, op, payloadHash: payloadHash(data), data };
  });
}

const frame = (
  body: Uint8Array,
  contentType: string,
  packageId: string,
  idemKeys: readonly string[],
): OutgoingBatch => ({
  batchId: packageId,
  seq: 1,
  period: '2026-W48',
  epoch: 1,
  body,
  bodyDigest: sha256(body),
  contentType,
  idemKeys,
});

/** The same at once, as the hub's own package. */
export function outgoingBatch(count = 3, platform = 'credit-sharing'): OutgoingBatch {
  const records = recordsOf({ count, data: simple }, platform);
  const idemKeys = records.map((record) => record.rowId);
  const packageId = batchId(platform, idemKeys);
  const sender = { code: '11450000007560019Y', name: '广西壮族自治区新闻出版广电局' };
  const body = buildBody({ packageId, dataClass: 'XK_FR', layoutVersion: 'XYSGS-2018', sender }, records);
  return frame(body, PACKAGE_FORM.contentType, packageId, idemKeys);
}

const simple = (index: number): JsonObject => ({
  XK_XDR_MC: `南宁测试文化传媒有限公司${index}`,
  XK_BH: `（桂）字第${index}号`,
});
