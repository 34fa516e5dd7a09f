import type { Json } from './json.ts';
import type { HttpAuth } from './source.ts';
import type { ExchangeIdentity } from './wire/exchange-sign.ts';

/** What `platform:` of a push job may say; one interface per protocol, its shape stands in job/platform-shape.ts. */
export type PlatformSpec =
  | FrontDatabaseSpec
  | HttpPlatformSpec
  | SftpPlatformSpec
  | ExcelPlatformSpec
  | FerryPlatformSpec;

/** What every protocol has: how batches are cut, and when an answer is due. */
export interface DeliveryTerms {
  /** Members per batch, 1–1000, default 500. */
  readonly batchSize?: number;
  /** Batches on the wire at once, default 2. */
  readonly concurrency?: number;
  /** Default `sync`. */
  readonly receipts?: 'sync' | 'async';
  /** How long an idempotent platform remembers a key; afterwards only the query counts (delivery.md §1.4, F23). Default `24h`. */
  readonly idempotencyTtl?: string;
  /** When it may be sent to, in HUB_TIMEZONE; absent: always. `to` before `from` runs over midnight. */
  readonly sendingWindow?: SendingWindow;
  /** Wait this long before believing `absent` (delivery.md F22), default `0s`. */
  readonly querySettle?: string;
  /** How long an asynchronous receipt or an unknown outcome may stay open, default `48h`. */
  readonly answerWithin?: string;
  readonly doneWhen?: 'handed-over' | 'received' | 'answered';
  readonly nil?: 'message' | 'report';
  /** Who sends, in the body's header. */
  readonly sender?: { readonly code: string; readonly name: string };
}

/** Hours and weekdays in which a platform takes deliveries; urgent withdrawals keep to it too. */
export interface SendingWindow {
  /** Local `HH:MM`. */
  readonly from: string;
  readonly to: string;
  /** Default: every day. A window over midnight belongs to the day on which it opens. */
  readonly days?: readonly Weekday[];
}

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export interface HttpPlatformSpec extends DeliveryTerms {
  readonly use: 'http';
  readonly url: string;
  readonly auth?: PlatformAuth;
  /** `hmac-sha256`: the header scheme of domain.md §5.4; takes requesterId, serviceId and secret from `auth.hmac`. */
  readonly sign?: 'hmac-sha256' | SortedSign;
  /** How a batch is written: the hub's own package (`json`, the default), or a template. */
  readonly body?: 'json' | BodyTemplate;
  /** Where and how a batch is handed over; default `POST {url}/batches`. */
  readonly submit?: RequestSpec;
  /** What the answer to a submit means; required with a template. */
  readonly answer?: AnswerSpec;
  /** How to ask what became of a batch; default `GET {url}/batches/{packageId}`, with a template required. */
  readonly query?: 'none' | QuerySpec;
  /** Has the platform 信用修复 notices for us (docs/platform-http.md §7)? True: at `{url}/notices`; else where. Default: no. */
  readonly notices?: boolean | string;
  readonly login?: LoginSpec;
  readonly tls?: TlsSpec;
  /** Does the platform promise that the same package id has one effect? Default true; with a template it must say so. */
  readonly idempotent?: boolean;
  /** Status codes that the platform's contract defines as “not processed”, e.g. [429, 503]. */
  readonly notProcessed?: readonly number[];
  /** The request header in which the log's newest checkpoint goes with each batch; absent: nowhere. The same below. */
  readonly anchor?: { readonly header: string };
  /** Seconds for one request in all; default 20 (delivery.md §1.9). */
  readonly timeout?: number;
}

/** A list of what the platform holds, that it exports as a file from time to time (docs/platform-sftp.md §5). */
export interface HoldingsSpec {
  readonly folder: string;
  /** Beginning of the files' names; the last name in order is the newest list. */
  readonly match?: string;
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
  /** `failures`: it lists only what was not accepted, everything else of the batch was. Default `all`. */
  readonly lists?: 'all' | 'failures';
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
  readonly holdings?: HoldingsSpec;
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
  /** Member of the `.ok` file. */
  readonly anchor?: { readonly ok: string };
  /** Seconds for one visit in all; default 20. */
  readonly timeout?: number;
}

/** As for a source; or with a secret that the platform issues anew from time to time. */
export type PlatformAuth = HttpAuth | { readonly hmac: ExchangeIdentity & { readonly refresh: SecretRefresh } };

