import { type Document, isScalar, LineCounter, type Node, parseDocument, type Scalar, visit } from 'yaml';
import type { SetupFault } from '../errors.ts';
import type { Environment } from '../settings.ts';

/** A YAML file whose `${NAME}` are filled in; every complaint about it names the file and the line. */
export interface YamlFile {
  readonly doc: Document.Parsed;
  readonly root: Node | null;
  /** Faults of reading: syntax, doubled keys, lossy numbers, missing variables. */
  readonly faults: readonly SetupFault[];
  /** Text as written, before `${NAME}` was filled in. */
  written(node: Scalar): string;
  /** True where a `${NAME}` had no value: its content cannot be judged. */
  unfilled(node: Scalar): boolean;
  fault(node: Node | null | undefined, zh: string, en: string): SetupFault;
}

export function readYaml(where: string, text: string, env: Environment): YamlFile {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false, stringKeys: true });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const fault = (node: Node | null | undefined, zh: string, en: string): SetupFault => ({
    where,
    line: node?.range ? lineAt(node.range[0]) : 1,
    zh,
    en,
  });
  const faults: SetupFault[] = doc.errors.map((error) => ({
    where,
    line: lineAt(error.pos[0]),
    ...syntaxSentence(error),
  }));
  const texts = new Map<Scalar, string>();
  const holes = new Set<Scalar>();
  const missing = new Set<string>();
  visit(doc, {
    Scalar(key, node) {
      if (typeof node.value === 'number' && isLossy(node)) faults.push(fault(node, ...lossySentence(node)));
      if (key === 'key' || typeof node.value !== 'string' || !node.value.includes('${')) return;
      texts.set(node, node.value);
      node.value = node.value.replace(VARIABLE, (whole, name: string) => {
        const value = env[name];
        if (value !== undefined && value !== '') return value;
        holes.add(node);
        if (!missing.has(name)) faults.push(fault(node, ...missingSentence(name)));
        missing.add(name);
        return whole;
      });
    },
  });
  return {
    doc,
    root: doc.contents,
    faults,
    written: (node) => texts.get(node) ?? String(node.value),
    unfilled: (node) => holes.has(node),
    fault,
  };
}

/** `${NAME}`: the only way in which a secret may stand in a file. */
export const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

function syntaxSentence({ code, message }: { code: string; message: string }): { zh: string; en: string } {
  if (code === 'DUPLICATE_KEY')
    return { zh: '同一个键写了两次，请删去其中一个', en: 'this key stands twice; remove one' };
  if (code === 'TAB_AS_INDENT') return { zh: '缩进用了制表符，请改用空格', en: 'indented by a tab; use spaces' };
  return { zh: `YAML 写法有误：${message}`, en: `not valid YAML: ${message}` };
}

/** A number that a double cannot hold, such as a credit code of digits only (delivery.md T9). */
const isLossy = (node: Scalar): boolean =>
  isScalar(node) &&
  typeof node.value === 'number' &&
  /^\d+$/.test(node.source ?? '') &&
  String(node.value) !== node.source;

const lossySentence = (node: Scalar): [string, string] => [
  `${node.source} 会被当作数字而失真，请加引号："${node.source}"`,
  `${node.source} would lose digits as a number; put it in quotes: "${node.source}"`,
];

const missingSentence = (name: string): [string, string] => [
  `环境变量 ${name} 没有值，请写入 .env 或系统环境`,
  `the variable ${name} has no value; set it in .env or in the environment`,
];
