import { randomBytes } from 'node:crypto';
import { sha256Bytes } from '../../src/canonical.ts';
import type { NewVersion } from '../../src/store/library.ts';

/** A new record's first version; say only what the test is about. */
export function newVersion(change: Partial<NewVersion> = {}): NewVersion {
  const body = change.body ?? '{"number":"1"}';
  return {
    known: undefined,
    key: randomBytes(32),
    type: 'licence/printing',
    authority: '11450000007560019Y',
    job: 'pull-test',
    number: '1',
    name: '南宁某某印刷有限公司',
    creditCode: '91450100MA5KA0017F',
    sourceRef: undefined,
    operation: 'UPSERT',
    body,
    digest: sha256Bytes(body),
    rawDigest: sha256Bytes(body),
    rawMark: undefined,
    revisedAt: undefined,
    rowNo: 1,
    faults: undefined,
    predecessorId: undefined,
    ...change,
  };
}
