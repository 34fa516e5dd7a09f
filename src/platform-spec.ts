import type { HttpAuth } from './source.ts';

/** What `platform:` of a push job may say; one interface per protocol, its shape stands in job/platform-shape.ts. */
export type PlatformSpec = HttpPlatformSpec;

/** What every protocol has: how batches are cut, and when an answer is due. */
export interface DeliveryTerms {
  /** Members per batch, 1–1000, default 500. */
  readonly batchSize?: number;
  /** Batches on the wire at once, default 2. */
  readonly concurrency?: number;
  /** Default `sync`. */
  readonly receipts?: 'sync' | 'async';
  /** Wait this long before believing `absent` (delivery.md F22), default `0s`. */
  readonly querySettle?: string;
  /** How long an asynchronous receipt or an unknown outcome may stay open, default `48h`. */
  readonly answerWithin?: string;
  readonly doneWhen?: 'handed-over' | 'received' | 'answered';
  readonly nil?: 'message' | 'report';
  /** Who sends, in the body's header. */
  readonly sender?: { readonly code: string; readonly name: string };
}

export interface HttpPlatformSpec extends DeliveryTerms {
  readonly use: 'http';
  readonly url: string;
  readonly auth?: HttpAuth;
  /** `hmac-sha256`: the header scheme of domain.md §5.4; takes requesterId, serviceId and secret from `auth.hmac`. */
  readonly sign?: 'hmac-sha256';
  /** Does the platform promise that the same Idempotency-Key has one effect? Default true. */
  readonly idempotent?: boolean;
  /** Status codes that the platform's contract defines as “not processed”, e.g. [429, 503]. */
  readonly notProcessed?: readonly number[];
  /** Seconds for one request in all; default 20 (delivery.md §1.9). */
  readonly timeout?: number;
}
