import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** A batch as docs/platform-http.md §1 describes it, read by the platform's own eyes. */
export interface Batch {
  readonly packageId: string;
  readonly dataClass: string;
  /** Hex SHA-256 of the body as it came. */
  readonly bodyDigest: string;
  readonly records: readonly BatchRecord[];
}

export interface BatchRecord {
  readonly rowId: string;
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
  readonly data: { readonly [field: string]: unknown };
}

/** Why the whole batch is refused; nothing of it was stored. */
export interface Refusal {
  readonly status: 400 | 413 | 415 | 422;
  readonly resultCode: string;
  readonly resultMsg: string;
}

export const digestOf = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

export function readBatch(request: IncomingMessage, body: Buffer): Batch | Refusal {
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? ''))
    return refuse(415, 'CONTENT_TYPE', 'Content-Type must be application/json');
  const bodyDigest = digestOf(body);
  const expected = `sha-256=:${Buffer.from(bodyDigest, 'hex').toString('base64')}:`;
  if (request.headers['content-digest'] !== expected)
    return refuse(400, 'DIGEST_WRONG', 'Content-Digest does not fit the body');
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return refuse(400, 'FORMAT_ERROR', 'the body is not JSON');
  }
  const { header, records } = isObject(parsed) ? parsed : {};
  if (!isObject(header) || !Array.isArray(records)) return refuse(400, 'FORMAT_ERROR', 'header or records missing');
  const packageId = String(header['packageId'] ?? '');
  if (!/^[a-z2-7]{40}$/.test(packageId)) return refuse(400, 'FORMAT_ERROR', 'packageId is not 40 characters of base32');
  if (request.headers['idempotency-key'] !== packageId)
    return refuse(400, 'FORMAT_ERROR', 'Idempotency-Key is not the packageId');
  const wrong = faultOfRecords(header, records);
  if (wrong !== undefined) return refuse(400, 'FORMAT_ERROR', wrong);
  return { packageId, dataClass: String(header['dataClass'] ?? ''), bodyDigest, records };
}

export const isRefusal = (value: Batch | Refusal): value is Refusal => 'resultCode' in value;

const refuse = (status: Refusal['status'], resultCode: string, resultMsg: string): Refusal => ({
  status,
  resultCode,
  resultMsg,
});

function faultOfRecords(header: { readonly [name: string]: unknown }, records: readonly unknown[]): string | undefined {
  if (header['recordCount'] !== records.length) return 'recordCount is not the number of records';
  const [keys, rows, counts] = [new Set<string>(), new Set<string>(), { U: 0, D: 0 }];
  for (const [i, record] of records.entries()) {
    const fault = faultOfRecord(record);
    if (fault !== undefined) return `record ${i}: ${fault}`;
    const { recordKey, rowId, op } = record as BatchRecord;
    if (keys.has(recordKey) || rows.has(rowId)) return `record ${i}: comes twice in this batch`;
    keys.add(recordKey);
    rows.add(rowId);
    counts[op]++;
  }
  const said = isObject(header['opCounts']) ? header['opCounts'] : {};
  const agree = (said['U'] ?? 0) === counts.U && (said['D'] ?? 0) === counts.D;
  return agree ? undefined : 'opCounts do not agree with the records';
}

function faultOfRecord(record: unknown): string | undefined {
  if (!isObject(record)) return 'not an object';
  const { rowId, recordKey, dataVersion, op, payloadHash, data } = record;
  if (!/^[a-z2-7]{40}$/.test(String(rowId))) return 'rowId is not 40 characters of base32';
  if (!/^[0-9a-f]{64}$/.test(String(recordKey))) return 'recordKey is not 64 hex digits';
  if (!Number.isInteger(dataVersion) || Number(dataVersion) < 1) return 'dataVersion is not a whole number from 1';
  if (op !== 'U' && op !== 'D') return 'op is neither U nor D';
  if (!isObject(data)) return 'data is not an object';
  return digestOf(sorted(data)) === payloadHash ? undefined : 'payloadHash does not fit data';
}

const isObject = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Canonical JSON (RFC 8785): members in the order of their names' UTF-16 units. */
export function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`).join(',')}}`;
}
