import { isJsonObject, type Json } from '../json.ts';
import type { BodyTemplate } from '../platform-spec.ts';
import { didYouMean } from '../suggest.ts';
import { DATA, EACH, INNER } from './body-template.ts';
import { parseText } from './placeholders.ts';
import { DATA_PREFIX, PACKAGE_NAMES, RECORD_NAMES } from './template-names.ts';
import { isXmlName } from './xml-text.ts';

export interface TemplateFault {
  /** Where in the template, as keys and indexes. */
  readonly path: readonly (string | number)[];
  readonly zh: string;
  readonly en: string;
}

export interface TemplateContext {
  /** Columns of the forms that are written by this template. */
  readonly columns: ReadonlySet<string>;
  /** One record per request: record names may stand outside of a repeated part. */
  readonly alone: boolean;
  /** Names beside those of the package. */
  readonly names?: readonly string[];
  /** False: a small document, in which no record stands. */
  readonly records?: boolean;
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly xml: boolean;
  readonly each: boolean;
}

/** Every fault of a template, so that nothing is found out on a Friday. */
export function templateFaults(template: BodyTemplate, context: TemplateContext): readonly TemplateFault[] {
  const xml = 'xml' in template;
  const tree = xml ? template.xml : template.json;
  const start: Place = { path: [xml ? 'xml' : 'json'], xml, each: context.alone };
  const root = xml ? rootFaults(tree, start) : [];
  return root.length > 0 ? root : treeFaults(tree, start, context);
}

function rootFaults(tree: Json, { path }: Place): TemplateFault[] {
  const roots = isJsonObject(tree) ? Object.keys(tree) : [];
  const [root = ''] = roots;
  const single = roots.length === 1 && isXmlName(root) && isJsonObject(tree) && !Array.isArray(tree[root]);
  if (single) return [];
  return [{ path, zh: 'XML 只能有一个根元素', en: 'XML has exactly one root element' }];
}

function treeFaults(tree: Json, place: Place, context: TemplateContext): TemplateFault[] {
  if (typeof tree === 'string') return textFaults(tree, place, context);
  if (tree === null || typeof tree !== 'object') return [];
  if (!isJsonObject(tree)) {
    return tree.flatMap((item, index) => treeFaults(item, { ...place, path: [...place.path, index] }, context));
  }
  const each = place.each || tree[EACH] !== undefined;
  return Object.entries(tree).flatMap(([name, branch]) => {
    const here = { ...place, each, path: [...place.path, name] };
    return memberFaults(name, branch, here, context);
  });
}

function memberFaults(name: string, branch: Json, place: Place, context: TemplateContext): TemplateFault[] {
  const { path, xml, each } = place;
  if (name === EACH || name === DATA) {
    const word = name === EACH ? 'records' : 'all';
    if (branch !== word) return [{ path, zh: `${name} 只能写 ${word}`, en: `${name} can only be ${word}` }];
    if (context.records === false) return [{ path, zh: '此处没有记录', en: 'there are no records here' }];
    return name === DATA && !each ? [outside(path, name)] : [];
  }
  const inner = INNER.find((word) => word === name);
  if (inner !== undefined) return innerFaults(inner, branch, place, context);
  if (name.startsWith('$')) return [unknownWord(path, name)];
  if (name === '__proto__') return [{ path, zh: '不能用这个名称', en: 'this name cannot be used' }];
  const plain = name.replace(/^@(?=.)/, '');
  if (xml && name !== '#text' && !isXmlName(plain)) {
    return [{ path, zh: `${name} 不是 XML 名称`, en: `${name} is no XML name` }];
  }
  return treeFaults(branch, place, context);
}

function innerFaults(
  word: (typeof INNER)[number],
  branch: Json,
  place: Place,
  context: TemplateContext,
): TemplateFault[] {
  const inside: Place = { ...place, xml: word === '$xml' };
  const root = inside.xml ? rootFaults(branch, inside) : [];
  return root.length > 0 ? root : treeFaults(branch, inside, context);
}

/** Faults of one text: braces that do not close, names that nobody knows, columns that no form has. */
export function textFaults(
  text: string,
  { path, each }: Pick<Place, 'path' | 'each'>,
  context: TemplateContext,
): TemplateFault[] {
  const parts = parseText(text);
  if ('stray' in parts) {
    return [
      { path, zh: `多出一个 ${parts.stray}；要写花括号请写两个`, en: `a stray ${parts.stray}; write braces twice` },
    ];
  }
  return parts.flatMap((part) => (typeof part === 'string' ? [] : nameFaults(part.name, path, each, context)));
}

function nameFaults(
  name: string,
  path: TemplateFault['path'],
  each: boolean,
  { columns, names = [], records = true }: TemplateContext,
): TemplateFault[] {
  if (names.includes(name)) return [];
  if (!records) return [unknownName(path, name, names)];
  if (PACKAGE_NAMES.some((known) => known === name)) return [];
  const column = name.startsWith(DATA_PREFIX) ? name.slice(DATA_PREFIX.length) : undefined;
  if (column !== undefined && !columns.has(column)) {
    const hint = didYouMean(column, [...columns]);
    return [{ path, zh: `表单没有列 ${column}${hint.zh}`, en: `no form has a column ${column}${hint.en}` }];
  }
  if (column === undefined && !RECORD_NAMES.some((known) => known === name)) {
    return [unknownName(path, name, [...names, ...PACKAGE_NAMES, ...RECORD_NAMES])];
  }
  return each ? [] : [outside(path, name)];
}

function unknownName(path: TemplateFault['path'], name: string, known: readonly string[]): TemplateFault {
  const [hint, all] = [didYouMean(name, known), known.join(', ')];
  return {
    path,
    zh: `没有占位符 {${name}}${hint.zh || `，可写的有 ${all}`}`,
    en: `unknown placeholder {${name}}${hint.en || `; known are ${all}`}`,
  };
}

const unknownWord = (path: TemplateFault['path'], name: string): TemplateFault => {
  const known = [EACH, DATA, ...INNER];
  const [hint, all] = [didYouMean(name, known), known.join(', ')];
  return {
    path,
    zh: `没有 ${name}${hint.zh || `，可写的有 ${all}`}`,
    en: `unknown word ${name}${hint.en || `; known are ${all}`}`,
  };
};

const outside = (path: TemplateFault['path'], name: string): TemplateFault => ({
  path,
  zh: `${name} 属于单条记录：请写在 ${EACH}: records 之内，或设 batchSize: 1`,
  en: `${name} belongs to one record: write it inside of ${EACH}: records, or set batchSize: 1`,
});
