import { jsonDocument } from './json-document.ts';
import { type XmlElement, xmlTree } from './xml-tree.ts';

/** A read document, of either form, asked by path. */
export interface AnswerDocument {
  /** Text at a path; undefined where nothing stands. Numbers and booleans as they are written. */
  readonly text: (path: string) => string | undefined;
  /** Everything repeated at a path, in order. */
  readonly list: (path: string) => readonly AnswerDocument[] | undefined;
}

export type Reading = { readonly document: AnswerDocument } | { readonly doubt: string };

/** Reads bytes that say what they are; a login page or GBK under a UTF-8 label proves nothing (delivery.md T2, F13, F14). */
export function answerDocument(form: 'json' | 'xml', contentType: string | undefined, body: Uint8Array): Reading {
  if (form === 'json') {
    const read = jsonDocument(contentType, body);
    return 'doubt' in read ? read : { document: ofJson(read.json) };
  }
  if (!/^(application|text)\/([\w.-]+\+)?xml\s*(;|$)/i.test(contentType ?? '')) {
    return { doubt: '回答不是 XML (the answer is not XML)' };
  }
  if (/charset\s*=\s*"?(?!utf-?8\b)/i.test(contentType ?? '')) {
    return { doubt: '回答的字符集不是 UTF-8 (the answer is not in UTF-8)' };
  }
  try {
    return documentOf('xml', new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return { doubt: '回答不是有效的 UTF-8 (the answer is not valid UTF-8)' };
  }
}

/** A document that stands as text inside another one. */
export function documentOf(form: 'json' | 'xml', text: string): Reading {
  if (form === 'xml') {
    const tree = xmlTree(text);
    return 'doubt' in tree ? tree : { document: ofXml({ name: '', attributes: {}, children: [tree.root], text: '' }) };
  }
  try {
    return { document: ofJson(JSON.parse(text)) };
  } catch {
    return { doubt: '回答里的内层报文不是 JSON (the inner document is not JSON)' };
  }
}

const ofJson = (json: unknown): AnswerDocument => ({
  text: (path) => {
    const value = pointed(json, path);
    return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
  },
  list: (path) => {
    const value = pointed(json, path);
    return Array.isArray(value) ? value.map(ofJson) : undefined;
  },
});

/** RFC 6901; a path without its first slash is read as if it had one. */
function pointed(json: unknown, path: string): unknown {
  if (path === '' || path === '/') return json;
  let at = json;
  for (const token of path.replace(/^\//, '').split('/')) {
    if (typeof at !== 'object' || at === null) return undefined;
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!Object.hasOwn(at, key)) return undefined;
    at = (at as { readonly [key: string]: unknown })[key];
  }
  return at;
}

const ofXml = (element: XmlElement): AnswerDocument => ({
  text: (path) => {
    const [steps, attribute] = splitPath(path);
    const found = walk(element, steps)[0];
    if (found === undefined || attribute === undefined) return found?.text.trim();
    return Object.entries(found.attributes).find(([name]) => same(name, attribute))?.[1];
  },
  list: (path) => walk(element, splitPath(path)[0]).map(ofXml),
});

/** `a/b/@c` → elements and the attribute. */
function splitPath(path: string): readonly [steps: readonly string[], attribute: string | undefined] {
  const steps = path.split('/').filter((step) => step !== '');
  const last = steps.at(-1);
  return last?.startsWith('@') ? [steps.slice(0, -1), last.slice(1)] : [steps, undefined];
}

function walk(element: XmlElement, steps: readonly string[]): readonly XmlElement[] {
  return steps.reduce<readonly XmlElement[]>(
    (found, step) => found.flatMap(({ children }) => children.filter(({ name }) => same(name, step))),
    [element],
  );
}

/** Two samples of one real interface differed in the case of their tags only (domain.md §5.3). */
const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
