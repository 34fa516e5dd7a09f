import type { BodyHeader, BodyRecord } from '../delivery/outgoing-body.ts';
import type { WireForm } from '../delivery/wire-form.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import type { BodyTemplate } from '../platform-spec.ts';
import { fillText, parseText } from './placeholders.ts';
import { packageValues, type RecordValues, recordValues, textOf, type Values } from './template-names.ts';
import { isXmlText, xmlAttribute, xmlText } from './xml-text.ts';

/** Repeats an element or an item for every record: `{ $each: records, … }`. */
export const EACH = '$each';
/** Brings all columns of the record in as members: `{ $data: all }`. */
export const DATA = '$data';
/** A document inside a text: `{ $xml: { … } }`, `{ $json: { … } }`. */
export const INNER = ['$xml', '$json'] as const;

/** What a tree is written from: the package, and in a repeated part (or a package of one) the record. */
interface Scope {
  readonly values: Values;
  readonly record: RecordValues | undefined;
  readonly records: readonly RecordValues[];
}

/** The wire form that a checked template describes (template-check.ts). */
export function templateForm(template: BodyTemplate): WireForm {
  const xml = 'xml' in template;
  return {
    contentType: contentTypeOf(template),
    render: (header, records) => Buffer.from(renderTemplate(template, scopeOf(header, records))),
    ...(xml ? { carries: (data: string) => isXmlText(unescaped(data)) } : {}),
  };
}

export const contentTypeOf = (template: BodyTemplate): string =>
  template.type ?? ('xml' in template ? 'text/xml; charset=utf-8' : 'application/json; charset=utf-8');

/** A small document without records: a login, a query. */
export const fillTemplate = (template: BodyTemplate, values: Values): string =>
  renderTemplate(template, { values, record: undefined, records: [] });

const renderTemplate = (template: BodyTemplate, scope: Scope): string =>
  'xml' in template
    ? `${DECLARATION}${xmlOf(template.xml, scope)}`
    : JSON.stringify(jsonOf(template.json, scope) ?? null);

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

function scopeOf(header: BodyHeader, records: readonly BodyRecord[]): Scope {
  const values = packageValues(header, records);
  const each = records.map((record, index) => recordValues(record, index, values));
  const [only] = each;
  return each.length === 1 && only !== undefined
    ? { values: only.values, record: only, records: each }
    : { values, record: undefined, records: each };
}

const within = (record: RecordValues, { records }: Scope): Scope => ({ values: record.values, record, records });

/** The JSON value of a tree; undefined where a lone placeholder names a column that the record lacks. */
function jsonOf(tree: Json, scope: Scope): Json | undefined {
  if (typeof tree === 'string') return jsonText(tree, scope);
  if (tree === null || typeof tree !== 'object') return tree;
  if (!isJsonObject(tree)) return tree.map((item) => jsonOf(item, scope) ?? null);
  const inner = innerText(tree, scope);
  if (inner !== undefined) return inner;
  if (tree[EACH] !== undefined) return scope.records.map((record) => jsonMembers(tree, within(record, scope)));
  return jsonMembers(tree, scope);
}

function jsonMembers(tree: JsonObject, scope: Scope): JsonObject {
  const members: [string, Json][] = [];
  for (const [name, branch] of Object.entries(tree)) {
    if (name === EACH) continue;
    if (name === DATA) members.push(...Object.entries(scope.record?.data ?? {}));
    else {
      const value = jsonOf(branch, scope);
      if (value !== undefined) members.push([name, value]);
    }
  }
  return Object.fromEntries(members);
}

/** A text that is one placeholder and nothing else keeps the value's own type. */
function jsonText(text: string, { values }: Scope): Json | undefined {
  const parts = parseText(text);
  if ('stray' in parts) return text;
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return values(only.name);
  return fillText(text, (name) => textOf(values(name)));
}

function innerText(tree: JsonObject, scope: Scope): string | undefined {
  const { $xml: xml, $json: json } = tree;
  if (xml !== undefined) return xmlOf(xml, scope);
  return json === undefined ? undefined : JSON.stringify(jsonOf(json, scope) ?? null);
}

/** Members of a tree are elements, `@name` attributes, `#text` the text beside them; a list repeats its element. */
function xmlOf(tree: Json, scope: Scope): string {
  if (!isJsonObject(tree)) return xmlText(filled(tree, scope));
  const inner = innerText(tree, scope);
  if (inner !== undefined) return xmlText(inner);
  return Object.entries(tree)
    .filter(([name]) => !name.startsWith('@') && name !== EACH)
    .map(([name, branch]) => xmlMember(name, branch, scope))
    .join('');
}

function xmlMember(name: string, branch: Json, scope: Scope): string {
  if (name === '#text') return xmlText(filled(branch, scope));
  if (name === DATA) {
    return Object.entries(scope.record?.data ?? {})
      .map(([column, value]) => element(column, '', xmlText(textOf(value))))
      .join('');
  }
  if (Array.isArray(branch)) return branch.map((item: Json) => xmlMember(name, item, scope)).join('');
  if (isJsonObject(branch) && branch[EACH] !== undefined) {
    return scope.records.map((record) => xmlElement(name, branch, within(record, scope))).join('');
  }
  return xmlElement(name, branch, scope);
}

function xmlElement(name: string, branch: Json, scope: Scope): string {
  const attributes = isJsonObject(branch) ? Object.entries(branch).filter(([key]) => key.startsWith('@')) : [];
  const written = attributes.map(([key, value]) => ` ${key.slice(1)}="${xmlAttribute(filled(value, scope))}"`);
  return element(name, written.join(''), xmlOf(branch, scope));
}

const element = (name: string, attributes: string, content: string): string =>
  content === '' ? `<${name}${attributes}/>` : `<${name}${attributes}>${content}</${name}>`;

const filled = (value: Json, { values }: Scope): string =>
  typeof value === 'string' ? fillText(value, (name) => textOf(values(name))) : textOf(value);

/** Every text of canonical JSON with its escapes read, for a look at its characters. */
function unescaped(data: string): string {
  const texts: string[] = [];
  JSON.parse(data, (_, value) => {
    if (typeof value === 'string') texts.push(value);
    return value;
  });
  return texts.join('');
}
