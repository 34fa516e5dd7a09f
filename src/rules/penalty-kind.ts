import { type Fault, fault, hasError, type Reading } from '../fault.ts';
import { quote } from './quote.ts';

/** 处罚种类 of 行政处罚法 (2021) article 9; anything else is `其他-…`. */
const PENALTY_KINDS = [
  '警告',
  '通报批评',
  '罚款',
  '没收违法所得',
  '没收非法财物',
  '暂扣许可证件',
  '降低资质等级',
  '吊销许可证件',
  '限制开展生产经营活动',
  '责令停产停业',
  '责令关闭',
  '限制从业',
  '行政拘留',
] as const;

/** Names of before 2021 and everyday shortenings that mean exactly one kind of today. */
const FORMER: { readonly [name: string]: (typeof PENALTY_KINDS)[number] } = {
  暂扣许可证: '暂扣许可证件',
  暂扣执照: '暂扣许可证件',
  暂扣营业执照: '暂扣许可证件',
  吊销许可证: '吊销许可证件',
  吊销执照: '吊销许可证件',
  吊销营业执照: '吊销许可证件',
  没收非法所得: '没收违法所得',
  没收违法财物: '没收非法财物',
  责令停业: '责令停产停业',
  停产停业: '责令停产停业',
  责令停业整顿: '责令停产停业',
  停业整顿: '责令停产停业',
  降低资质: '降低资质等级',
  限制开展生产经营: '限制开展生产经营活动',
  拘留: '行政拘留',
};

/** Kinds of the 2018 list that 2021 split in two; which of the two is meant only the document says. */
const SPLIT = /^暂扣(?:或者?|、)?吊销(?:许可证|执照|许可证件|许可证、执照|许可证和执照)$/;

const KNOWN: ReadonlySet<string> = new Set(PENALTY_KINDS);

/**
 * Penalty kinds from one cell (`罚款;警告`, `警告-其他-其他`, `罚款，没收违法所得`) or several: separated at ; ； 、 ， , and line breaks, former
 * names renewed, 其它 → 其他, repeats dropped. Kinds nobody knows, and a bare 其他, are errors.
 */
export function readPenaltyKinds(raw: string | readonly string[]): Reading<readonly string[]> {
  const parts = (typeof raw === 'string' ? [raw] : raw).flatMap(split);
  const kinds = new Set<string>();
  const faults = new Set<Fault>();
  for (const part of parts) {
    const { value, faults: found } = readKind(part);
    for (const one of found) faults.add(one);
    if (value === undefined) break;
    for (const kind of value ?? []) kinds.add(kind);
  }
  if (parts.length === 0) faults.add(MISSING);
  const all = [...faults];
  return { value: hasError(all) ? undefined : [...kinds], faults: all };
}

/** Separators inside brackets belong to the words there: 其他-（法律、行政法规规定的其他行政处罚）. */
function split(cell: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const letter of cell.replace(/[\p{Cf}]/gu, '')) {
    if ('（([【'.includes(letter)) depth += 1;
    if ('）)]】'.includes(letter)) depth = Math.max(0, depth - 1);
    if (depth === 0 && /[;；、，,\n\r|]/.test(letter)) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return rejoin(parts)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `暂扣、吊销许可证` is one kind of old lists, cut by its own comma. */
const rejoin = (parts: readonly string[]): string[] =>
  parts.flatMap((part, index) => {
    if (part.trim() === '暂扣' && parts[index + 1]?.trim().startsWith('吊销')) return [];
    return [parts[index - 1]?.trim() === '暂扣' && part.trim().startsWith('吊销') ? `暂扣或者${part.trim()}` : part];
  });

function readKind(part: string): Reading<readonly string[]> {
  const word = part
    .replace(/\s/g, '')
    .replace(/[—–－]+/g, '-')
    .replace(/其它/g, '其他');
  if (KNOWN.has(word)) return { value: [word], faults: word === part ? [] : [RENAMED] };
  const former = Object.hasOwn(FORMER, word) ? FORMER[word] : undefined;
  if (former !== undefined) return { value: [former], faults: [RENAMED] };
  if (SPLIT.test(word)) return { value: [`其他-${word}`], faults: [UNDECIDED] };
  const other = /^其他[-:：]?(.+)$/.exec(word)?.[1];
  if (other !== undefined && !/^(?:-?其他)+$/.test(other)) {
    const kind = `其他-${other}`;
    return { value: [kind], faults: kind === part ? [] : [RENAMED] };
  }
  const chain = word.split('-').filter((name) => name !== '其他' && name !== '');
  if (word.includes('-') && chain.length > 0 && chain.every((name) => KNOWN.has(name)))
    return { value: chain, faults: [RENAMED] };
  return { value: undefined, faults: [/^[其他-]+$/.test(word) ? OTHER_BARE : unknown(part)] };
}

const RENAMED = fault(
  'note',
  'PENALTY_KIND_REPAIRED',
  '处罚类别已改为 2021 年《行政处罚法》的规范写法；请在业务系统中同样改正',
  'a penalty kind was renamed to the wording of the 2021 law; mend it in the bureau’s system too',
);

const UNDECIDED = fault(
  'warning',
  'PENALTY_KIND_UNDECIDED',
  '“暂扣或者吊销”须分清，已暂记为“其他-…”；请按文书改为“暂扣许可证件”或“吊销许可证件”',
  'suspension or revocation must be told apart and was kept as 其他-…; write 暂扣许可证件 or 吊销许可证件 after the document',
);

const OTHER_BARE = fault(
  'error',
  'PENALTY_KIND_OTHER_BARE',
  '处罚类别“其他”须写明内容；请写成“其他-具体处罚”',
  'the penalty kind 其他 must say which; write 其他-… with the penalty',
);

const MISSING = fault(
  'error',
  'PENALTY_KIND_MISSING',
  '处罚类别为空；请填写，多个之间用分号隔开',
  'the penalty kind is empty; fill it in, several separated by semicolons',
);

const unknown = (part: string): Fault =>
  fault(
    'error',
    'PENALTY_KIND_UNKNOWN',
    `“${quote(part)}”不在处罚类别中；请改为《行政处罚法》第九条所列类别（没收须写明违法所得或非法财物），或写成“其他-…”`,
    `“${quote(part)}” is no penalty kind; use one of article 9 of the penalty law (没收 must say of what), or write 其他-…`,
  );
