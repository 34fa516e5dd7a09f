import type { Fault } from './fault.ts';
import type { JsonObject } from './json.ts';

/**
 * The contract for reading a bureau. One opened source reads pages in a stable order, streaming:
 * memory holds one page, never the whole. A page that is damaged (cut off, wrong charset, HTML instead
 * of JSON, half a zip, too deep, too large) is refused whole: `pages` throws a HubError
 * (`SOURCE_…`, remedy `retry` for network trouble, else `give-up`) and the caller's cursor stays.
 * A damaged *row* in a sound page is a value: `fields` undefined, `faults` say why, `raw` keeps its bytes.
 */
export interface Source {
  pages(from: Cursor | undefined, options: ReadOptions): AsyncIterable<Page>;
  close(): Promise<void>;
}

/** Where to go on; plain JSON, owned by the source that made it, stored in the same transaction as the rows. */
export type Cursor = JsonObject;

export interface ReadOptions {
  readonly signal: AbortSignal;
  readonly now: () => Date;
  /** Manual re-read: inclusive local dates `YYYY-MM-DD` on the source's cursor field; the live cursor is not moved. */
  readonly since?: string;
  readonly until?: string;
}

export interface Page {
  /**
   * The page or file this comes from: file name, or request counter within the run. A large file comes
   * as several pages with the same externalId and sha256; `endOfIntake` marks the last of them.
   */
  readonly externalId: string;
  /** Hex SHA-256 of the raw page or file. */
  readonly sha256: string;
  readonly endOfIntake: boolean;
  readonly rows: readonly RawRow[];
  /** The cursor to store once this page's rows are committed. */
  readonly cursor: Cursor;
  /** Where this page stands in a full snapshot (everything the bureau has); absent: changes only. */
  readonly snapshot?: SnapshotPlace;
}

export interface SnapshotPlace {
  /** Rows of the snapshot on the pages before this one, those that an interrupted run read included. */
  readonly before: number;
  /** The first page that this run reads of a snapshot which an interrupted run began. */
  readonly resumed?: boolean;
  /** Its rows in all, where they are known beforehand: one that suddenly shrinks is held before anything of it is written. */
  readonly expected?: number;
  /** Behind this page the snapshot is whole. */
  readonly last: boolean;
}

export interface RawRow {
  /** 1-based position in the intake. */
  readonly rowNo: number;
  /** The exact bytes of this row as read (a spreadsheet row or SQL row: its canonical JSON). */
  readonly raw: Uint8Array | string;
  readonly fields: JsonObject | undefined;
  readonly faults: readonly Fault[];
}

export type SourceSpec = HttpSourceSpec | SqlSourceSpec | FilesSourceSpec;

export type HttpAuth =
  | { readonly bearer: string }
  | { readonly header: { readonly [name: string]: string } }
  /** 国家数据共享平台 header scheme: gjgxjhpt_sign = Base64(HMAC-SHA256(secret, sid + rid + rtime)) (domain.md §5.4). */
  | { readonly hmac: { readonly requesterId: string; readonly serviceId: string; readonly secret: string } };

export interface HttpSourceSpec {
  readonly use: 'http';
  readonly url: string;
  readonly auth?: HttpAuth;
  readonly headers?: { readonly [name: string]: string };
  readonly query?: { readonly [name: string]: string };
  /** Default `json`. */
  readonly format?: 'json' | 'xml';
  /** Dotted path of the array of rows (XML: path of the repeated element); default: the document itself is the array. */
  readonly items?: string;
  /** Dotted path of the total row count, where the bureau says it. */
  readonly total?: string;
  readonly paging?: Paging;
  /** Absent: every run reads a full snapshot. */
  readonly cursor?: { readonly field: string; readonly param?: string; readonly overlap?: string };
  /** Seconds for one request in all; default 60. */
  readonly timeout?: number;
}

export type Paging =
  /** Page number: `?pageNo=1&pageSize=1000`; `first` default 1. */
  | { readonly page: string; readonly size?: string; readonly limit: number; readonly first?: number }
  /** Row offset: `?offset=0&limit=1000`. */
  | { readonly offset: string; readonly size?: string; readonly limit: number }
  /** Opaque cursor: `next` is the dotted path of the next cursor in the answer, `cursor` the parameter that takes it. */
  | { readonly cursor: string; readonly next: string; readonly size?: string; readonly limit?: number }
  /** `next` is the dotted path of the next page's address (same origin only), or `Link` for the RFC 8288 header. */
  | { readonly next: string };

export interface SqlSourceSpec {
  readonly use: 'sql';
  /** `mysql://user:pass@host:port/db`, `sqlite:path`. */
  readonly url: string;
  readonly table: string;
  /** Default: all columns. */
  readonly columns?: readonly string[];
  /** Keyset order (updatedAt, id). Absent `updatedAt`: full snapshot ordered by id. */
  readonly id: string;
  readonly updatedAt?: string;
  readonly overlap?: string;
  /** Rows per page, default 1000. */
  readonly limit?: number;
}

export interface FilesSourceSpec {
  readonly use: 'files';
  /** Folder that the bureau drops files into. */
  readonly folder: string;
  /** Glob on the file name, default `*`. */
  readonly match?: string;
  /** Default: by file name ending; zip members likewise. */
  readonly format?: 'csv' | 'tsv' | 'xlsx' | 'ndjson' | 'json' | 'xml';
  /** Default: BOM, else UTF-8 when valid, else GB18030. */
  readonly encoding?: 'utf-8' | 'gb18030';
  /** XML: name of the repeated element; JSON: dotted path of the array. */
  readonly items?: string;
  /** XLSX: sheet name; default the first visible sheet. */
  readonly sheet?: string;
  /** A file counts as finished when this companion exists (`.ok` → `a.csv.ok`), or — default — when size and mtime have stood still for `settle`. */
  readonly marker?: string;
  /** Default `2s`. */
  readonly settle?: string;
  /** True: each file is everything the bureau has. Default false. */
  readonly snapshot?: boolean;
  /** True: persons lay the files there, not a system; with HUB_APPROVALS=on a second person confirms each. Default false. */
  readonly byHand?: boolean;
}
