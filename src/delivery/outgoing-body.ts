import { sha256 } from '../canonical.ts';

/** The package header of docs/platform-http.md §1; counts are taken from the records. */
export interface BodyHeader {
  readonly packageId: string;
  /** e.g. `XK_FR`. */
  readonly dataClass: string;
  /** e.g. `XYSGS-2018`. */
  readonly layoutVersion: string;
  readonly sender: { readonly code: string; readonly name: string };
}

export interface BodyRecord {
  /** The idem key. */
  readonly rowId: string;
  /** 64 lower-case hex digits. */
  readonly recordKey: string;
  readonly dataVersion: number;
  /** U: the record as it now is; D: withdraw it from view. */
  readonly op: 'U' | 'D';
  /** `payloadHash(data)`. */
  readonly payloadHash: string;
  /** The outbound record as `canonicalJson` rendered it: written into the body as it stands. */
  readonly data: string;
}

/** Lower-case hex SHA-256 of the canonical JSON of an outbound record. */
export const payloadHash = (data: string): string => sha256(data);

/**
 * The exact bytes of a submit (docs/platform-http.md §1), in UTF-8. Same input, same bytes, on every
 * machine and database: no clock, no random part, members in a fixed order, records in the order given.
 */
export function buildBody(header: BodyHeader, records: readonly BodyRecord[]): Buffer {
  return Buffer.from(`{"header":${headerJson(header, records)},"records":[${records.map(recordJson).join(',')}]}`);
}

function headerJson(
  { packageId, dataClass, layoutVersion, sender }: BodyHeader,
  records: readonly BodyRecord[],
): string {
  const withdrawn = records.reduce((count, record) => (record.op === 'D' ? count + 1 : count), 0);
  return JSON.stringify({
    packageId,
    version: '1',
    dataClass,
    layoutVersion,
    senderCode: sender.code,
    senderName: sender.name,
    recordCount: records.length,
    opCounts: { U: records.length - withdrawn, D: withdrawn },
  });
}

/** By hand: keys, digests and op hold no character that JSON would escape, and `data` is JSON already. */
const recordJson = ({ rowId, recordKey, dataVersion, op, payloadHash: hash, data }: BodyRecord): string =>
  `{"rowId":"${rowId}","recordKey":"${recordKey}","dataVersion":${dataVersion},"op":"${op}","payloadHash":"${hash}","data":${data}}`;
