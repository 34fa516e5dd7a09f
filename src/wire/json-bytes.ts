import { isUtf8 } from 'node:buffer';
import type { Fault } from '../fault.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import {
  CLOSE_ARRAY,
  COMMA,
  Damage,
  damaged,
  endOfText,
  type JsonDamage,
  MAX_DEPTH,
  nameAt,
  newScan,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  reset,
  type Scan,
  skipSpace,
  skipValue,
  syntax,
} from './json-scan.ts';
import { isReadable, MAX_ROW_BYTES, type RowFaultCode, rowFault, textFaults } from './row-fault.ts';

/** One element of the array of rows. */
export interface JsonRow {
  /** Exact bytes as they came, cut at 1 MiB. */
  readonly raw: Uint8Array;
  readonly fields: JsonObject | undefined;
  readonly faults: readonly Fault[];
}

export interface JsonPage {
  readonly rows: readonly JsonRow[];
  /** The document with its array of rows emptied: totals, next cursors and messages are looked up here. */
  readonly head: Json;
}

/**
 * Reads a page of JSON without believing it: one scan over the bytes finds each row's place and what
 * `JSON.parse` would silently swallow (delivery.md T8–T11): repeated keys, numbers a double cannot hold, depth,
 * lone surrogates. Numbers that a double would change (12345678901234567890, 1.10, 1e400, -0) arrive as their
 * literal text. `items` is the dotted path of the array; absent, the document is the array.
 */
export function readJsonPage(input: Uint8Array, items?: string): JsonPage | JsonDamage {
  const bytes = withoutBom(input);
  if (!isUtf8(bytes)) return damaged('encoding', '报文不是有效的 UTF-8', 'the document is not valid UTF-8');
  const scan = newScan(bytes);
  try {
    const found = findRows(scan, items === undefined ? [] : items.split('.'));
    return found === undefined ? withoutRows(scan, items) : assemble(scan, found);
  } catch (error) {
    if (error instanceof Damage) return error.value;
    throw error;
  }
}

/** One row that stands alone, such as a line of NDJSON. Broken syntax is a fault of the row. */
export function readJsonRow(input: Uint8Array): JsonRow {
  if (!isUtf8(input)) return { raw: cut(input), fields: undefined, faults: [rowFault('TEXT_GARBLED')] };
  try {
    const scan = newScan(input);
    const span = scanRow(scan, skipSpace(input, 0));
    if (skipSpace(input, span.end) !== input.length) throw syntax(span.end);
    const sound = span.faults.length === 0;
    return readSpan(scan.bytes, span, sound ? parse(patchedText(scan.bytes, span), span.start) : undefined);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    return { raw: cut(input), fields: undefined, faults: [rowFault('ROW_SYNTAX_WRONG')] };
  }
}

const withoutBom = (bytes: Uint8Array): Uint8Array =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;

const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, MAX_ROW_BYTES);

interface Span {
  readonly start: number;
  readonly end: number;
  readonly faults: readonly RowFaultCode[];
  readonly numbers: readonly number[];
  readonly odd: boolean;
}

interface FoundRows {
  readonly start: number;
  readonly end: number;
  readonly spans: readonly Span[];
}

/** Walks down `path` from the document's start; undefined when it leads nowhere. */
function findRows(scan: Scan, path: readonly string[]): FoundRows | undefined {
  let at = skipSpace(scan.bytes, 0);
  for (const name of path) {
    const inside = memberPlace(scan, at, name);
    if (inside === undefined) return undefined;
    at = skipSpace(scan.bytes, inside);
  }
  return scan.bytes[at] === OPEN_ARRAY ? readRows(scan, at) : undefined;
}

