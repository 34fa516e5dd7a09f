import type { SetupFault } from '../errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { didYouMean } from '../suggest.ts';
import type { Authorities } from './authority.ts';
import { DERIVED } from './derived.ts';
import { textList } from './field-path.ts';
import type { FlatSchema, Resolve } from './flat-schema.ts';
import { RENDERS } from './outbound.ts';
import { RULE_SETS } from './record-rules.ts';
import { FORMATS, linearPattern, OWN_KEYWORDS } from './schema-engine.ts';
import { isTitle } from './schema-faults.ts';
import type { SchemaFile } from './schema-file.ts';
import { CODE_CHECKS } from './unified-type.ts';

const STANDARD = [
  '$schema',
  '$ref',
  '$defs',
  'type',
  'enum',
  'const',
  'description',
  'title',
  'default',
  'examples',
  'required',
  'dependentRequired',
  'properties',
  'items',
  'additionalProperties',
  'unevaluatedProperties',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minimum',
  'maximum',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'else',
];
const KNOWN = new Set([...STANDARD, ...OWN_KEYWORDS]);

type Pointer = readonly (string | number)[];
/** `open`: the node applies beside another one that closes the object (allOf, if), or is a base that its users close. */
type Role = 'open' | 'value';

interface Walk {
  readonly file: SchemaFile;
  readonly resolve: Resolve;
  readonly faults: SetupFault[];
}

/** Everything about a schema that can be said from its text alone; all faults at once. */
export function lintSchema(file: SchemaFile, resolve: Resolve): readonly SetupFault[] {
  const faults: SetupFault[] = [];
  const isBase = file.name.startsWith('definitions/');
  if (!isTitle(file.content['x-title']))
    faults.push(file.fault([], '缺少 x-title（zh 和 en）', 'x-title with zh and en is missing'));
  if (file.content.$schema !== 'https://json-schema.org/draft/2020-12/schema') {
    faults.push(file.fault(['$schema'], '$schema 应为 2020-12', '$schema must name draft 2020-12'));
  }
  walk(file.content, [], isBase ? 'open' : 'value', { file, resolve, faults });
  return faults;
}

function walk(node: Json | undefined, pointer: Pointer, role: Role, context: Walk): void {
  if (!isJsonObject(node) || pointer.length > 40) return;
  const { file, faults } = context;
  const complain = (at: string, zh: string, en: string): unknown => faults.push(file.fault([...pointer, at], zh, en));
  for (const keyword of Object.keys(node)) {
    if (KNOWN.has(keyword)) continue;
    const hint = didYouMean(keyword, KNOWN);
    complain(keyword, `没有关键字 ${keyword}${hint.zh}`, `unknown keyword ${keyword}${hint.en}`);
  }
  lintText(node, complain);
  lintRef(node, role, context, complain);
  if (role === 'value' && isObjectSchema(node) && !isClosed(node, context)) {
    complain(
      'type',
      '对象必须封闭：请加 "additionalProperties": false（引用底稿时用 unevaluatedProperties）',
      'objects are closed: add "additionalProperties": false (unevaluatedProperties beside a $ref)',
    );
  }
  descend(node, pointer, role, context);
}

type Complain = (at: string, zh: string, en: string) => unknown;

function lintText(node: JsonObject, complain: Complain): void {
  if (typeof node.pattern === 'string' && typeof node.maxLength !== 'number') {
    complain('pattern', 'pattern 之前必须有 maxLength', 'a pattern needs a maxLength before it');
  }
  for (const keyword of ['pattern', 'x-number-pattern']) {
    const wrong = typeof node[keyword] === 'string' ? patternFault(node[keyword]) : undefined;
    if (wrong === undefined) continue;
    complain(
      keyword,
      `正则 ${wrong}；汉字请直接写或用 \\p{Han}，不支持环视与反向引用`,
      `${wrong}; write Han characters as they are or \\p{Han}, no look-around, no back references`,
    );
  }
  listed(node, 'x-check', Object.keys(CODE_CHECKS), complain);
  listed(node, 'x-render', RENDERS, complain);
  listed(node, 'x-derive', Object.keys(DERIVED), complain);
  listed(node, 'x-rules', RULE_SETS, complain);
  listed(node, 'format', FORMATS, complain);
}

function listed(node: JsonObject, keyword: string, allowed: readonly string[], complain: Complain): void {
  if (node[keyword] === undefined || allowed.includes(String(node[keyword]))) return;
  complain(keyword, `${keyword} 只能是 ${allowed.join('、')}`, `${keyword} must be one of ${allowed.join(', ')}`);
}

