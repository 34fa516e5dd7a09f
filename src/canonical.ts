import { hash } from 'node:crypto';
import type { Json } from './json.ts';

/**
 * JCS (RFC 8785): members sorted by UTF-16 code units, no white space, ECMAScript numbers; a value's own member `without` is left out.
 * Throws RangeError on lone surrogates (delivery.md T11) and on numbers that JSON cannot carry.
 */
export function canonicalJson(value: Json, without?: string): string {
  const sorted = inOrder(value, without);
  if (sorted === undefined) return write(value, without);
  const text = JSON.stringify(sorted);
  // JSON.stringify writes a lone surrogate as an escape; only then is it worth looking closer.
  return text.includes('\\ud') ? write(value, without) : text;
}

/**
 * The same value with its members sorted, so that one native call can write it; `undefined` where an object has a key that
 * JavaScript would put first because it looks like an array index.
 */
function inOrder(value: Json, without?: string): Json | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value === null || typeof value !== 'object') return value;
  if (isArray(value)) return every(value.map((item) => inOrder(item)));
  const order = orderOf(Object.keys(value));
  if (order === undefined) return undefined;
  const sorted: { [key: string]: Json } = {};
  for (const key of order) {
    const member = value[key];
    if (member === undefined || key === without) continue;
    const ordered = typeof member === 'string' ? member : inOrder(member);
    if (ordered === undefined) return undefined;
    sorted[key] = ordered;
  }
  return sorted;
}

interface Order {
  readonly keys: readonly string[];
  /** The same, sorted; `undefined` where one looks like an array index. */
  readonly sorted: readonly string[] | undefined;
}

/** Records of a type have the same few sets of keys: sorting them once is enough. */
const orders: Order[] = [];
const MOST_ORDERS = 16;

function orderOf(keys: readonly string[]): readonly string[] | undefined {
  for (const order of orders) if (isSame(order.keys, keys)) return order.sorted;
  const order = { keys, sorted: keys.some(isIndex) ? undefined : keys.toSorted() };
  if (orders.unshift(order) > MOST_ORDERS) orders.pop();
  return order.sorted;
}

function isSame(left: readonly string[], right: readonly string[]): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
}

const every = (items: readonly (Json | undefined)[]): Json | undefined =>
  items.includes(undefined) ? undefined : (items as readonly Json[]);

const isIndex = (key: string): boolean => {
  const first = key.charCodeAt(0);
  return (first >= 48 && first <= 57) || key === '__proto__';
};

function write(value: Json, without?: string): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('number is not finite');
    return JSON.stringify(value);
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map((item) => write(item)).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    const member = value[key];
    if (member === undefined || key === without) continue;
    members += `${members === '' ? '' : ','}${text(key)}:${write(member)}`;
  }
  return `{${members}}`;
}

function text(value: string): string {
  if (!value.isWellFormed()) throw new RangeError('lone surrogate in canonical JSON');
  return JSON.stringify(value);
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);

/** Lower-case hex SHA-256 of UTF-8 text or bytes. */
export const sha256 = (data: string | Uint8Array): string => hash('sha256', data, 'hex');

/** By way of hex: node makes a digest's Buffer 2.5 times slower. */
export const sha256Bytes = (data: string | Uint8Array): Buffer => Buffer.from(hash('sha256', data, 'hex'), 'hex');

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** RFC 4648 base32, lower case, unpadded. */
export function base32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text;
}
