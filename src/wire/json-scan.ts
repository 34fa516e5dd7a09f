import type { Json } from '../json.ts';
import { MAX_COLUMNS, MAX_FIELD_SIZE } from './row-fault.ts';

/** Why a document as a whole cannot be trusted; one bad row is never a reason. */
export interface JsonDamage {
  readonly damage: 'encoding' | 'syntax' | 'deep' | 'repeated-key' | 'no-rows';
  readonly zh: string;
  readonly en: string;
  /** Whatever could be read outside the rows, for a message of the far end. */
  readonly head?: Json;
}

export const MAX_DEPTH = 32;
export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
export const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;

export class Damage extends Error {
  readonly value: JsonDamage;
  constructor(value: JsonDamage) {
    super(value.en);
    this.value = value;
  }
}

export const damaged = (damage: JsonDamage['damage'], zh: string, en: string): JsonDamage => ({ damage, zh, en });

export const syntax = (at: number): Damage =>
  new Damage(damaged('syntax', `第 ${at} 字节处不是完整的 JSON`, `broken JSON at byte ${at}`));

/** What one pass over a value noticed. Mutable on purpose: this is the hot loop. */
export interface Scan {
  readonly bytes: Buffer;
  /** All page texts are searched for mojibake once; rows are only looked at if there is any. */
  readonly suspicious: boolean;
  depth: number;
  repeated: boolean;
  forbidden: boolean;
  /** A \u escape that may stand for half a character, NUL or U+FFFD. */
  oddEscape: boolean;
  longText: boolean;
  wide: boolean;
  /** Start and end offsets, in pairs, of numbers that must stay text. */
  numbers: number[];
  /** Per depth: key spans (start, end) of the object last finished there, known to be free of repeats. */
  readonly shapes: Shape[];
}

interface Shape {
  readonly spans: number[];
  /** Keys of the object being read, as start/end pairs. */
  count: number;
  same: boolean;
  seen: Set<string> | undefined;
}

const MARKS = ['\ufffd', '锟斤拷', '烫烫烫'].map((text) => Buffer.from(text));

export function newScan(input: Uint8Array): Scan {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  return {
    bytes,
    suspicious: MARKS.some((mark) => bytes.includes(mark)),
    depth: 0,
    repeated: false,
    forbidden: false,
    oddEscape: false,
    longText: false,
    wide: false,
    numbers: [],
    shapes: [],
  };
}

export function reset(scan: Scan): void {
  scan.depth = 0;
  scan.repeated = false;
  scan.forbidden = false;
  scan.oddEscape = false;
  scan.longText = false;
  scan.wide = false;
  scan.numbers = [];
}

export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at += 1;
  }
}

/** `from` is just behind the opening quote; returns the place of the closing one. */
export function endOfText(scan: Scan, from: number): number {
  const { bytes } = scan;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) {
      if (at - from > MAX_FIELD_SIZE) scan.longText = true;
      return at;
    }
    if (byte === BACKSLASH) {
      at += 1;
      if (bytes[at] === 0x75 && isOddEscape(bytes, at + 1)) scan.oddEscape = true;
    }
  }
  throw syntax(bytes.length);
}

/** \u0000, \ud8xx–\udfxx, \ufffd. */
function isOddEscape(bytes: Uint8Array, at: number): boolean {
  const first = (bytes[at] ?? 0) | 0x20;
  if (first === 0x64) return (bytes[at + 1] ?? 0) >= 0x38;
  if (first === 0x66) return ((bytes[at + 3] ?? 0) | 0x20) === 0x64;
  return bytes[at] === 0x30 && bytes[at + 1] === 0x30 && bytes[at + 2] === 0x30 && bytes[at + 3] === 0x30;
}

/** A number, true, false or null: runs to the next delimiter. Integers of up to 15 digits need no second look. */
function endOfAtom(scan: Scan, from: number): number {
  const { bytes } = scan;
  let at = from;
  let plain = true;
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at] as number;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte <= 0x20) break;
    if (byte < 0x30 || byte > 0x39) plain = false;
  }
  if (at === from) throw syntax(from);
  const first = bytes[from] as number;
  const isNumber = first === 0x2d || (first >= 0x30 && first <= 0x39);
  if (isNumber && !(plain && at - from <= 15)) keepNumber(scan, from, at);
  return at;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A double that prints as it was written lost nothing; every other literal stays text. */
function keepNumber(scan: Scan, start: number, end: number): void {
  const literal = scan.bytes.toString('latin1', start, end);
  if (!NUMBER.test(literal)) throw syntax(start);
  if (String(Number(literal)) !== literal) scan.numbers.push(start, end);
}