/** A call that gives the next secret, encrypted with the app key, and when it ends (domain.md §5.4). */
export interface SecretRefresh {
  /** Behind the platform's url. */
  readonly path: string;
  readonly appKey: string;
  /** Default `aes-128-ecb`; with CBC the first block is the initialisation vector. */
  readonly cipher?: 'aes-128-ecb' | 'aes-256-ecb' | 'aes-128-cbc' | 'aes-256-cbc';
  /** Default `/data/secret`, `/data/secretEndTime`, `/code`, `["0"]`. */
  readonly secret?: string;
  readonly endTime?: string;
  readonly code?: string;
  readonly good?: readonly string[];
  /** Refresh this long before its end, default `10m`. */
  readonly before?: string;
}

/** A document with named placeholders from a closed list (docs/platform-http.md §5); no expressions, no scripts. */
export type BodyTemplate = ({ readonly json: Json } | { readonly xml: Json }) & {
  /** Default `application/json` or `text/xml`, in UTF-8. */
  readonly type?: string;
};

/** One request: `path` behind the platform's url; path and headers may hold placeholders. */
export interface RequestSpec {
  readonly path: string;
  readonly headers?: { readonly [name: string]: string };
}

export interface QuerySpec extends RequestSpec {
  /** Default GET, with a body POST. */
  readonly body?: BodyTemplate;
  readonly answer: AnswerSpec;
}

/** What a result code means; a code that stands nowhere proves nothing. */
export type CodeMeaning =
  | 'accepted'
  | 'received'
  | 'rejected'
  | 'refused'
  | 'conflict'
  | 'notProcessed'
  | 'absent'
  | 'loginExpired';

/** Paths are JSON pointers (`/data/code`) or, in XML, element names (`Envelope/Body/Result/code`, any case, no prefixes). */
export interface AnswerSpec {
  /** Default: as the body. */
  readonly form?: 'json' | 'xml';
  /** Where a text stands that is a document itself; all paths are read in that one. */
  readonly within?: { readonly at: string; readonly form: 'json' | 'xml' };
  readonly code: string;
  readonly codes: { readonly [M in CodeMeaning]?: readonly string[] };
  /** Where a code stands when the answer is a fault instead (`Envelope/Body/Fault/faultstring`), with status 200 or 500; read outside of `within`. */
  readonly fault?: string;
  readonly message?: string;
  /** The platform's receipt number; default: our package id. */
  readonly receipt?: string;
  /** Where our package id comes back; it must be ours. */
  readonly echo?: string;
  /** Where the number of records comes back; it must be ours. */
  readonly count?: string;
  /** Hex SHA-256 of the body that the platform holds; it must be ours. */
  readonly digest?: string;
  readonly results?: ResultsSpec;
}

export interface ResultsSpec {
  /** The repeated element: a JSON array or an XML element. */
  readonly at: string;
  /** Below it: our rowId, its UUID form, or the row's number from 1. */
  readonly row: string;
  readonly code: string;
  readonly message?: string;
  readonly platformId?: string;
  /** Codes that mean accepted; all others mean rejected. */
  readonly accepted: readonly string[];
  /** `rejected`: the list names the bad ones only, the others are accepted. Default `all`. */
  readonly lists?: 'all' | 'rejected';
}

/** A call that gives a token for headers: `token: "{token}"`. */
export interface LoginSpec extends RequestSpec {
  readonly body?: BodyTemplate;
  readonly form?: 'json' | 'xml';
  readonly within?: { readonly at: string; readonly form: 'json' | 'xml' };
  /** Where the token stands. */
  readonly token: string;
  /** The login is good only where this code is one of `good`. */
  readonly code?: string;
  readonly good?: readonly string[];
  /** Log in anew after this long; default: when the platform says that the login expired. */
  readonly goodFor?: string;
  /** Status codes that mean an expired login, beside the codes of `loginExpired`. */
  readonly expiredStatus?: readonly number[];
}

/** Parameters sorted by name, `k=v&k=v`, signed; they travel with the signature in the query or in headers. */
export interface SortedSign {
  readonly use: 'sorted-params';
  readonly algorithm: 'hmac-sm3' | 'hmac-sha256' | 'sm2';
  /** Names and values; values may hold placeholders such as `{timestamp}`, `{nonce}`, `{bodyDigest}`. */
  readonly params: { readonly [name: string]: string };
  /** Of the HMAC. */
  readonly secret?: string;
  /** `&key=SECRET` is added to what is signed. */
  readonly secretParam?: string;
  /** SM2, 64 hex digits; signed with the user id 1234567812345678. */
  readonly privateKey?: string;
  /** Name of the signature. */
  readonly as: string;
  readonly into: 'query' | 'headers';
  /** Default `HEX`. */
  readonly encoding?: 'hex' | 'HEX' | 'base64';
}

