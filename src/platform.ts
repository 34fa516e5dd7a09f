import type { HttpAuth } from './source.ts';

/**
 * The contract for delivering to a platform. `send` and `query` never throw for anything the network or
 * the platform does: what was observed becomes an Answer, classified by what was *sent*
 * (delivery.md §1.4, definite versus unknown). They throw only on a bug or when `signal` was aborted
 * before a byte left.
 */
export interface Platform {
  send(batch: OutgoingBatch, signal: AbortSignal): Promise<Answer>;
  /** What became of a batch; asked after an unknown outcome and to fetch asynchronous receipts. */
  query(batch: OutgoingBatch, signal: AbortSignal): Promise<QueryAnswer>;
  close(): Promise<void>;
}

/** A sealed batch, word for word as the outbox holds it. */
export interface OutgoingBatch {
  readonly batchId: string;
  /** The exact body bytes. */
  readonly body: Uint8Array;
  /** Hex SHA-256 of `body`. */
  readonly bodyDigest: string;
  readonly contentType: string;
  /** idem keys in row order: verdicts must name exactly these. */
  readonly idemKeys: readonly string[];
}

/** What the platform said of one member. */
export type Verdict =
  | { readonly idemKey: string; readonly outcome: 'accepted'; readonly platformId?: string; readonly code?: string }
  | { readonly idemKey: string; readonly outcome: 'rejected'; readonly code: string; readonly reason: string };

/** Bytes and status as observed, kept in the attempt row; at most 1 MiB of the answer. */
export interface Evidence {
  readonly status?: number;
  readonly bytes?: Uint8Array;
}

export interface ReceiptHead {
  readonly receiptId: string;
  readonly evidence: Evidence;
}

export type Answer =
  /** Every member has its verdict. */
  | ({ readonly outcome: 'answered'; readonly verdicts: readonly Verdict[] } & ReceiptHead)
  /** Taken; verdicts follow by query. */
  | ({ readonly outcome: 'received' } & ReceiptHead)
  /** Definite: the whole batch was refused atomically (400, 413, 422); split it. */
  | { readonly outcome: 'refused'; readonly reason: string; readonly evidence: Evidence }
  /** Definite: nothing was sent, or the platform's contract says it was not processed. `page`: certificate or login trouble, do not hammer. */
  | {
      readonly outcome: 'not-sent';
      readonly reason: string;
      readonly page: boolean;
      readonly retryAfterS?: number;
      readonly evidence: Evidence;
    }
  /** 404, 405, 409, 415 and the like: the contract does not fit; hold the batch for a person. */
  | { readonly outcome: 'contract-fault'; readonly reason: string; readonly evidence: Evidence }
  /** Key reused with another payload, or found with another digest. */
  | { readonly outcome: 'conflict'; readonly reason: string; readonly evidence: Evidence }
  /** Bytes left and no answer that can be trusted came back; ask before resending. */
  | {
      readonly outcome: 'unknown';
      readonly reason: string;
      readonly retryAfterS?: number;
      readonly evidence: Evidence;
    };

export type QueryAnswer =
  | Extract<Answer, { outcome: 'answered' | 'received' | 'conflict' | 'unknown' }>
  | { readonly outcome: 'absent'; readonly evidence: Evidence };

export interface HttpPlatformSpec {
  readonly use: 'http';
  readonly url: string;
  readonly auth?: HttpAuth;
  /** `hmac-sha256`: the header scheme of domain.md §5.4; takes requesterId, serviceId and secret from `auth.hmac`. */
  readonly sign?: 'hmac-sha256';
  /** Members per batch, 1–1000, default 500. */
  readonly batchSize?: number;
  /** Batches on the wire at once, default 2. */
  readonly concurrency?: number;
  /** Default `sync`. */
  readonly receipts?: 'sync' | 'async';
  /** Does the platform promise that the same Idempotency-Key has one effect? Default true. */
  readonly idempotent?: boolean;
  /** Status codes that the platform's contract defines as “not processed”, e.g. [429, 503]. */
  readonly notProcessed?: readonly number[];
  /** Seconds for one request in all; default 20 (delivery.md §1.9). */
  readonly timeout?: number;
  /** Wait this long before believing `absent` (delivery.md F22), default `0s`. */
  readonly querySettle?: string;
  /** How long an asynchronous receipt or an unknown outcome may stay open, default `48h`. */
  readonly answerWithin?: string;
  readonly doneWhen?: 'handed-over' | 'received' | 'answered';
  readonly nil?: 'message' | 'report';
  /** Who sends, in the body's header. */
  readonly sender?: { readonly code: string; readonly name: string };
}

export type PlatformSpec = HttpPlatformSpec;
