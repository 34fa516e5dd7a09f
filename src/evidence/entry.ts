import { canonicalJson } from '../canonical.ts';
import type { Json, JsonObject } from '../json.ts';

/** Longest entry, bytes (docs/evidence-format.md §1). */
export const ENTRY_BYTES = 8192;

/** Text, or objects and arrays of it. */
export type TextValue = string | readonly TextValue[] | { readonly [name: string]: TextValue };

/** An entry as its bytes have it: every value is text. */
export interface Entry {
  readonly v: '1';
  readonly id: string;
  readonly t: string;
  readonly actor: string;
  readonly action: string;
  readonly platform?: string;
  readonly delivery?: string;
  readonly batch?: string;
  readonly from?: string;
  readonly to?: string;
  readonly attempt?: string;
  readonly epoch?: string;
  readonly payloadCommit?: string;
  readonly receiptHash?: string;
  readonly evidence: { readonly [name: string]: TextValue };
}

/** Members that `detail` may hold and that stand at the top of the entry, not in `evidence`. */
const LIFTED = ['delivery', 'from', 'to', 'attempt', 'epoch', 'payloadCommit', 'receiptHash'] as const;

/** An unsalted digest of a body with few unknowns could be guessed: bodies enter as salted commitments only. */
const NEVER = ['bodyDigest'];

export interface EntryParts {
  readonly id: string;
  readonly now: Date;
  readonly actor: string;
  readonly action: string;
  readonly platform?: string | undefined;
  readonly batchId?: string | undefined;
  readonly runId?: number | undefined;
  readonly recordId?: number | undefined;
  readonly detail: JsonObject;
}

/** The entry that tells of these parts; `from`, `to`, `attempt`, `epoch` and the like are taken out of `detail`. */
export function makeEntry(parts: EntryParts): Entry {
  const texts = asTexts(parts.detail) as { readonly [name: string]: TextValue };
  const lifted = Object.fromEntries(LIFTED.map((name) => [name, texts[name]]).filter(([, value]) => isText(value)));
  const evidence = {
    ...Object.fromEntries(
      Object.entries(texts).filter(([name]) => !Object.hasOwn(lifted, name) && !NEVER.includes(name)),
    ),
    ...(parts.runId === undefined ? {} : { run: String(parts.runId) }),
    ...(parts.recordId === undefined ? {} : { record: String(parts.recordId) }),
  };
  return {
    v: '1',
    id: parts.id,
    t: parts.now.toISOString(),
    actor: parts.actor.toWellFormed(),
    action: parts.action,
    ...(parts.platform === undefined ? {} : { platform: parts.platform }),
    ...(parts.batchId === undefined ? {} : { batch: parts.batchId }),
    ...lifted,
    evidence,
  };
}

