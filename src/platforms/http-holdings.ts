import { Ajv2020 } from 'ajv/dist/2020.js';
import { HubError } from '../errors.ts';
import type { HttpOutcome } from '../hardened-http.ts';
import type { HeldRecord } from '../platform.ts';
import { pageDocument, type Unreadable } from './http-page.ts';

interface HeldRow {
  readonly recordKey: string;
  readonly dataVersion: number;
  readonly op: 'U' | 'D';
  readonly payloadHash: string;
}

interface Page {
  readonly total: number;
  readonly rows: readonly HeldRow[];
  readonly next: string | null;
}

const hex = { type: 'string', pattern: '^[0-9a-f]{64}$' };
const isPage = new Ajv2020({ strict: true, ownProperties: true, allowUnionTypes: true }).compile<Page>({
  type: 'object',
  required: ['total', 'rows', 'next'],
  properties: {
    total: { type: 'integer', minimum: 0 },
    next: { type: ['string', 'null'], pattern: '^[0-9a-f]{64}$' },
    rows: {
      type: 'array',
      maxItems: 1000,
      items: {
        type: 'object',
        required: ['recordKey', 'dataVersion', 'op', 'payloadHash'],
        properties: {
          recordKey: hex,
          dataVersion: { type: 'integer', minimum: 1 },
          op: { enum: ['U', 'D'] },
          payloadHash: hex,
        },
      },
    },
  },
});

export interface HoldingsRequest {
  /** Asks for one page; `query` follows the address of the list. Signed anew each time: some schemes sign the moment. */
  readonly ask: (query: URLSearchParams) => Promise<HttpOutcome>;
  readonly signal: AbortSignal;
}

const PAGE_ROWS = 1000;

/** Walks docs/platform-http.md §4 page by page; throws rather than end early or out of order. */
export async function* httpHoldings({ ask, signal }: HoldingsRequest): AsyncGenerator<HeldRecord> {
  let after: string | undefined;
  let seen = 0;
  for (;;) {
    const query = new URLSearchParams({ limit: String(PAGE_ROWS), ...(after === undefined ? {} : { after }) });
    const exchange = await ask(query);
    signal.throwIfAborted();
    const { rows, next, total } = readPage(exchange);
    for (const row of rows) {
      if (after !== undefined && row.recordKey <= after) throw unreadable('行的次序不对 (rows are out of order)');
      after = row.recordKey;
      seen += 1;
      yield toHeld(row);
    }
    if (next === null) {
      if (seen !== total) throw unreadable(`应有 ${total} 条，列出 ${seen} 条 (says ${total}, lists ${seen})`);
      return;
    }
    if (next !== after || rows.length === 0) throw unreadable('翻页位置不对 (next does not fit the page)');
  }
}

const toHeld = ({ recordKey, dataVersion: version, op, payloadHash }: HeldRow): HeldRecord => ({
  ...{ recordKey, version, payloadHash },
  operation: op === 'D' ? 'WITHDRAW' : 'UPSERT',
});

function readPage(exchange: HttpOutcome): Page {
  const document = pageDocument(exchange, unreadable);
  if (isPage(document)) return document;
  const { instancePath = '', message = '' } = isPage.errors?.[0] ?? {};
  throw unreadable(`结构不符 ${instancePath || '/'} (not the list's shape: ${instancePath || '/'} ${message})`);
}

const unreadable: Unreadable = (reason, remedy = 'give-up') =>
  new HubError('PLATFORM_UNREADABLE', `平台的持有清单不可信：${reason} (the platform's list cannot be trusted)`, {
    remedy,
    fix: '什么都没有比对，请稍后再试；持续如此请联系平台 (nothing was compared; try later, and if it stays so ask the platform)',
  });