function memberPlace(scan: Scan, from: number, name: string): number | undefined {
  const { bytes } = scan;
  if (bytes[from] !== OPEN_OBJECT) return undefined;
  let at = skipSpace(bytes, from + 1);
  while (bytes[at] === QUOTE) {
    const end = endOfText(scan, at + 1);
    const value = skipSpace(bytes, end + 1) + 1;
    if (nameAt(bytes, at + 1, end) === name) return value;
    at = skipSpace(bytes, skipValue(scan, value));
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
  return undefined;
}

function readRows(scan: Scan, start: number): FoundRows {
  const { bytes } = scan;
  const spans: Span[] = [];
  scan.shapes.length = 0;
  let at = skipSpace(bytes, start + 1);
  while (bytes[at] !== CLOSE_ARRAY || spans.length > 0) {
    const span = scanRow(scan, at);
    spans.push(span);
    at = skipSpace(bytes, span.end);
    if (bytes[at] === CLOSE_ARRAY) break;
    if (bytes[at] !== COMMA) throw syntax(at);
    at = skipSpace(bytes, at + 1);
  }
  return { start, end: at + 1, spans };
}

function scanRow(scan: Scan, start: number): Span {
  reset(scan);
  const end = skipValue(scan, start);
  const faults: RowFaultCode[] = [];
  if (end - start > MAX_ROW_BYTES) faults.push('ROW_TOO_LARGE');
  if (scan.depth > MAX_DEPTH) faults.push('ROW_TOO_DEEP');
  if (scan.wide) faults.push('ROW_TOO_WIDE');
  if (scan.longText) faults.push('FIELD_TOO_LARGE');
  if (scan.repeated) faults.push('ROW_KEY_REPEATED');
  if (scan.forbidden) faults.push('ROW_KEY_FORBIDDEN');
  if (scan.bytes[start] !== OPEN_OBJECT) faults.push('ROW_NOT_OBJECT');
  return { start, end, faults, numbers: scan.numbers, odd: scan.oddEscape || scan.suspicious };
}

function readSpan(bytes: Buffer, span: Span, value: Json | undefined): JsonRow {
  const raw = cut(bytes.subarray(span.start, span.end));
  if (span.faults.length > 0) return { raw, fields: undefined, faults: span.faults.map((code) => rowFault(code)) };
  if (value === undefined || !isJsonObject(value)) throw syntax(span.start);
  const faults = span.odd ? textFaults(value) : NONE;
  return { raw, fields: isReadable(faults) ? value : undefined, faults };
}

const NONE: readonly Fault[] = [];

/** Numbers that must stay text are put in quotes before parsing: quicker than a slow parser, and as exact. */
function patchedText(bytes: Buffer, span: Pick<Span, 'start' | 'end' | 'numbers'>): string {
  let text = '';
  let at = span.start;
  for (let index = 0; index < span.numbers.length; index += 2) {
    const [from, to] = [span.numbers[index] ?? at, span.numbers[index + 1] ?? at];
    text += `${bytes.toString('utf8', at, from)}"${bytes.toString('latin1', from, to)}"`;
    at = to;
  }
  return text + bytes.toString('utf8', at, span.end);
}

function parse(text: string, at: number): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw syntax(at);
  }
}

function assemble(scan: Scan, found: FoundRows): JsonPage {
  const { bytes } = scan;
  const envelope = Buffer.concat([bytes.subarray(0, found.start), Buffer.from('[]'), bytes.subarray(found.end)]);
  const head = readHead(envelope);
  const values = parseRows(bytes, found);
  return { rows: found.spans.map((span, index) => readSpan(bytes, span, values[index])), head };
}

/** A row that must not be parsed; one that is merely no object may, so that its syntax is checked. */
const isBlanked = (span: Span): boolean => span.faults.some((code) => code !== 'ROW_NOT_OBJECT');

/** One `JSON.parse` over all rows: clean stretches go in as they are, faulty rows as `null`. */
function parseRows(bytes: Buffer, found: FoundRows): readonly Json[] {
  let text = '';
  let at = found.start;
  for (const span of found.spans) {
    if (!isBlanked(span) && span.numbers.length === 0) continue;
    text += bytes.toString('utf8', at, span.start);
    text += isBlanked(span) ? 'null' : patchedText(bytes, span);
    at = span.end;
  }
  const values = parse(text + bytes.toString('utf8', at, found.end), found.start);
  return Array.isArray(values) ? (values as readonly Json[]) : [];
}

function readHead(envelope: Buffer): Json {
  const scan = newScan(envelope);
  const start = skipSpace(envelope, 0);
  const end = skipValue(scan, start);
  if (skipSpace(envelope, end) !== envelope.length) throw syntax(end);
  if (scan.depth > MAX_DEPTH) throw new Damage(damaged('deep', '报文嵌套超过 32 层', 'nested deeper than 32 levels'));
  if (scan.repeated || scan.forbidden)
    throw new Damage(
      damaged('repeated-key', '报文外层字段名重复或不予接收', 'a repeated or forbidden key in the envelope'),
    );
  return parse(patchedText(envelope, { start, end, numbers: scan.numbers }), start);
}

function withoutRows(scan: Scan, items: string | undefined): JsonDamage {
  const head = readHead(scan.bytes);
  const place = items === undefined ? '整个报文' : `“${items}”`;
  const value = damaged('no-rows', `${place}不是数组`, `there is no array at ${items ?? 'the top'}`);
  return { ...value, head };
}
