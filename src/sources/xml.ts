import { SaxesParser } from 'saxes';
import type { Fault } from '../fault.ts';
import type { Json, JsonObject } from '../json.ts';
import { isReadable, MAX_COLUMNS, MAX_ROW_BYTES, type RowFaultCode, rowFault, textFaults } from '../wire/row-fault.ts';
import type { RowRead } from './row-read.ts';

/**
 * A streaming XML reader. All values are strings, so leading zeros stay (delivery.md T12); attributes become
 * `@name`, repeated children an array, text beside attributes `#text`, xsi:nil becomes null. A DOCTYPE of any kind
 * refuses the document: no entities, no outside calls (faults.md S30).
 */
export interface XmlReader {
  /** Feeds text and returns the rows that it completed. */
  write(text: string): RowRead[];
  /** Ends the document; throws if it is cut off. Returns everything outside the rows. */
  end(): { readonly head: Json; readonly sawRows: boolean };
}

/** Thrown by `write` and `end`; `message` says where. */
export class XmlDamage extends Error {}

const MAX_DEPTH = 32;
const MAX_HEAD_ELEMENTS = 10_000;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

interface Frame {
  readonly name: string;
  readonly members: { [name: string]: Json };
  readonly isRow: boolean;
  text: string;
  size: number;
  nil: boolean;
}

interface Tag {
  readonly name: string;
  readonly attributes: { readonly [name: string]: string };
}

interface State {
  readonly items: readonly string[] | undefined;
  readonly stack: Frame[];
  readonly done: RowRead[];
  /** Text not yet given away, and the place in the document where it starts. */
  held: string;
  heldFrom: number;
  /** Depth at which the open row stands, 0 outside rows. */
  rowDepth: number;
  rowStart: number;
  faults: Set<RowFaultCode>;
  headElements: number;
  rows: number;
  containerSeen: boolean;
  head: Json;
}

/** `items` is the name or the dotted path of the repeated element; absent: every child of the root is a row. */
export function xmlReader(items?: string): XmlReader {
  const state = newState(items);
  const parser = new SaxesParser({ position: true, xmlns: false });
  parser.on('error', (error) => {
    throw new XmlDamage(error.message);
  });
  parser.on('doctype', () => {
    throw new XmlDamage('DOCTYPE 不予接收 (a DOCTYPE is not taken)');
  });
  parser.on('opentag', (tag) => open(state, tag, parser.position));
  parser.on('text', (text) => addText(state, text));
  parser.on('cdata', (text) => addText(state, text));
  parser.on('closetag', (tag) => close(state, tag.name, parser.position));
  return { write: (text) => feed(state, parser, text), end: () => finish(state, parser) };
}

const newState = (items: string | undefined): State => ({
  items: items?.split('.'),
  stack: [],
  done: [],
  held: '',
  heldFrom: 0,
  rowDepth: 0,
  rowStart: 0,
  faults: new Set(),
  headElements: 0,
  rows: 0,
  containerSeen: false,
  head: '',
});

function feed(state: State, parser: SaxesParser, text: string): RowRead[] {
  state.held += text;
  parser.write(text);
  const keepFrom = state.rowDepth > 0 ? state.rowStart : Math.max(state.heldFrom, parser.position - MAX_ROW_BYTES);
  forgetBefore(state, keepFrom);
  if (state.held.length > 64 * MAX_ROW_BYTES) throw new XmlDamage('一行超过 64 MiB (a row is larger than 64 MiB)');
  return state.done.splice(0);
}

/** Outside rows only an unfinished tag may still be needed; inside, everything since the row began. */
function forgetBefore(state: State, place: number): void {
  const from = state.rowDepth > 0 ? place : Math.max(place, state.heldFrom + state.held.lastIndexOf('<'));
  state.held = state.held.slice(Math.max(0, from - state.heldFrom));
  state.heldFrom = Math.max(from, state.heldFrom);
}

function finish(state: State, parser: SaxesParser): { readonly head: Json; readonly sawRows: boolean } {
  parser.close();
  const rootIsBare = state.headElements <= 1;
  return { head: state.head, sawRows: state.rows > 0 || state.containerSeen || rootIsBare };
}

