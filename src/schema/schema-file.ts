import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { SetupFault } from '../errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../json.ts';
import { MAX_DEPTH, newScan, skipValue } from '../wire/json-scan.ts';

/** A JSON file of schemas/ with its lines, so that every complaint about it can point at one. */
export interface JsonFile {
  /** Path below the folder without ending: `licence/printing`. */
  readonly name: string;
  readonly content: Json;
  fault(pointer: readonly (string | number)[], zh: string, en: string): SetupFault;
}

export interface SchemaFile extends JsonFile {
  readonly content: JsonObject;
}

export const isSchemaFile = (file: JsonFile): file is SchemaFile => isJsonObject(file.content);

/** Every `*.json` below `dir`, in order of name; files that are no JSON or repeat a key are faults. */
export function readJsonFiles(dir: string): {
  readonly files: readonly JsonFile[];
  readonly faults: readonly SetupFault[];
} {
  if (!existsSync(dir))
    return { files: [], faults: [{ where: dir, zh: '找不到模式文件夹', en: 'there is no such folder of schemas' }] };
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.json'))
    .sort();
  const read = paths.map((path) => readJsonFile(join(dir, path), path.slice(0, -'.json'.length)));
  return { files: read.flatMap(({ file }) => file ?? []), faults: read.flatMap(({ faults }) => faults) };
}

/** One such file; without `file` it is no JSON. */
export function readJsonFile(where: string, name: string): { file?: JsonFile; faults: SetupFault[] } {
  const bytes = readFileSync(where);
  const text = bytes.toString('utf8');
  const content = parseJson(text);
  // Lines are read from a second parse, which takes much longer: only where something is to be complained of.
  let parsed: Lined | undefined;
  const lined = (): Lined => {
    parsed ??= readLines(text);
    return parsed;
  };
  if (content === undefined) return { faults: [notJson(where, lined())] };
  const fault = (pointer: readonly (string | number)[], zh: string, en: string): SetupFault => ({
    where,
    line: lineAt(lined(), pointer),
    zh,
    en,
  });
  return { file: { name, content, fault }, faults: mayRepeat(bytes) ? repeatedKeys(where, lined()) : [] };
}

interface Lined {
  readonly doc: Document.Parsed;
  readonly lines: LineCounter;
}

function readLines(text: string): Lined {
  const lines = new LineCounter();
  return {
    doc: parseDocument(text, { lineCounter: lines, schema: 'json', uniqueKeys: true, prettyErrors: false }),
    lines,
  };
}

/** Whether a key stands twice somewhere, or lies too deep to be seen by a quick look. */
function mayRepeat(bytes: Uint8Array): boolean {
  const scan = newScan(bytes);
  skipValue(scan, 0);
  return scan.repeated || scan.depth > MAX_DEPTH;
}

const repeatedKeys = (where: string, { doc, lines }: Lined): SetupFault[] =>
  doc.errors
    .filter(({ code }) => code === 'DUPLICATE_KEY')
    .map(({ pos }) => ({
      where,
      line: lines.linePos(pos[0]).line,
      zh: '同一个键写了两次，请删去其中一个',
      en: 'this key stands twice; remove one',
    }));

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notJson(where: string, { doc, lines }: Lined): SetupFault {
  const [first] = doc.errors;
  const line = first === undefined ? {} : { line: lines.linePos(first.pos[0]).line };
  return {
    where,
    ...line,
    zh: '不是完整的 JSON，请检查逗号、引号和括号',
    en: 'not complete JSON: look for a comma, quote or bracket',
  };
}

/** The line of the node at a pointer, or of its nearest ancestor. */
function lineAt({ doc, lines }: Lined, pointer: readonly (string | number)[]): number {
  for (let depth = pointer.length; depth >= 0; depth--) {
    const node = depth === 0 ? doc.contents : doc.getIn(pointer.slice(0, depth), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
