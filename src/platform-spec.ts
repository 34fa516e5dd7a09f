import type { HttpAuth } from './source.ts';

/** What `platform:` of a push job may say; one interface per protocol, its shape stands in job/platform-shape.ts. */
export type PlatformSpec = HttpPlatformSpec | SftpPlatformSpec;

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

/** How to read the receipts that a platform writes (docs/platform-sftp.md §3). */
export interface ReceiptTerms {
  /** Its own names of the columns, where they are not those of the page. */
  readonly columns?: {
    readonly batchId?: string;
    readonly receiptId?: string;
    readonly rowId?: string;
    readonly rowNo?: string;
    readonly code?: string;
    readonly message?: string;
    readonly platformId?: string;
  };
  /** Codes that mean accepted; default OK, DUPLICATE, 成功, 通过. */
  readonly accepted?: readonly string[];
}

export interface SftpPlatformSpec extends DeliveryTerms {
  readonly use: 'sftp';
  /** `sftp://host:port` */
  readonly url: string;
  readonly login:
    | { readonly user: string; readonly password: string }
    | { readonly user: string; readonly keyFile: string; readonly passphrase?: string };
  /** Fingerprints as `ssh-keygen -lf` prints them: `SHA256:…`; a server that shows another key is refused. */
  readonly hostKey: string | readonly string[];
  /** Where packages go. */
  readonly folder: string;
  /** Where the platform keeps what it took. */
  readonly archiveFolder?: string;
  readonly receiptFolder?: string;
  /** Where the hub moves receipts that it has kept; absent: they stay. */
  readonly receiptDoneFolder?: string;
  readonly receipt?: ReceiptTerms;
  /** Default `{platform}_{period}_{seq}_{batch_id8}.zip`. */
  readonly fileName?: string;
  /** Default `.part`. */
  readonly temporarySuffix?: string;
  /** What the data file is, default `json`. */
  readonly data?: 'json' | 'xml' | 'csv';
  /** Of XML and CSV, default `utf-8`. */
  readonly encoding?: 'utf-8' | 'gb18030';
  /** First line of a CSV: codes (`XK_WSH`, default) or Chinese titles. */
  readonly heads?: 'codes' | 'titles';
  /** Columns that the platform left for our row id and operation (CSV). */
  readonly slots?: { readonly rowId?: string; readonly op?: string };
  /** Does the receiver take one file name once? Then a vanished file may be sent again. Default false. */
  readonly receiverDedups?: boolean;
  /** Seconds for one visit in all; default 20. */
  readonly timeout?: number;
}