function open(state: State, tag: Tag, position: number): void {
  const depth = state.stack.length + 1;
  const isRow = state.rowDepth === 0 && isRowAt(state, tag.name);
  if (isRow) {
    state.rowDepth = depth;
    state.rowStart = state.heldFrom + state.held.lastIndexOf('<', position - state.heldFrom - 1);
    state.faults = new Set();
  } else if (state.rowDepth === 0) state.headElements += 1;
  if (state.rowDepth > 0 && depth - state.rowDepth >= MAX_DEPTH) state.faults.add('ROW_TOO_DEEP');
  if (depth > 100_000) throw new XmlDamage('嵌套过深 (nested too deep)');
  const frame: Frame = {
    name: tag.name,
    members: {},
    isRow,
    text: '',
    size: 0,
    nil: tag.attributes['xsi:nil'] === 'true',
  };
  for (const name in tag.attributes) {
    const value = tag.attributes[name] ?? '';
    if (name !== 'xsi:nil' && !name.startsWith('xmlns')) add(state, frame, `@${name}`, value);
  }
  state.stack.push(frame);
}

function isRowAt(state: State, name: string): boolean {
  const { items, stack } = state;
  if (items === undefined) return stack.length === 1;
  if (items.length > 1 && endsWith([...stack.map((frame) => frame.name), name], items.slice(0, -1)))
    state.containerSeen = true;
  if (name !== items.at(-1)) return false;
  return endsWith([...stack.map((frame) => frame.name), name], items);
}

const endsWith = (path: readonly string[], tail: readonly string[]): boolean =>
  tail.length <= path.length && tail.every((name, index) => path[path.length - tail.length + index] === name);

function addText(state: State, text: string): void {
  const frame = state.stack.at(-1);
  if (frame !== undefined) frame.text += text;
}

function close(state: State, name: string, position: number): void {
  const frame = state.stack.pop();
  if (frame === undefined) throw new XmlDamage(`</${name}> 多余 (unexpected)`);
  if (frame.isRow) {
    finishRow(state, frame, position);
    return;
  }
  const parent = state.stack.at(-1);
  const value = elementValue(frame);
  if (parent === undefined) state.head = { [frame.name]: value };
  else if (state.rowDepth > 0 || state.headElements < MAX_HEAD_ELEMENTS) add(state, parent, frame.name, value);
}

function elementValue(frame: Frame): Json {
  if (frame.nil) return null;
  if (frame.size === 0) return frame.text;
  return frame.text.trim() === '' ? frame.members : { ...frame.members, '#text': frame.text };
}

function add(state: State, frame: Frame, name: string, value: Json): void {
  frame.size += 1;
  if (frame.size > MAX_COLUMNS && state.rowDepth > 0) state.faults.add('ROW_TOO_WIDE');
  if (FORBIDDEN.has(name)) {
    state.faults.add('ROW_KEY_FORBIDDEN');
    return;
  }
  const before = frame.members[name];
  if (!Object.hasOwn(frame.members, name) || before === undefined) frame.members[name] = value;
  else if (Array.isArray(before)) before.push(value);
  else frame.members[name] = [before, value];
}

function finishRow(state: State, frame: Frame, position: number): void {
  const raw = state.held.slice(state.rowStart - state.heldFrom, position - state.heldFrom);
  const value = elementValue(frame);
  const fields: JsonObject =
    typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
  if (raw.length > MAX_ROW_BYTES) state.faults.add('ROW_TOO_LARGE');
  if (typeof value === 'string' && value.trim() !== '') state.faults.add('ROW_NOT_OBJECT');
  const deep = state.faults.size > 0;
  const faults: readonly Fault[] = deep ? [...state.faults].map((code) => rowFault(code)) : textFaults(fields);
  state.done.push({ raw: raw.slice(0, MAX_ROW_BYTES), fields: isReadable(faults) ? fields : undefined, faults });
  state.rows += 1;
  state.rowDepth = 0;
}
