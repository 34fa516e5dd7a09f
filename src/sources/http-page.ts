import { HubError } from '../errors.ts';
import type { Json } from '../json.ts';
import type { HttpSourceSpec } from '../source.ts';
import { readJsonPage } from '../wire/json-bytes.ts';
import { valueAt } from './dotted.ts';
import { type Fetched, where } from './http-fetch.ts';
import type { RowRead } from './row-read.ts';
import { declaredEncoding, decodeStrict } from './text-encoding.ts';
import { XmlDamage, xmlReader } from './xml.ts';

export interface HttpPage {
  readonly rows: readonly RowRead[];
  /** The document without its rows. */
  readonly head: Json;
}

/**
 * A page of rows, or a HubError that refuses the page whole: a login page with status 200, half a document, another
 * charset than announced. Nothing of such a page is believed.
 */
export function readHttpPage(answer: Fetched, spec: HttpSourceSpec): HttpPage {
  if (answer.body.length === 0) throw notData(answer, '应答为空 (empty answer)');
  refuseHtml(answer);
  return spec.format === 'xml' ? readXml(answer, spec.items) : readJson(answer, spec);
}

function refuseHtml(answer: Fetched): void {
  const type = answer.headers['content-type'] ?? '';
  const start = Buffer.from(answer.body.subarray(0, 512))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (/text\/html|application\/xhtml/i.test(type) || /^<(!doctype\s+html|html|head|body|script)\b/i.test(start))
    throw notData(answer, '得到的是网页而非数据,多为登录页 (a web page instead of data, mostly a login page)');
}

function readJson(answer: Fetched, spec: HttpSourceSpec): HttpPage {
  const page = readJsonPage(utf8Bytes(answer), spec.items);
  if ('rows' in page) return page;
  if (page.damage !== 'no-rows') throw damaged(answer, `${page.zh} (${page.en})`);
  if (page.head !== undefined && saysNone(page.head, spec)) return { rows: [], head: page.head };
  throw notData(answer, `${page.zh} (${page.en})${messageOf(page.head)}`);
}

/** Some bureaus write `rows: null` when there is nothing; believed only beside a total of 0. */
function saysNone(head: Json, spec: HttpSourceSpec): boolean {
  if (spec.total === undefined || spec.items === undefined) return false;
  return (valueAt(head, spec.items) ?? null) === null && Number(valueAt(head, spec.total) ?? Number.NaN) === 0;
}

/** The far end's own error text, if it sent one where everybody does: operators need it. */
function messageOf(head: Json | undefined): string {
  const found = ['code', 'resultCode', 'msg', 'message', 'resultMsg', 'error'].flatMap((name) => {
    const value = head === undefined ? undefined : valueAt(head, name);
    return typeof value === 'string' || typeof value === 'number' ? [`${name}=${String(value).slice(0, 100)}`] : [];
  });
  return found.length === 0 ? '' : `;对方说 (it says): ${found.join(' ')}`;
}

function utf8Bytes(answer: Fetched): Uint8Array {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(answer.headers['content-type'] ?? '')?.[1]?.toLowerCase();
  if (charset === undefined || charset === 'utf-8' || charset === 'utf8') return answer.body;
  return Buffer.from(decoded(answer, charset), 'utf8');
}

function decoded(answer: Fetched, charset: string): string {
  const text = decodeStrict(answer.body, charset);
  if (text === undefined) throw damaged(answer, `不是有效的 ${charset} 文本 (not valid ${charset})`);
  return text;
}

function readXml(answer: Fetched, items: string | undefined): HttpPage {
  const text = decoded(answer, declaredEncoding(answer.body, 'utf-8'));
  try {
    const reader = xmlReader(items);
    const rows = reader.write(text);
    const { head, sawRows } = reader.end();
    if (!sawRows) throw notData(answer, `没有 ${items ?? ''} 元素 (no such element)`);
    return { rows, head };
  } catch (error) {
    if (error instanceof XmlDamage) throw damaged(answer, error.message);
    throw error;
  }
}

const notData = (answer: Fetched, why: string): HubError =>
  new HubError('SOURCE_NOT_DATA', `${where(answer.url)}: ${why}`, {
    remedy: 'give-up',
    fix: '续期令牌或登录,核对 url 与 items 设置 (renew the token or login; check `url` and `items`)',
  });

const damaged = (answer: Fetched, why: string): HubError =>
  new HubError('SOURCE_PAGE_DAMAGED', `${where(answer.url)}: ${why}`, {
    remedy: 'give-up',
    fix: '整页未收、游标未动;请业务系统更正报文后再运行 (nothing of the page was taken; have the bureau mend its answer, then run again)',
  });