/** RE2 refuses what can run exponentially (delivery.md T6). */
function patternFault(pattern: string): string | undefined {
  try {
    linearPattern(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function lintRef(node: JsonObject, role: Role, { file, resolve }: Walk, complain: Complain): void {
  const { $ref: ref } = node;
  if (ref === undefined) return;
  if (typeof ref !== 'string' || /^[a-z][a-z0-9+.-]*:|^\/\//i.test(ref)) {
    complain('$ref', '$ref 只能引用 schemas/ 内的文件', '$ref may only name files inside schemas/');
  } else if (resolve(file.name, ref) === undefined)
    complain('$ref', `$ref 指向的 ${ref} 不存在`, `$ref ${ref} leads nowhere`);
  else if (role === 'value' && ref.startsWith('/'))
    complain('$ref', '$ref 请写相对路径', 'write $ref as a relative path');
}

const isObjectSchema = (node: JsonObject): boolean =>
  [node.type].flat().includes('object') || node.properties !== undefined || node.$ref !== undefined;

/** Closed by itself, or by what it refers to; a value that is no object needs no closing. */
function isClosed(node: JsonObject, context: Walk, from = context.file.name, depth = 0): boolean {
  if (node.additionalProperties === false || node.unevaluatedProperties === false) return true;
  if (typeof node.$ref !== 'string' || depth > 8)
    return ![node.type].flat().includes('object') && node.properties === undefined;
  const target = context.resolve(from, node.$ref);
  return target === undefined || isClosed(target.node, context, target.file, depth + 1);
}

function descend(node: JsonObject, pointer: Pointer, role: Role, context: Walk): void {
  const inner: Role = role === 'open' && pointer.length > 0 ? 'open' : 'value';
  for (const keyword of ['properties', '$defs']) {
    const members = node[keyword];
    if (!isJsonObject(members)) continue;
    for (const [name, member] of Object.entries(members)) {
      const at = [...pointer, keyword, name];
      if (keyword === 'properties' && inner === 'value') lintLabel(member, at, context);
      walk(member, at, inner, context);
    }
  }
  for (const keyword of ['items', 'additionalProperties', 'unevaluatedProperties'])
    walk(node[keyword], [...pointer, keyword], inner, context);
  for (const keyword of ['if', 'then', 'else', 'not']) walk(node[keyword], [...pointer, keyword], 'open', context);
  for (const keyword of ['allOf', 'anyOf', 'oneOf']) {
    const list = node[keyword];
    const items: readonly Json[] = Array.isArray(list) ? list : [];
    for (const [index, item] of items.entries()) walk(item, [...pointer, keyword, index], 'open', context);
  }
}

function lintLabel(member: Json, pointer: Pointer, { file, faults }: Walk): void {
  if (isJsonObject(member) && isTitle(member['x-title'])) return;
  faults.push(
    file.fault(
      pointer,
      `字段 ${String(pointer.at(-1))} 缺少 x-title（zh 和 en）`,
      `field ${String(pointer.at(-1))} needs x-title with zh and en`,
    ),
  );
}

/** What a record type must say about itself, its own words or those of the file it builds on. */
export function lintType(file: SchemaFile, schema: FlatSchema, authorities: Authorities): readonly SetupFault[] {
  const faults = ['x-rules', 'x-key', 'x-search', 'x-authorities']
    .filter((keyword) => schema.keyword(keyword) === undefined)
    .map((keyword) => file.fault([], `缺少 ${keyword}`, `${keyword} is missing`));
  const key = schema.keyword('x-key');
  const search = schema.keyword('x-search');
  const named: { readonly [keyword: string]: readonly string[] } = {
    'x-key': Array.isArray(key) ? key.flat(2).map(String) : [],
    'x-search': isJsonObject(search) ? Object.values(search).map(String) : [],
    'x-issued': textList(schema.keyword('x-issued')),
    'x-free-text': textList(schema.keyword('x-free-text')),
  };
  const lost = Object.entries(named).flatMap(([keyword, paths]) =>
    paths.filter((path) => !schema.fields.has(path)).map((path) => noField(file, keyword, path)),
  );
  const strangers = textList(schema.keyword('x-authorities')).filter((id) => authorities.byId(id) === undefined);
  return [
    ...faults,
    ...lost,
    ...strangers.map((id) =>
      file.fault(['x-authorities'], `authorities.json 中没有 ${id}`, `${id} is not in authorities.json`),
    ),
  ];
}

const noField = (file: SchemaFile, keyword: string, path: string): SetupFault =>
  file.fault([keyword], `${keyword} 中的 ${path} 不是字段`, `${path} in ${keyword} is no field`);

/** What an outbound form must say about itself. */
export function lintForm(file: SchemaFile, schema: FlatSchema): readonly SetupFault[] {
  const faults = ['x-layout', 'x-data-class']
    .filter((keyword) => typeof schema.keyword(keyword) !== 'string')
    .map((keyword) => file.fault([], `缺少 ${keyword}`, `${keyword} is missing`));
  const idle = [...schema.fields]
    .filter(
      ([, field]) =>
        field['x-from'] === undefined && field['x-const'] === undefined && field['x-render'] !== 'record-uuid',
    )
    .map(([name]) =>
      file.fault(
        ['properties', name],
        `栏目 ${name} 没有 x-from 或 x-const`,
        `column ${name} has neither x-from nor x-const`,
      ),
    );
  return [...faults, ...idle];
}
