/** A text in which `{name}` stands for a value; `{{` and `}}` are braces. */
export type TextParts = readonly (string | { readonly name: string })[];

/** The names are from a closed list; whoever fills them in knows which. */
export type Lookup = (name: string) => string;

const PART = /\{\{|\}\}|\{([A-Za-z][\w.]*)\}|[{}]/g;

/** Splits once; what is filled in is never read again, so a value that looks like a placeholder stays what it is. */
export function parseText(text: string): TextParts | { readonly stray: string } {
  const parts: (string | { readonly name: string })[] = [];
  let end = 0;
  let held = '';
  for (const match of text.matchAll(PART)) {
    held += text.slice(end, match.index);
    end = match.index + match[0].length;
    const name = match[1];
    if (name !== undefined) {
      if (held !== '') parts.push(held);
      held = '';
      parts.push({ name });
    } else if (match[0].length === 2) held += match[0].charAt(0);
    else return { stray: match[0] };
  }
  held += text.slice(end);
  if (held !== '') parts.push(held);
  return parts;
}

/** Fills in a text that was checked before. */
export function fillText(text: string, lookup: Lookup, write: (value: string) => string = (value) => value): string {
  const parts = parseText(text);
  if ('stray' in parts) return text;
  return parts.map((part) => (typeof part === 'string' ? part : write(lookup(part.name)))).join('');
}
