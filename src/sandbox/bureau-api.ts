import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Books, Entry } from './books.ts';
import { momentFrom, momentOf } from './days.ts';
import { type Lock, type Loopback, listen, opens, sendBytes, sendJson } from './loopback.ts';
import { ACCEPT, nextStep, type Script, type Step } from './script.ts';
import type { Kind, Row } from './world.ts';

/** A bureau that answers over HTTP. */
export interface BureauApi extends Loopback {
  script(next: Script): void;
}

interface ApiDesk {
  readonly port: number;
  readonly books: Books;
  readonly lock: Lock;
  /** A second way in, for rehearsing the other scheme. */
  readonly otherLock?: Lock;
}

/**
 * 审批系统: broadcast production licences. `GET /licences?pageNo&pageSize&since` (bearer) answers
 * `{code:0,data:{rows,total}}`; `/licences.xml` says the same as XML; `/v2/licences?cursor&size` is read with
 * an opaque cursor and the header scheme.
 */
export function openApprovalSystem({ port, books, lock, otherLock }: ApiDesk): Promise<BureauApi> {
  return openApi(port, (request, url) => {
    if (url.pathname === '/v2/licences') {
      if (otherLock === undefined || !opens(otherLock, request)) return undefined;
      return cursorPage(books, 'broadcast', url.searchParams);
    }
    if (!/^\/licences(\.xml)?$/.test(url.pathname)) return NOT_FOUND;
    if (!opens(lock, request)) return undefined;
    const page = numberedPage(books, 'broadcast', url.searchParams);
    return url.pathname.endsWith('.xml') ? { xml: asXml(page) } : { json: { code: 0, msg: 'success', data: page } };
  });
}

/**
 * 登记机关: enterprise registrations with the header scheme. `GET /enterprises?limit&since` gives
 * `{code:"0",data:{rows,total,next}}`, `next` being the address of the next page or null; `offset` works as well.
 */
export async function openRegistrationOffice({ port, books, lock }: ApiDesk): Promise<BureauApi> {
  return openApi(port, (request, url) => {
    if (url.pathname !== '/enterprises') return NOT_FOUND;
    if (!opens(lock, request)) return undefined;
    const query = url.searchParams;
    const [offset, limit] = [whole(query.get('offset'), 0), whole(query.get('limit'), 500)];
    const { rows, total } = books.list('enterprise', { since: sinceOf(query), offset, limit });
    query.set('offset', String(offset + rows.length));
    const next = offset + rows.length < total ? `http://${request.headers.host}/enterprises?${query}` : null;
    return { json: { code: '0', msg: '成功', data: { rows: rows.map(asRow), total, next } } };
  });
}

type Found = { readonly json: unknown } | { readonly xml: string } | typeof NOT_FOUND;
const NOT_FOUND = 'not found';

/** `answer` gives undefined when the caller may not come in. */
async function openApi(
  port: number,
  answer: (request: IncomingMessage, url: URL) => Found | undefined,
): Promise<BureauApi> {
  let script = ACCEPT;
  const server = await listen(port, (request, response, url) => {
    const { step, rest } = nextStep(script, 'submit');
    script = rest;
    const found = answer(request, url);
    if (found === undefined) return sendJson(response, 401, { code: 401, msg: '未授权' });
    if (found === NOT_FOUND) return sendJson(response, 404, { code: 404, msg: '没有这个接口' });
    return play(step, response, found);
  });
  return {
    ...server,
    script: (next) => {
      script = next;
    },
  };
}

function play(
  step: Step,
  response: ServerResponse,
  found: { readonly json: unknown } | { readonly xml: string },
): void {
  const [type, text] =
    'xml' in found
      ? ['application/xml; charset=utf-8', found.xml]
      : ['application/json; charset=utf-8', JSON.stringify(found.json)];
  const bytes = Buffer.from(text);
  switch (step.answer) {
    case 'drop':
    case 'lose':
      response.socket?.resetAndDestroy();
      return;
    case 'hang':
      return;
    case 'busy':
      response.setHeader('retry-after', String(step.retryAfter ?? 1));
      sendJson(response, 503, { code: 503, msg: '系统繁忙' });
      return;
    case 'garbage':
      sendBytes(
        response,
        200,
        'text/html; charset=utf-8',
        Buffer.from('<html><body>会话已过期，请重新登录</body></html>'),
      );
      return;
    case 'half':
      response.writeHead(200, { 'content-type': type, 'content-length': bytes.length });
      response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy());
      return;
    case 'redirect':
      response.writeHead(302, { location: 'http://127.0.0.1:9/login' }).end();
      return;
    case 'unauthorised':
      sendJson(response, 401, { code: 401, msg: '令牌已过期' });
      return;
    case 'delay':
      setTimeout(() => sendBytes(response, 200, type, bytes), step.ms ?? 1000);
      return;
    default:
      sendBytes(response, 200, type, bytes);
  }
}

interface ApiPage {
  readonly rows: readonly Row[];
  readonly total: number;
}

function numberedPage(books: Books, kind: Kind, query: URLSearchParams): ApiPage {
  const limit = whole(query.get('pageSize'), 100);
  const offset = Math.max(0, whole(query.get('pageNo'), 1) - 1) * limit;
  const { rows, total } = books.list(kind, { since: sinceOf(query), offset, limit });
  return { rows: rows.map(asRow), total };
}

function cursorPage(books: Books, kind: Kind, query: URLSearchParams): Found {
  const offset = whole(Buffer.from(query.get('cursor') ?? '', 'base64url').toString(), 0);
  const { rows, total } = books.list(kind, { since: sinceOf(query), offset, limit: whole(query.get('size'), 100) });
  const read = offset + rows.length;
  const next = read < total ? Buffer.from(String(read)).toString('base64url') : null;
  return { json: { code: '0', data: { rows: rows.map(asRow), next } } };
}

const asRow = ({ row, changedAt }: Entry): Row => ({ ...row, updatedAt: momentOf(changedAt) });

const whole = (text: string | null, otherwise: number): number =>
  text !== null && /^\d{1,9}$/.test(text) ? Number(text) : otherwise;

/** A time that cannot be read gives everything: better too much than silently nothing. */
const sinceOf = (query: URLSearchParams): number => momentFrom(query.get('since') ?? '') ?? 0;

function asXml({ rows, total }: ApiPage): string {
  const body = rows.map(
    (row) =>
      `<row>${Object.entries(row)
        .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
        .join('')}</row>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<response><code>0</code><data><total>${total}</total><rows>${body.join('')}</rows></data></response>`;
}

const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
