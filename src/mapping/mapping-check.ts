import { isJsonObject } from '../json.ts';
import { readers } from '../rules/formats.ts';
import { didYouMean } from '../suggest.ts';
import type { MappingSpec } from './mapping-spec.ts';

/** One thing wrong with a mapping; `path` is the target field, or '' for the whole. */
export interface MappingFault {
  readonly path: string;
  readonly zh: string;
  readonly en: string;
}

const MEMBERS = ['from', 'const', 'as', 'lookup', 'default'] as const;
const FORBIDDEN: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const SEGMENT = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Everything wrong with a mapping, for the job loader: target paths, rule members, format names, lookups. Empty when it compiles. */
export function checkMapping(spec: MappingSpec): readonly MappingFault[] {
  const targets = new Set(Object.keys(spec));
  return Object.entries(spec).flatMap(([target, rule]: [string, unknown]) =>
    [...targetFaults(target, targets), ...ruleFaults(rule)].map(({ zh, en }) => ({ path: target, zh, en })),
  );
}

interface Sentence {
  readonly zh: string;
  readonly en: string;
}

function targetFaults(target: string, targets: ReadonlySet<string>): Sentence[] {
  const segments = target.split('.');
  const forbidden = segments.find((segment) => FORBIDDEN.has(segment));
  if (forbidden !== undefined) {
    return [
      { zh: `目标字段不能叫 ${forbidden}；请改名`, en: `a target field cannot be called ${forbidden}; rename it` },
    ];
  }
  if (!segments.every((segment) => SEGMENT.test(segment))) {
    return [
      {
        zh: `目标字段“${target}”写法不对；请用点分的字段名，如 holder.name`,
        en: `the target field “${target}” is not well written; use field names joined by dots, like holder.name`,
      },
    ];
  }
  const parent = segments.map((_, index) => segments.slice(0, index).join('.')).find((path) => targets.has(path));
  if (parent === undefined) return [];
  return [
    {
      zh: `目标字段 ${target} 与 ${parent} 冲突：后者已是一个值；请只保留其一`,
      en: `the target field ${target} clashes with ${parent}, which is a value already; keep one of them`,
    },
  ];
}

function ruleFaults(rule: unknown): Sentence[] {
  if (typeof rule === 'string') return fromFaults(rule);
  if (!isJsonObject(rule)) {
    return [{ zh: '规则应为原始字段名或一组设置', en: 'a rule is the name of a raw field or a set of members' }];
  }
  return [
    ...memberFaults(rule),
    ...fromFaults(rule['from']),
    ...formatFaults(rule['as']),
    ...lookupFaults(rule['lookup']),
  ];
}

function memberFaults(rule: { readonly [name: string]: unknown }): Sentence[] {
  const strange = Object.keys(rule).filter((name) => !MEMBERS.some((member) => member === name));
  const faults = strange.map((name) => {
    const meant = didYouMean(name, MEMBERS);
    return { zh: `规则中没有 ${name}${meant.zh}`, en: `a rule has no member ${name}${meant.en}` };
  });
  if (rule['from'] === undefined && rule['const'] === undefined && rule['default'] === undefined) {
    faults.push({ zh: '规则须有 from、const 或 default 之一', en: 'a rule needs one of from, const or default' });
  }
  if (rule['const'] !== undefined && rule['from'] !== undefined) {
    faults.push({ zh: 'const 与 from 不能同时使用；请只留其一', en: 'const and from exclude each other; keep one' });
  }
  return faults;
}

function fromFaults(from: unknown): Sentence[] {
  if (from === undefined) return [];
  const names: readonly unknown[] = Array.isArray(from) ? from : [from];
  const good = names.length > 0 && names.every((name) => typeof name === 'string' && isFieldName(name));
  return good
    ? []
    : [
        {
          zh: 'from 应为原始字段名或字段名列表；请改正',
          en: 'from is the name of a raw field or a list of names; mend it',
        },
      ];
}

/** No name that every JavaScript object answers to (`toString`, `__proto__`). */
const isFieldName = (name: string): boolean =>
  name.trim() !== '' && !name.split('.').some((segment) => FORBIDDEN.has(segment) || segment in Object.prototype);

function formatFaults(as: unknown): Sentence[] {
  if (as === undefined || (typeof as === 'string' && Object.hasOwn(readers, as))) return [];
  const names = Object.keys(readers);
  const meant = didYouMean(String(as), names);
  return [
    {
      zh: `没有名为 ${String(as)} 的格式${meant.zh}（可用：${names.join('、')}）`,
      en: `there is no format ${String(as)}${meant.en} (known: ${names.join(', ')})`,
    },
  ];
}

function lookupFaults(lookup: unknown): Sentence[] {
  if (lookup === undefined || (isJsonObject(lookup) && Object.keys(lookup).length > 0)) return [];
  return [
    {
      zh: 'lookup 应为“原始值: 结果”的对照表，且不能为空',
      en: 'lookup is a table of raw value: result and cannot be empty',
    },
  ];
}
