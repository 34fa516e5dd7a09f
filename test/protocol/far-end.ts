import { sha256 } from '../../src/canonical.ts';
import type {
  Answer,
  OutgoingBatch,
  Platform,
  QueryAnswer,
  RepairNotice,
  StrayReceipt,
  Verdict,
} from '../../src/platform.ts';

/** What the far end does with the next submit, besides taking it or not. */
export type Whim =
  | 'accept'
  /** Taken, verdicts by query. */
  | 'receive'
  /** Taken, and the answer is lost. */
  | 'lose-answer'
  /** Never arrives, and nobody can tell. */
  | 'lose-request'
  /** Certainly not sent. */
  | 'down'
  | 'login'
  | 'busy'
  | 'contract-fault'
  /** Names the poisoned rows when it refuses. */
  | 'blame'
  /** Takes the batch and rejects the poisoned rows one by one in its answer. */
  | 'judge';

export interface Held {
  readonly version: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
}

interface SentRecord {
  readonly rowId: string;
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
  readonly data: { readonly [column: string]: string };
}

/**
 * A platform in this process, with a store of its own and a recorder of everything sent; it takes a batch whole or refuses it whole.
 * Behaviour is data: `whims` are taken in order, then `accept`.
 */
export interface FarEnd extends Platform {
  readonly whims: Whim[];
  /** Whether the query works: it may also say that it never heard of anything (`stale`), or refuse the whole (`refuses`). */
  query_: 'works' | 'fails' | 'stale' | 'refuses';
  /** Every submit that left, in order, and every query. */
  readonly sends: { readonly batchId: string; readonly rows: readonly SentRecord[]; readonly epoch: number }[];
  queries: number;
  /** What it shows, by record key. */
  readonly shown: ReadonlyMap<string, Held>;
  /** Batches that it took, by batch id. */
  readonly taken: ReadonlyMap<string, { readonly digest: string; readonly rows: readonly SentRecord[] }>;
  /** Effects per row id: more than one is a doubled record. */
  readonly effects: ReadonlyMap<string, number>;
  readonly receipts: StrayReceipt[];
  readonly pendingNotices: RepairNotice[];
  /** Called when a submit arrives, before it is answered. */
  onSend: ((batch: OutgoingBatch) => Promise<void> | void) | undefined;
}

const POISON = '剧毒';

export function farEnd(): FarEnd {
  const shown = new Map<string, Held>();
  const effects = new Map<string, number>();
  const batches = new Map<string, { readonly digest: string; readonly rows: readonly SentRecord[] }>();
  const evidence = { status: 200, bytes: Buffer.from('{"receipt":true}') };

  const take = (batch: OutgoingBatch, rows: readonly SentRecord[]): void => {
    if (batches.has(batch.batchId)) return;
    batches.set(batch.batchId, { digest: batch.bodyDigest, rows });
    for (const row of rows) {
      effects.set(row.rowId, (effects.get(row.rowId) ?? 0) + 1);
      const before = shown.get(row.recordKey);
      if (before === undefined || before.version < row.dataVersion)
        shown.set(row.recordKey, { version: row.dataVersion, op: row.op, payloadHash: row.payloadHash });
    }
  };
  const verdictsOf = (rows: readonly SentRecord[]): Verdict[] =>
    rows.map(({ rowId }) => ({ idemKey: rowId, outcome: 'accepted', code: 'OK' }));
  const receiptId = ({ batchId }: OutgoingBatch): string => `R-${batchId.slice(0, 12)}`;
  const answered = (batch: OutgoingBatch, rows: readonly SentRecord[]): Answer => ({
    outcome: 'answered',
    receiptId: receiptId(batch),
    verdicts: verdictsOf(rows),
    evidence,
  });

  const far: FarEnd = {
    whims: [],
    query_: 'works',
    sends: [],
    queries: 0,
    shown,
    taken: batches,
    effects,
    receipts: [],
    pendingNotices: [],
    onSend: undefined,
    async send(batch) {
      const whim = far.whims.shift() ?? 'accept';
      const none = { evidence: {} };
      if (whim === 'down') return { outcome: 'not-sent', reason: 'refused', page: false, ...none };
      const { records } = JSON.parse(Buffer.from(batch.body).toString()) as { records: SentRecord[] };
      far.sends.push({ batchId: batch.batchId, rows: records, epoch: batch.epoch });
      if (sha256(batch.body) !== batch.bodyDigest) throw new Error('the body is not what its digest says');
      await far.onSend?.(batch);
      if (whim === 'login') return { outcome: 'not-sent', reason: '401', page: true, evidence: { status: 401 } };
      if (whim === 'busy')
        return { outcome: 'not-sent', reason: '503', page: false, retryAfterS: 120, evidence: { status: 503 } };
      if (whim === 'contract-fault') return { outcome: 'contract-fault', reason: '404', evidence: { status: 404 } };
      if (whim === 'lose-request') return { outcome: 'unknown', reason: 'reset', ...none };
      const poisoned = records.filter(({ data }) => JSON.stringify(data).includes(POISON));
      if (whim === 'judge' && poisoned.length > 0) {
        const bad = new Set(poisoned.map(({ rowId }) => rowId));
        const verdicts: Verdict[] = verdictsOf(records).map((verdict) =>
          bad.has(verdict.idemKey)
            ? { idemKey: verdict.idemKey, outcome: 'rejected', code: 'SUBJECT_NOT_FOUND', reason: '查无此主体' }
            : verdict,
        );
        return { outcome: 'answered', receiptId: receiptId(batch), verdicts, evidence };
      }
      if (poisoned.length > 0) {
        const rejected = poisoned.map(({ rowId: idemKey }) => ({
          idemKey,
          outcome: 'rejected' as const,
          code: 'FORMAT_ERROR',
          reason: '有误',
        }));
        const blame = whim === 'blame' ? { rejected } : {};
        return { outcome: 'refused', reason: '400', ...blame, evidence: { status: 400 } };
      }
      take(batch, records);
      if (whim === 'lose-answer') return { outcome: 'unknown', reason: 'reset', ...none };
      if (whim === 'receive') return { outcome: 'received', receiptId: receiptId(batch), evidence };
      return answered(batch, records);
    },
    async query(batch): Promise<QueryAnswer> {
      far.queries += 1;
      if (far.query_ === 'fails') return { outcome: 'unknown', reason: 'query failed', evidence: {} };
      if (far.query_ === 'refuses') return { outcome: 'refused', reason: 'package check failed', evidence: {} };
      const known = batches.get(batch.batchId);
      if (known === undefined || far.query_ === 'stale') return { outcome: 'absent', evidence: {} };
      if (known.digest !== batch.bodyDigest) return { outcome: 'conflict', reason: 'other digest', evidence: {} };
      return answered(batch, known.rows) as QueryAnswer;
    },
    async *strayReceipts() {
      while (far.receipts.length > 0) yield far.receipts.shift() as StrayReceipt;
    },
    async *notices() {
      while (far.pendingNotices.length > 0) yield far.pendingNotices.shift() as RepairNotice;
    },
    close: async () => {},
  };
  return far;
}
