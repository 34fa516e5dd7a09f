import { SaxesParser } from 'saxes';

/** An element of a small document: names without prefix, values always text, so leading zeros stay (delivery.md T12). */
export interface XmlElement {
  readonly name: string;
  readonly attributes: { readonly [name: string]: string };
  readonly children: readonly XmlElement[];
  readonly text: string;
}

interface Growing extends XmlElement {
  readonly children: Growing[];
  text: string;
}

const MAX_DEPTH = 32;
const MAX_ELEMENTS = 100_000;

/** A whole document as a tree, or why not. A DOCTYPE of any kind refuses it: no entities, no outside calls. */
export function xmlTree(text: string): { readonly root: XmlElement } | { readonly doubt: string } {
  const parser = new SaxesParser({ xmlns: false, position: false });
  const open: Growing[] = [];
  let root: Growing | undefined;
  let elements = 0;
  parser.on('error', () => refuse('回答不是完整的 XML (the answer is not sound XML)'));
  parser.on('doctype', () => refuse('回答带 DOCTYPE，不予接收 (a DOCTYPE is not taken)'));
  parser.on('opentag', ({ name, attributes }) => {
    elements += 1;
    if (open.length >= MAX_DEPTH || elements > MAX_ELEMENTS) refuse('回答嵌套过深或过长 (too deep or too long)');
    const element: Growing = { name: localName(name), attributes: named(attributes), children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const add = (more: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += more;
  };
  parser.on('text', add);
  parser.on('cdata', add);
  parser.on('closetag', () => void open.pop());
  try {
    parser.write(text).close();
  } catch (error) {
    if (error instanceof Refusal) return { doubt: error.message };
    throw error;
  }
  return root === undefined ? { doubt: '回答是空的 (the answer is empty)' } : { root };
}

class Refusal extends Error {}

function refuse(doubt: string): never {
  throw new Refusal(doubt);
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1);

const named = (attributes: { readonly [name: string]: string }): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(attributes).map(([name, value]) => [localName(name), value]));
