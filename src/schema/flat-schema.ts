import { posix } from 'node:path';
import type { Title } from '../job/job.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { isTitle } from './schema-faults.ts';
import type { SchemaFile } from './schema-file.ts';

/** A schema with what its root `$ref` brings, its fields in order: what rules, defaults and outbound columns are read from. */
export interface FlatSchema {
  readonly name: string;
  readonly title: Title;
  /** A keyword of the file itself, else of the file that it builds on. */
  keyword(name: string): Json | undefined;
  /** Dotted path → field, objects before their members. */
  readonly fields: ReadonlyMap<string, JsonObject>;
  readonly labels: ReadonlyMap<string, Title>;
}

/** Finds what a `$ref` of a file points at; undefined when there is no such thing among the files. */
export type Resolve = (from: string, ref: string) => { readonly file: string; readonly node: JsonObject } | undefined;

export function resolver(files: readonly SchemaFile[]): Resolve {
  const known = new Map(files.map((file) => [file.name, file]));
  return (from, ref) => {
    const [path = '', pointer = ''] = ref.split('#');
    const name = path === '' ? from : posix.join(posix.dirname(from), path).replace(/\.json$/, '');
    let node: Json | undefined = known.get(name)?.content;
    for (const step of pointer.split('/').slice(1)) node = isJsonObject(node) ? node[step] : undefined;
    return isJsonObject(node) ? { file: name, node } : undefined;
  };
}

export function flatten(file: SchemaFile, resolve: Resolve): FlatSchema {
  const root = withBase(file.name, file.content, resolve, 0);
  const fields = new Map<string, JsonObject>();
  collect(root, '', resolve, fields);
  const labels = new Map<string, Title>();
  for (const [path, field] of fields) if (isTitle(field['x-title'])) labels.set(path, field['x-title']);
  const title = file.content['x-title'];
  return {
    name: file.name,
    title: isTitle(title) ? title : { zh: file.name, en: file.name },
    keyword: (name) => root.node[name],
    fields,
    labels,
  };
}

interface Place {
  readonly file: string;
  readonly node: JsonObject;
}

/** A node over what its `$ref` brings: its own keywords win, properties are joined member by member. */
function withBase(file: string, node: JsonObject, resolve: Resolve, depth: number): Place {
  const base = typeof node.$ref === 'string' && depth < 8 ? resolve(file, node.$ref) : undefined;
  if (base === undefined) return { file, node: { ...node, ...absolute(file, node.properties) } };
  const below = withBase(base.file, base.node, resolve, depth + 1).node;
  const { $ref: _, properties, ...own } = node;
  return {
    file,
    node: { ...below, ...own, properties: joined(below.properties, absolute(file, properties).properties) },
  };
}

function joined(below: Json | undefined, above: Json | undefined): JsonObject {
  const all: { [name: string]: Json } = isJsonObject(below) ? { ...below } : {};
  if (!isJsonObject(above)) return all;
  for (const [name, node] of Object.entries(above)) {
    const under = all[name];
    all[name] = isJsonObject(under) && isJsonObject(node) ? { ...under, ...node } : node;
  }
  return all;
}

/** Marks each property with the file it stands in, so that its `$ref` still resolves after joining. */
function absolute(file: string, properties: Json | undefined): { properties: JsonObject } {
  if (!isJsonObject(properties)) return { properties: {} };
  const marked = Object.entries(properties).map(([name, node]): [string, Json] => [
    name,
    isJsonObject(node) && node[HOME] === undefined ? { ...node, [HOME]: file } : node,
  ]);
  return { properties: Object.fromEntries(marked) };
}

const HOME = '(file)';

function collect(place: Place, prefix: string, resolve: Resolve, fields: Map<string, JsonObject>): void {
  if (!isJsonObject(place.node.properties) || fields.size > 2_000) return;
  for (const [name, property] of Object.entries(place.node.properties)) {
    if (!isJsonObject(property)) continue;
    const home = typeof property[HOME] === 'string' ? property[HOME] : place.file;
    const field = withBase(home, property, resolve, 0);
    const path = prefix === '' ? name : `${prefix}.${name}`;
    fields.set(path, field.node);
    if (path.split('.').length < 6) collect(field, path, resolve, fields);
  }
}
