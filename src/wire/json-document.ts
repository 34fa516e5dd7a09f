/** The JSON document of an answer, or why it is none. */
export type Document = { readonly json: unknown } | { readonly doubt: string };

/**
 * Reads an answer's body as JSON only when it says that it is and really is: `application/json`, valid UTF-8,
 * no byte order mark (delivery.md T2, F13, F14). A login page, an empty body or GBK bytes prove nothing.
 */
export function jsonDocument(contentType: string | undefined, body: Uint8Array): Document {
  if (!/^application\/json\s*(;|$)/i.test(contentType ?? '')) {
    return { doubt: '回答不是 application/json (the answer is not application/json)' };
  }
  if (/charset\s*=\s*"?(?!utf-?8\b)/i.test(contentType ?? '')) {
    return { doubt: '回答的字符集不是 UTF-8 (the answer is not in UTF-8)' };
  }
  try {
    return { json: JSON.parse(utf8.decode(body)) };
  } catch {
    // The parser's own message quotes the body, which must never be logged.
    return { doubt: '回答不是有效的 UTF-8 JSON (the answer is not valid JSON in UTF-8)' };
  }
}

/** `ignoreBOM` keeps the mark in the text, where JSON.parse refuses it. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
