import { canonicalJson, sha256 } from '../../src/canonical.ts';
import { batchId, idemKey } from '../../src/delivery/delivery-key.ts';
import { buildBody, payloadHash } from '../../src/delivery/outgoing-body.ts';
import type { OutgoingBatch } from '../../src/platform.ts';

/** A batch of `count` believable records as the outbox would hold it. */
export function outgoingBatch(count = 3, platform = 'credit-sharing'): OutgoingBatch {
  const records = Array.from({ length: count }, (_, index) => {
    const recordKey = sha256(`record ${index}`);
    const data = canonicalJson({ XK_XDR_MC: `南宁测试文化传媒有限公司${index}`, XK_BH: `（桂）字第${index}号` });
    const rowId = idemKey({ hubId: 'gx-hub', platform, recordKeyHex: recordKey, version: 1, rendition: 1 });
    return { rowId, recordKey, dataVersion: 1, op: 'U', payloadHash: payloadHash(data), data } as const;
  });
  const idemKeys = records.map((record) => record.rowId);
  const packageId = batchId(platform, idemKeys);
  const sender = { code: '11450000007560019Y', name: '广西壮族自治区新闻出版广电局' };
  const body = buildBody({ packageId, dataClass: 'XK_FR', layoutVersion: 'XYSGS-2018', sender }, records);
  const contentType = 'application/json; charset=utf-8';
  return {
    batchId: packageId,
    seq: 1,
    period: '2026-W48',
    epoch: 1,
    body,
    bodyDigest: sha256(body),
    contentType,
    idemKeys,
  };
}