/** Numbers and truth values become text, what has no value is left out; a lone surrogate cannot get into the bytes (delivery.md T11). */
function asTexts(value: Json | undefined): TextValue | undefined {
  if (typeof value === 'string') return value.toWellFormed();
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return value.map(asTexts).filter((item) => item !== undefined);
  const members = Object.entries(value).map(
    ([name, member]) => [name.toWellFormed(), asTexts(member as Json)] as const,
  );
  return Object.fromEntries(members.filter(([, member]) => member !== undefined)) as TextValue;
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** JCS bytes. */
export const entryBytes = (entry: Entry): Buffer => Buffer.from(canonicalJson(entry as unknown as JsonObject));

/** The JCS bytes of what stands in `evidence`. */
export const evidenceBytes = ({ evidence }: Entry): Buffer => Buffer.from(canonicalJson(evidence as JsonObject));

const MEMBERS: ReadonlySet<string> = new Set([
  ...['action', 'actor', 'attempt', 'batch', 'delivery', 'epoch', 'evidence', 'from', 'id', 'payloadCommit'],
  ...['platform', 'receiptHash', 't', 'to', 'v'],
]);
const ALWAYS = ['action', 'actor', 'evidence', 'id', 't', 'v'];
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export type ReadEntry = { readonly entry: Entry } | { readonly wrong: string };

/** Reads an entry's bytes; says what is wrong with them where they are not exactly what docs/evidence-format.md §1 allows. */
export const readEntry = (bytes: Buffer): ReadEntry =>
  bytes.length > ENTRY_BYTES ? tooLong(bytes.length) : readAs(bytes.toString('utf8'), () => bytes);

/** The same from bytes that were read as UTF-8 already and lost nothing: no U+FFFD is in the text. */
export function readEntryText(text: string): ReadEntry {
  const length = text.length * 3 > ENTRY_BYTES ? Buffer.byteLength(text) : text.length;
  return length > ENTRY_BYTES ? tooLong(length) : readAs(text, () => Buffer.from(text));
}

const tooLong = (length: number): ReadEntry => ({ wrong: `${length} bytes, at most ${ENTRY_BYTES}` });

function readAs(text: string, bytes: () => Buffer): ReadEntry {
  const found = PLAIN.test(text) ? readPlain(text) : readAny(text, bytes());
  if (found === undefined) return { wrong: 'not the canonical JSON of an entry' };
  const names = Object.keys(found);
  const strange = names.find((name) => !MEMBERS.has(name));
  if (strange !== undefined) return { wrong: `unknown member ${strange}` };
  const lacking = ALWAYS.find((name) => found[name] === undefined);
  if (lacking !== undefined) return { wrong: `member ${lacking} is missing` };
  const { v, t, evidence } = found;
  if (v !== '1') return { wrong: 'unknown version' };
  if (!isText(t) || !INSTANT.test(t)) return { wrong: 't is no UTC instant' };
  if (typeof evidence !== 'object' || Array.isArray(evidence)) return { wrong: 'evidence is no object' };
  const untext = names.find((name) => name !== 'evidence' && !isText(found[name]));
  if (untext !== undefined) return { wrong: `${untext} is no text` };
  return { entry: found as unknown as Entry };
}

interface Members {
  readonly [name: string]: TextValue;
}

/** Nothing that JSON would escape and nothing that UTF-8 could have lost. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what is looked for
const PLAIN = /^[^\u0000-\u001f\\\ufffd]*$/;

/** By the standard parser, then held against the canonical form of what it read. */
function readAny(text: string, bytes: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !isTextTree(value)) return undefined;
    return bytes.equals(Buffer.from(canonicalJson(value as JsonObject))) ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}

const isTextTree = (value: unknown): boolean =>
  isText(value) || (typeof value === 'object' && value !== null && Object.values(value).every(isTextTree));

/** One walk over text without escapes: objects, arrays and strings, members in order, not a blank between. */
function readPlain(text: string): Members | undefined {
  const at = { index: 0 };
  const value = text.charCodeAt(0) === OPEN_BRACE ? readObject(text, at) : undefined;
  return at.index === text.length ? value : undefined;
}

const [QUOTE, COMMA, COLON] = [0x22, 0x2c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

interface Place {
  index: number;
}

function readValue(text: string, at: Place): TextValue | undefined {
  const code = text.charCodeAt(at.index);
  if (code === QUOTE) return readString(text, at);
  if (code === OPEN_BRACE) return readObject(text, at);
  return code === OPEN_BRACKET ? readArray(text, at) : undefined;
}

function readString(text: string, at: Place): string | undefined {
  const end = text.indexOf('"', at.index + 1);
  if (text.charCodeAt(at.index) !== QUOTE || end < 0) return undefined;
  const value = text.slice(at.index + 1, end);
  at.index = end + 1;
  return value;
}

function readObject(text: string, at: Place): Members | undefined {
  const members: { [name: string]: TextValue } = {};
  if (text.charCodeAt(at.index + 1) === CLOSE_BRACE) {
    at.index += 2;
    return members;
  }
  let before: string | undefined;
  do {
    at.index += 1;
    const name = readString(text, at);
    if (name === undefined || text.charCodeAt(at.index) !== COLON) return undefined;
    if (before !== undefined && name <= before) return undefined;
    at.index += 1;
    const value = readValue(text, at);
    if (value === undefined) return undefined;
    // Written as a member, this one name would become the prototype instead.
    if (name === '__proto__') Object.defineProperty(members, name, { value, enumerable: true });
    else members[name] = value;
    before = name;
  } while (text.charCodeAt(at.index) === COMMA);
  return closed(text, at, CLOSE_BRACE) ? members : undefined;
}

function readArray(text: string, at: Place): TextValue[] | undefined {
  const items: TextValue[] = [];
  if (text.charCodeAt(at.index + 1) === CLOSE_BRACKET) {
    at.index += 2;
    return items;
  }
  do {
    at.index += 1;
    const value = readValue(text, at);
    if (value === undefined) return undefined;
    items.push(value);
  } while (text.charCodeAt(at.index) === COMMA);
  return closed(text, at, CLOSE_BRACKET) ? items : undefined;
}

function closed(text: string, at: Place, code: number): boolean {
  const good = text.charCodeAt(at.index) === code;
  at.index += 1;
  return good;
}