/** Skips one value of any depth without recursion (T10) and notes what it saw; returns the place behind it. */
export function skipValue(scan: Scan, from: number): number {
  const { bytes } = scan;
  const open: number[] = [];
  let at = from;
  do {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    if (byte === undefined) throw syntax(at);
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      open.push(byte);
      if (open.length > scan.depth) scan.depth = open.length;
      if (byte === OPEN_OBJECT) beginObject(scan, open.length);
      at = afterOpen(scan, at + 1, open);
    } else {
      at = byte === QUOTE ? endOfText(scan, at + 1) + 1 : endOfAtom(scan, at);
    }
    at = afterValue(scan, at, open);
  } while (open.length > 0);
  return at;
}

/** Behind `{` or `[`: steps over the first key, or leaves an empty bracket for `afterValue` to close. */
function afterOpen(scan: Scan, from: number, open: readonly number[]): number {
  const at = skipSpace(scan.bytes, from);
  const byte = scan.bytes[at];
  if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) return at;
  const inner = open.at(-1) === OPEN_OBJECT ? readKey(scan, at, open.length) : at;
  return -inner;
}

/**
 * Behind a value: closes every bracket that ends here, then steps over a comma and the next key.
 * A negative place comes from `afterOpen` and means that a first member follows at once.
 */
function afterValue(scan: Scan, from: number, open: number[]): number {
  if (from < 0) return -from;
  const { bytes } = scan;
  let at = from;
  while (open.length > 0) {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    const isObject = open[open.length - 1] === OPEN_OBJECT;
    if (byte === COMMA) return isObject ? readKey(scan, skipSpace(bytes, at + 1), open.length) : at + 1;
    if (byte !== (isObject ? CLOSE_OBJECT : CLOSE_ARRAY)) throw syntax(at);
    if (isObject) finishObject(scan, open.length);
    open.pop();
    at += 1;
  }
  return at;
}

function beginObject(scan: Scan, depth: number): void {
  const shape = scan.shapes[depth];
  if (shape === undefined) {
    if (depth <= MAX_DEPTH) scan.shapes[depth] = { spans: [], count: 0, same: false, seen: new Set() };
    return;
  }
  shape.count = 0;
  shape.same = shape.spans.length > 0;
  shape.seen = shape.same ? undefined : new Set();
}

/** Rows of one page nearly always repeat the same keys in the same order: compare with the row before, byte by byte. */
function readKey(scan: Scan, at: number, depth: number): number {
  const { bytes } = scan;
  if (bytes[at] !== QUOTE) throw syntax(at);
  const shape = scan.shapes[depth];
  const known = shape?.same === true ? sameKey(bytes, shape, at + 1) : -1;
  const end = known >= 0 ? known : endOfText(scan, at + 1);
  if (shape !== undefined) {
    if (known < 0) noteKey(scan, shape, at + 1, end);
    shape.count += 1;
    if (shape.count > MAX_COLUMNS) scan.wide = true;
  }
  const colon = skipSpace(bytes, end + 1);
  if (bytes[colon] !== 0x3a) throw syntax(colon);
  return colon + 1;
}

/** The place of the closing quote when the key equals the one at the same position of the last object, else -1. */
function sameKey(bytes: Uint8Array, shape: Shape, from: number): number {
  const start = shape.spans[2 * shape.count];
  const end = shape.spans[2 * shape.count + 1];
  if (start === undefined || end === undefined) return -1;
  let at = from;
  for (let other = start; other <= end; other += 1) {
    if (bytes[at] !== bytes[other]) return -1;
    at += 1;
  }
  return at - 1;
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** An unexpected key: from here on this object is checked by a set of its names. */
function noteKey(scan: Scan, shape: Shape, start: number, end: number): void {
  if (shape.seen === undefined) {
    shape.seen = new Set();
    for (let index = 0; index < shape.count; index += 1) shape.seen.add(knownName(scan, shape, index));
    shape.same = false;
  }
  const name = nameAt(scan.bytes, start, end);
  if (FORBIDDEN.has(name)) scan.forbidden = true;
  if (shape.seen.has(name)) scan.repeated = true;
  shape.seen.add(name);
  shape.spans[2 * shape.count] = start;
  shape.spans[2 * shape.count + 1] = end;
}

const knownName = (scan: Scan, shape: Shape, index: number): string =>
  nameAt(scan.bytes, shape.spans[2 * index] ?? 0, shape.spans[2 * index + 1] ?? 0);

export function nameAt(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    throw syntax(start);
  }
}

/** Only a clean object may serve as the pattern for the next one. */
function finishObject(scan: Scan, depth: number): void {
  const shape = scan.shapes[depth];
  if (shape === undefined) return;
  const clean = !scan.repeated && !scan.forbidden;
  shape.spans.length = clean ? 2 * (shape.same ? Math.max(shape.count, shape.spans.length / 2) : shape.count) : 0;
}