/** Each a path of a PEM file, or PEM itself by `${NAME}`. */
export interface TlsSpec {
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** The private root that this platform's certificate must come from, instead of the public ones. */
  readonly ca?: string;
  /** Base64 SHA-256 of the public key (SPKI) of the platform's certificate; several while it is exchanged. */
  readonly pins?: readonly string[];
}

/** A person uploads the file on the platform's page and brings its receipt back: docs/platform-excel.md. */
export interface ExcelPlatformSpec extends DeliveryTerms {
  readonly use: 'excel';
  /** Folder on this machine from which a person takes the files. */
  readonly folder: string;
  /** Default `{platform}_{period}_{seq}_{batch_id8}.xlsx`. */
  readonly fileName?: string;
  /** The platform's own template, .xlsx: its sheet's name, its header and the lines around it are taken as they stand. */
  readonly template?: string;
  /** Name of the sheet, default the template's, else `Sheet1`. */
  readonly sheet?: string;
  /** Titles of columns where the platform's template has others than the form: code → title. */
  readonly titles?: { readonly [column: string]: string };
  /** Lines under the table, such as «表格说明: …». */
  readonly notes?: readonly string[];
  /** Columns that the template left for our row id and operation. */
  readonly slots?: { readonly rowId?: string; readonly op?: string };
  readonly receipt?: ReceiptTerms;
  readonly holdings?: HoldingsSpec;
  /** Ending of a file beside the upload file, for the page's remark or attachment. */
  readonly anchor?: { readonly file: string };
}

/** 前置库: tables in a database of the platform's that it reads by itself (docs/platform-front-database.md). */
export interface FrontDatabaseSpec extends DeliveryTerms {
  readonly use: 'front-database';
  /** Default `async`: the platform writes its results into the rows. */
  readonly receipts?: 'sync' | 'async';
  /** `mysql://user:password@host:port/database`, `sqlite:path`, or of any knex client whose driver is installed. */
  readonly url: string;
  /** knex client, default by the url: mysql2, better-sqlite3, pg, mssql, oracledb. */
  readonly client?: string;
  /** Data class (`XK_FR`) → table. */
  readonly tables: { readonly [dataClass: string]: string };
  /** Table of batches, default `hub_batch`; `none` where the platform allows no such table: then ROW_ID must be unique. */
  readonly ledger?: string;
  /** Column of the ledger. */
  readonly anchor?: { readonly column: string };
  /** Own names of the columns beside the business ones. */
  readonly columns?: { readonly [C in FrontColumn]?: string };
  /** What OP says, default `U` and `D`. */
  readonly ops?: { readonly upsert: string; readonly withdraw: string };
  /** What SYNC_FLAG says, default 0 waiting, 1 taken, 2 accepted, 3 rejected. */
  readonly flags?: {
    readonly waiting: string;
    readonly taken: string;
    readonly accepted: string;
    readonly rejected: string;
  };
  readonly tls?: TlsSpec;
  /** Seconds for one visit in all; default 20. */
  readonly timeout?: number;
}

/** The columns beside the business ones. The first three must be there, the others are used where they are. */
export type FrontColumn =
  | 'batchNo'
  | 'rowId'
  | 'op'
  | 'pushTime'
  | 'syncFlag'
  | 'syncTime'
  | 'errCode'
  | 'errMsg'
  | 'recordKey'
  | 'dataVersion'
  | 'payloadHash';

/** Numbered, signed and encrypted packages for a medium: docs/platform-ferry.md. */
export interface FerryPlatformSpec extends DeliveryTerms {
  readonly use: 'ferry';
  /** Name that both sides know this way by. */
  readonly channel: string;
  /** Folder on this machine from which the medium is loaded. */
  readonly outbox: string;
  /** Shared by both sides, 64 hex digits. */
  readonly key: string;
  /** SM2 private key that signs our packages, 64 hex digits. */
  readonly signKey: string;
  /** SM2 public key of the far side, that signs the return receipts; 130 hex digits. */
  readonly trust: string;
  /** True: the package's header carries it as `checkpoint`. */
  readonly anchor?: boolean;
}
