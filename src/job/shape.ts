import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { SetupFault } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import { VARIABLE, type YamlFile } from './yaml-file.ts';

/** What a set-up file must look like: described once, checked node by node, so that every fault knows its line. */
export type Shape =
  | {
      readonly is: 'text';
      /** The only words allowed. */
      readonly oneOf?: readonly string[];
      /** Must be `${NAME}`: never written in clear. */
      readonly secret?: boolean;
      readonly check?: TextCheck;
    }
  | { readonly is: 'integer'; readonly min: number; readonly max: number }
  | { readonly is: 'boolean' }
  /** Any value. */
  | { readonly is: 'json' }
  | { readonly is: 'list'; readonly of: Shape; readonly min?: number }
  | {
      readonly is: 'map';
      readonly of: Shape;
      readonly key?: TextCheck;
      readonly min?: number;
      /** Values under names like these are secrets. */
      readonly secretKeys?: RegExp;
    }
  /** `open`: members that are not listed may be anything. */
  | { readonly is: 'object'; readonly members: Members; readonly open?: boolean }
  /** One of several shapes, told apart by the node itself. */
  | { readonly is: 'choice'; readonly choose: (node: Node) => Shape };

export interface Members {
  readonly [name: string]: { readonly shape: Shape; readonly required?: boolean };
}

/** A complaint in both languages about a text (filled in, and as it was written), or undefined if it is good. */
export type TextCheck = (text: string, written: string) => { readonly zh: string; readonly en: string } | undefined;

export const required = (shape: Shape) => ({ shape, required: true }) as const;
export const optional = (shape: Shape) => ({ shape }) as const;
export const text: Shape = { is: 'text' };

/** Every fault of `node` against `shape`; `path` is dotted, for messages. */
export function checkShape(file: YamlFile, node: Node | null, shape: Shape, path = ''): readonly SetupFault[] {
  const at = isAlias(node) ? (node.resolve(file.doc) ?? null) : node;
  const complain = (zh: string, en: string): SetupFault[] => [
    file.fault(node, `${name(path)}${zh}`, `${path || 'the file'} ${en}`),
  ];
  if (at === null || (isScalar(at) && at.value === null && shape.is !== 'json'))
    return complain('没有内容', 'is empty');
  switch (shape.is) {
    case 'json':
      return [];
    case 'choice':
      return checkShape(file, at, shape.choose(at), path);
    case 'text':
      return isScalar(at) && typeof at.value === 'string'
        ? checkText(file, at, shape, path)
        : complain('应为文字（数字请加引号）', 'must be text (put numbers in quotes)');
    case 'boolean':
      return isScalar(at) && typeof at.value === 'boolean'
        ? []
        : complain('应为 true 或 false', 'must be true or false');
    case 'integer': {
      const good =
        isScalar(at) && Number.isInteger(at.value) && Number(at.value) >= shape.min && Number(at.value) <= shape.max;
      return good
        ? []
        : complain(`应为 ${shape.min}–${shape.max} 的整数`, `must be a whole number from ${shape.min} to ${shape.max}`);
    }
    case 'list':
      if (!isSeq<Node>(at)) return complain('应为列表', 'must be a list');
      if (at.items.length < (shape.min ?? 0))
        return complain(`至少要有 ${shape.min} 项`, `needs at least ${shape.min}`);
      return at.items.flatMap((item, index) => checkShape(file, item, shape.of, `${path}[${index}]`));
    default:
      return isMap<Scalar, Node>(at)
        ? checkMembers(file, at.items, shape, { path, node: at })
        : complain('应为键值对', 'must be a mapping of names to values');
  }
}

interface Pair {
  readonly key: Scalar;
  readonly value: Node | null;
}

function checkMembers(
  file: YamlFile,
  pairs: readonly Pair[],
  shape: Extract<Shape, { is: 'map' | 'object' }>,
  { path, node }: { readonly path: string; readonly node: Node },
): readonly SetupFault[] {
  const inner = (key: string): string => (path === '' ? key : `${path}.${key}`);
  if (shape.is === 'map') {
    const few =
      pairs.length < (shape.min ?? 0) ? [file.fault(node, `${name(path)}不能为空`, `${path} must not be empty`)] : [];
    return few.concat(
      ...pairs.map(({ key, value }) => {
        const word = String(key.value);
        const bad = shape.key?.(word, word);
        const inside = checkShape(file, value ?? null, valueShape(shape, word), inner(word));
        return bad ? [file.fault(key, bad.zh, bad.en), ...inside] : [...inside];
      }),
    );
  }
  const known = Object.keys(shape.members);
  const seen = new Set(pairs.map(({ key }) => String(key.value)));
  const missing = known.filter((member) => shape.members[member]?.required && !seen.has(member));
  return [
    ...missing.map((member) => file.fault(node, `缺少 ${inner(member)}`, `${inner(member)} is missing`)),
    ...pairs.flatMap(({ key, value }) => {
      const member = shape.members[String(key.value)];
      if (member !== undefined) return checkShape(file, value ?? null, member.shape, inner(String(key.value)));
      if (shape.open) return [];
      const hint = didYouMean(String(key.value), known);
      const all = known.join(', ');
      return [
        file.fault(
          key,
          `没有 ${inner(String(key.value))} 这一项${hint.zh || `，可写的有 ${all}`}`,
          `unknown key ${inner(String(key.value))}${hint.en || `; known are ${all}`}`,
        ),
      ];
    }),
  ];
}

const valueShape = (shape: Extract<Shape, { is: 'map' }>, key: string): Shape =>
  shape.secretKeys?.test(key) ? { is: 'text', secret: true } : shape.of;

/** Filled in at each request: `token: "{token}"` is no secret in clear. */
const PLACEHOLDER = /^\{[A-Za-z.]+\}$/;

function checkText(
  file: YamlFile,
  node: Scalar,
  shape: Extract<Shape, { is: 'text' }>,
  path: string,
): readonly SetupFault[] {
  const value = String(node.value);
  if (shape.secret && !PLACEHOLDER.test(value) && file.written(node).replace(VARIABLE, '') === file.written(node)) {
    return [
      file.fault(
        node,
        `${path} 是密钥，不可写明文，请改成 \${变量名} 并把值放进 .env`,
        `${path} is a secret: write \${NAME} here and put its value into .env`,
      ),
    ];
  }
  if (file.unfilled(node)) return [];
  if (shape.oneOf !== undefined && !shape.oneOf.includes(value)) {
    const hint = didYouMean(value, shape.oneOf);
    const all = shape.oneOf.join(', ');
    return [
      file.fault(
        node,
        `${path} 不能是“${value}”${hint.zh || `，只能是 ${all}`}`,
        `${path} cannot be "${value}"${hint.en || `; it must be one of ${all}`}`,
      ),
    ];
  }
  const bad =
    value.trim() === '' ? { zh: '不能为空', en: 'must not be empty' } : shape.check?.(value, file.written(node));
  return bad === undefined ? [] : [file.fault(node, `${path}：${bad.zh}`, `${path}: ${bad.en}`)];
}

const name = (path: string): string => (path === '' ? '文件' : `${path} `);
