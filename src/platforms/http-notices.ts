import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { sha256 } from '../canonical.ts';
import { HubError } from '../errors.ts';
import type { HttpOutcome } from '../hardened-http.ts';
import { isJsonObject } from '../json.ts';
import type { RepairNotice, UnreadableNotice } from '../platform.ts';
import { exists } from '../rules/civil-day.ts';
import { pageDocument, type Unreadable } from './http-page.ts';

interface NoticePage {
  readonly notices: readonly unknown[];
  readonly next: string | null;
}

interface WireNotice {
  readonly id: string;
  readonly kind: 'repair';
  readonly recordKey?: string;
  readonly number?: string;
  readonly creditCode?: string;
  readonly date: string;
  readonly reference: string;
}

const ID = '^[!-~]{1,128}$';
const ajv = new Ajv2020({ strict: true, ownProperties: true, allowUnionTypes: true, strictRequired: false });
ajv.addFormat('day', (text: string) => {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  return day !== undefined && exists({ year: Number(year), month: Number(month), day: Number(day) });
});

const isPage = ajv.compile<NoticePage>({
  type: 'object',
  required: ['notices', 'next'],
  properties: {
    notices: { type: 'array', maxItems: 1000 },
    next: { type: ['string', 'null'], pattern: ID },
  },
});

/** Named in one way only: two could contradict each other. */
const isNotice = ajv.compile<WireNotice>({
  type: 'object',
  required: ['id', 'kind', 'date', 'reference'],
  properties: {
    id: { type: 'string', pattern: ID },
    kind: { const: 'repair' },
    recordKey: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    number: { type: 'string', minLength: 1, maxLength: 128 },
    creditCode: { type: 'string', pattern: '^[0-9A-Z]{18}$' },
    date: { type: 'string', format: 'day' },
    reference: { type: 'string', minLength: 1, maxLength: 500 },
  },
  oneOf: [
    { required: ['recordKey'], not: { anyOf: [{ required: ['number'] }, { required: ['creditCode'] }] } },
    { required: ['number', 'creditCode'], not: { required: ['recordKey'] } },
  ],
});

export interface NoticesRequest {
  /** Asks for one page; `query` follows the address of the list. Signed anew each time: some schemes sign the moment. */
  readonly ask: (query: URLSearchParams) => Promise<HttpOutcome>;
  /** Id of the last notice that was taken, undefined before the first. */
  readonly after: string | undefined;
  /** Remembers that a notice was taken: the platform is asked only behind it from now on. */
  readonly keep: (id: string) => Promise<void>;
  readonly signal: AbortSignal;
}

const PAGE_NOTICES = 500;

/** Walks docs/platform-http.md §7 page by page. A notice of the wrong shape is given on as what it is, and hides none behind it. */
export async function* httpNotices(request: NoticesRequest): AsyncGenerator<RepairNotice | UnreadableNotice> {
  const { ask, signal } = request;
  const asked = new Set<string>();
  for (let after = request.after; ; ) {
    const query = new URLSearchParams({ limit: String(PAGE_NOTICES), ...(after === undefined ? {} : { after }) });
    if (after !== undefined) asked.add(after);
    const document = pageDocument(await ask(query), unreadable);
    signal.throwIfAborted();
    if (!isPage(document)) throw unreadable(`结构不符 (not the list's shape): ${wrongIn(isPage.errors)}`);
    for (const notice of document.notices) yield readNotice(notice, request.keep);
    if (document.next === null) return;
    if (asked.has(document.next)) throw unreadable('翻页位置不对 (next leads back)');
    after = document.next;
  }
}

function readNotice(notice: unknown, keep: NoticesRequest['keep']): RepairNotice | UnreadableNotice {
  if (!isNotice(notice)) return asUnreadable(notice, wrongIn(isNotice.errors), keep);
  const { id: noticeId, date: decidedOn, reference, recordKey, number, creditCode } = notice;
  return {
    ...(recordKey === undefined ? {} : { recordKey }),
    ...(number === undefined || creditCode === undefined ? {} : { number, creditCode }),
    ...{ noticeId, decidedOn, reason: `准予信用修复：${reference} (repair granted)` },
    taken: () => keep(noticeId),
  };
}

/** Known by its content: a notice that comes again in a sound form under the same id is another one, and is taken. */
function asUnreadable(notice: unknown, wrong: string, keep: NoticesRequest['keep']): UnreadableNotice {
  const text = JSON.stringify(notice);
  const id =
    isJsonObject(notice) && typeof notice['id'] === 'string' && ID_FORM.test(notice['id']) ? notice['id'] : undefined;
  return {
    noticeId: `sha256:${sha256(text)}`,
    ...{ platformId: id, wrong, text },
    taken: async () => (id === undefined ? undefined : keep(id)),
  };
}

const ID_FORM = new RegExp(ID);

/** Where and what, never the value. */
function wrongIn(errors: readonly ErrorObject[] | null | undefined): string {
  const { instancePath = '', message = '' } = errors?.[0] ?? {};
  return `${instancePath || '/'} ${message}`.slice(0, 200);
}

const unreadable: Unreadable = (reason, remedy = 'give-up') =>
  new HubError('PLATFORM_UNREADABLE', `平台的信用修复通知读不出：${reason} (its notices cannot be read)`, {
    remedy,
    fix: '之前的通知都已保存，下次从同一处再取；持续如此请联系平台 (what came before is kept and the rest is asked for again; if it stays so ask the platform)',
  });
