/** Characters that XML 1.0 cannot carry at all, not even escaped (§2.2). */
const UNWRITABLE = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

export const isXmlText = (text: string): boolean => !UNWRITABLE.test(text);

/** Element or attribute name, with at most one prefix. */
export const isXmlName = (name: string): boolean =>
  /^[A-Za-z_\p{Script=Han}][\w.\-\p{Script=Han}]*(:[A-Za-z_\p{Script=Han}][\w.\-\p{Script=Han}]*)?$/u.test(name);

/** White space that a reader would change is written as a reference, so that what is read is what was sent (§2.11, §3.3.3). */
const REFERENCES: { readonly [char: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/** Throws RangeError for characters that XML cannot carry: a record that holds one is set aside before it gets here. */
export function xmlText(text: string): string {
  if (!isXmlText(text)) throw new RangeError('a character that XML cannot carry');
  return text.replace(/[&<>\r]/g, (char) => REFERENCES[char] ?? char);
}

export function xmlAttribute(text: string): string {
  if (!isXmlText(text)) throw new RangeError('a character that XML cannot carry');
  return text.replace(/[&<>"\r\n\t]/g, (char) => REFERENCES[char] ?? char);
}
