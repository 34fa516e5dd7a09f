import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { OutgoingBatch, Verdict } from '../platform.ts';

/** A receipt that can be trusted, or why not; the doubt names neither content nor secrets. */
export type Reading<T> = T | { readonly doubt: string };

export interface Receipt {
  readonly receiptId: string;
}

export interface FullReceipt extends Receipt {
  readonly verdicts: readonly Verdict[];
}

export interface Status {
  readonly state: 'received' | 'processing' | 'done';
  /** Hex SHA-256 of the body that the platform holds. */
  readonly bodyDigest: string;
  readonly document: unknown;
}

interface Result {
  readonly rowId: string;
  readonly resultCode: string;
  readonly resultMsg?: string | null;
  readonly platformId?: string | null;
}

interface Head {
  readonly packageId: string;
  readonly receiptId: string;
  readonly receivedCount: number;
}

const line = (maxLength: number): object => ({ type: 'string', minLength: 1, maxLength });
const head = { packageId: line(100), receiptId: line(200), receivedCount: { type: 'integer', minimum: 0 } };
const result = {
  type: 'object',
  required: ['rowId', 'resultCode'],
  properties: {
    rowId: line(100),
    resultCode: line(100),
    resultMsg: { type: 'string', nullable: true, maxLength: 10_000 },
    platformId: { type: 'string', nullable: true, maxLength: 200 },
  },
};
const results = { type: 'array', items: result, maxItems: 1000 };
const state = { enum: ['received', 'processing', 'done'] };
const bodyDigest = { type: 'string', pattern: '^[0-9a-fA-F]{64}$' };

const shape = (properties: { readonly [name: string]: object }): object => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const ajv = new Ajv2020({ strict: true, ownProperties: true });
const isHead = ajv.compile<Head>(shape(head));
const isFull = ajv.compile<Head & { readonly results: readonly Result[] }>(shape({ ...head, results }));
const isStatus = ajv.compile<{ packageId: string; state: Status['state']; bodyDigest: string }>(
  shape({ packageId: line(100), state, bodyDigest }),
);

/** The receipt of a batch that was taken while its verdicts are still to come (docs/platform-http.md §2, 202). */
export function readReceipt(document: unknown, batch: OutgoingBatch): Reading<Receipt> {
  if (!isHead(document)) return { doubt: shapeDoubt(isHead) };
  const doubt = echoDoubt(document, batch);
  return doubt === undefined ? { receiptId: document.receiptId } : { doubt };
}

/** The receipt with a verdict for every row, each row exactly once (docs/platform-http.md §2, 200). */
export function readFullReceipt(document: unknown, batch: OutgoingBatch): Reading<FullReceipt> {
  if (!isFull(document)) return { doubt: shapeDoubt(isFull) };
  const doubt = echoDoubt(document, batch) ?? rowsDoubt(document.results, batch);
  return doubt === undefined ? { receiptId: document.receiptId, verdicts: document.results.map(verdict) } : { doubt };
}

/** What a query says of the batch, before its receipt is read (docs/platform-http.md §3). */
export function readStatus(document: unknown, batch: OutgoingBatch): Reading<Status> {
  if (!isStatus(document)) return { doubt: shapeDoubt(isStatus) };
  if (document.packageId !== batch.batchId) return { doubt: OTHER_PACKAGE };
  return { state: document.state, bodyDigest: document.bodyDigest.toLowerCase(), document };
}

const OTHER_PACKAGE = '回答的是别的批次 (the answer is about another packageId)';

function shapeDoubt(validate: ValidateFunction): string {
  const { instancePath = '', keyword = '', message = '' } = validate.errors?.[0] ?? {};
  return `回执结构不符：${instancePath || '/'} ${keyword} (not the receipt's shape: ${instancePath || '/'} ${message})`;
}

function echoDoubt({ packageId, receivedCount }: Head, batch: OutgoingBatch): string | undefined {
  if (packageId !== batch.batchId) return OTHER_PACKAGE;
  const sent = batch.idemKeys.length;
  if (receivedCount === sent) return undefined;
  return `报送 ${sent} 条，回执说收到 ${receivedCount} 条 (sent ${sent}, the receipt counts ${receivedCount})`;
}

function rowsDoubt(rows: readonly Result[], batch: OutgoingBatch): string | undefined {
  const open = new Set(batch.idemKeys);
  const strangers = rows.filter((row) => !open.delete(row.rowId)).length;
  if (strangers === 0 && open.size === 0) return undefined;
  return `回执缺 ${open.size} 条、多 ${strangers} 条 (the receipt lacks ${open.size} rows and has ${strangers} unknown or repeated ones)`;
}

const ACCEPTED = new Set(['OK', 'DUPLICATE']);

function verdict({ rowId: idemKey, resultCode: code, resultMsg, platformId }: Result): Verdict {
  if (!ACCEPTED.has(code)) return { idemKey, outcome: 'rejected', code, reason: resultMsg || code };
  return { idemKey, outcome: 'accepted', code, ...(platformId ? { platformId } : {}) };
}
