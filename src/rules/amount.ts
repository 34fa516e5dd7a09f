import { type Fault, fault, type Reading, read, refuse } from '../fault.ts';
import { widthRepaired } from './code-text.ts';
import { quote } from './quote.ts';

/**
 * Amounts are exact decimal strings and never pass through a float. The hub keeps 元 with at most two decimals in shortest form
 * (`10000`, `0.5`); outbound forms of 双公示 2018 want 万元 with six decimals, which holds every 分 exactly.
 */
export type AmountUnit = '元' | '万元';

/**
 * Reads an amount and gives 元. `unit` is what a bare number means; a unit written beside it wins. Takes `10,000`, `1万元`,
 * `￥1.5万`, `壹万元整`, full-width digits. Errors: negative, more than two decimals of 元, unreadable.
 */
export function readAmount(raw: string, unit: AmountUnit): Reading<string> {
  if (unit === '元' && PLAIN.test(raw)) return read(shortest(raw));
  const shown = raw.replace(/\s/g, '');
  const text = shown
    .normalize('NFKC')
    .replace(SYMBOL, '')
    .replace(/[整正]$/, '');
  const notes = /[０-９．，]/.test(shown) ? [widthRepaired('AMOUNT')] : [];
  if (text === '') return refuse(MISSING, notes);
  if (/^[-−(]/.test(text)) return refuse(NEGATIVE, notes);
  if (text.length > 60) return refuse(unreadable(raw), notes);
  const fen = fenOfDigits(text, unit) ?? fenOfNumerals(text);
  if (fen === undefined) return refuse(unreadable(raw), notes);
  if (fen === 'too precise') return refuse(TOO_PRECISE, notes);
  return read(yuanOfFen(fen), [...notes, ...readingFaults(text, unit, fen)]);
}

/** 元 → 万元 with exactly six decimals: `10000` → `1.000000`. Throws RangeError unless `yuan` is an amount as `readAmount` gives it. */
export function yuanToWan(yuan: string): string {
  if (!PLAIN.test(yuan)) throw new RangeError('an amount in 元 with at most two decimals expected');
  const [whole = '', fraction = ''] = yuan.split('.');
  const digits = `${whole}${fraction.padEnd(2, '0')}`.padStart(7, '0');
  return `${BigInt(digits.slice(0, -6))}.${digits.slice(-6)}`;
}

/** 万元 → 元 in shortest form: `1.000000` → `10000`. Throws RangeError on more than six decimals. */
export function wanToYuan(wan: string): string {
  if (!/^\d+(?:\.\d{1,6})?$/.test(wan)) throw new RangeError('an amount in 万元 with at most six decimals expected');
  const [whole = '', fraction = ''] = wan.split('.');
  return yuanOfFen(BigInt(whole + fraction.padEnd(6, '0')));
}

const PLAIN = /^\d{1,30}(?:\.\d{1,2})?$/;
const SYMBOL = /^(?:人民币|RMB|CNY|[¥￥])+[::]?/i;
const DIGITS = /^(\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.(\d{1,30}))?(亿|千万|百万|十万|万|千|百)?(?:元|圆|块|人民币)?$/;
const ZEROS = { 亿: 8, 千万: 7, 百万: 6, 十万: 5, 万: 4, 千: 3, 百: 2 } as const;
/** A fine of 1000 万元 and more without a written unit was most likely meant in 元. */
const DOUBTFUL_FEN = 1_000_000_000n;

const hasUnit = (text: string): boolean => /[^\d.,]/.test(text);

const shortest = (decimal: string): string => {
  const trimmed = decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal;
  return trimmed.replace(/^0+(?=\d)/, '');
};

function yuanOfFen(fen: bigint): string {
  const digits = String(fen).padStart(3, '0');
  return shortest(`${digits.slice(0, -2)}.${digits.slice(-2)}`);
}

function fenOfDigits(text: string, unit: AmountUnit): bigint | 'too precise' | undefined {
  const parts = DIGITS.exec(text);
  if (parts === null) return undefined;
  const [, whole = '', fraction = '', scale] = parts;
  const zeros = isScale(scale) ? ZEROS[scale] : hasUnit(text) || unit === '元' ? 0 : 4;
  const places = zeros + 2;
  if (/[1-9]/.test(fraction.slice(places))) return 'too precise';
  return BigInt(whole.replaceAll(',', '') + fraction.slice(0, places).padEnd(places, '0'));
}

const isScale = (scale: string | undefined): scale is keyof typeof ZEROS => scale !== undefined && scale in ZEROS;

const CAPITALS = '零壹贰叁肆伍陆柒捌玖';
const ORDINARY = '〇一二三四五六七八九';
const SECTION =
  /^零?(?:([壹贰叁肆伍陆柒捌玖])仟)?零?(?:([壹贰叁肆伍陆柒捌玖])佰)?零?(?:([壹贰叁肆伍陆柒捌玖])?拾)?零?([壹贰叁肆伍陆柒捌玖])?$/;
const NUMERALS =
  /^(?:([零〇壹贰叁肆伍陆柒捌玖拾佰仟]+)亿)?(?:([零〇壹贰叁肆伍陆柒捌玖拾佰仟]+)万)?([零〇壹贰叁肆伍陆柒捌玖拾佰仟]+)?(?:元)?零?(?:([壹贰叁肆伍陆柒捌玖])角)?零?(?:([壹贰叁肆伍陆柒捌玖])分)?$/;

/** 壹万贰仟叁佰元伍角整; also 一万二千三百元. */
function fenOfNumerals(text: string): bigint | undefined {
  const parts = NUMERALS.exec(capital(text));
  if (parts === null || !/[元万亿仟佰拾角分]/.test(parts[0]) || !/[零壹贰叁肆伍陆柒捌玖拾]/.test(parts[0]))
    return undefined;
  const sections = [section(parts[1]), section(parts[2]), section(parts[3])];
  const [high, middle, low] = sections;
  if (high === undefined || middle === undefined || low === undefined) return undefined;
  const yuan = BigInt(high) * 100_000_000n + BigInt(middle) * 10_000n + BigInt(low);
  return yuan * 100n + BigInt(digit(parts[4]) * 10 + digit(parts[5]));
}

const FORMS: { readonly [form: string]: string } = {
  ...Object.fromEntries([...ORDINARY].map((form, value) => [form, CAPITALS.charAt(value)])),
  ...{
    两: '贰',
    貳: '贰',
    叄: '叁',
    陸: '陆',
    十: '拾',
    百: '佰',
    千: '仟',
    萬: '万',
    億: '亿',
    圆: '元',
    圓: '元',
    块: '元',
  },
};

const capital = (text: string): string => [...text].map((letter) => FORMS[letter] ?? letter).join('');

const digit = (letter: string | undefined): number => (letter === undefined ? 0 : CAPITALS.indexOf(letter));

/** A number below 10000, 0 when absent, undefined when it is not well formed (壹贰). */
function section(text: string | undefined): number | undefined {
  if (text === undefined || text === '零') return 0;
  const parts = SECTION.exec(text);
  if (parts === null) return undefined;
  const ten = text.includes('拾') ? (parts[3] === undefined ? 1 : digit(parts[3])) : 0;
  return digit(parts[1]) * 1000 + digit(parts[2]) * 100 + ten * 10 + digit(parts[4]);
}

function readingFaults(text: string, unit: AmountUnit, fen: bigint): Fault[] {
  if (hasUnit(text)) return /^[\d.,]+元$/.test(text) && unit === '元' ? [] : [unitWritten(yuanOfFen(fen))];
  return unit === '万元' && fen >= DOUBTFUL_FEN ? [unitDoubtful(yuanOfFen(fen))] : [];
}

const MISSING = fault(
  'error',
  'AMOUNT_MISSING',
  '金额为空；请填写数字，没有罚没则整项留空',
  'the amount is empty; give a number, or leave the field out where nothing was fined',
);

const NEGATIVE = fault(
  'error',
  'AMOUNT_NEGATIVE',
  '金额不能为负数；请对照决定书改正',
  'an amount cannot be negative; mend it from the decision document',
);

const TOO_PRECISE = fault(
  'error',
  'AMOUNT_TOO_PRECISE',
  '金额精确到分，小数位过多；请对照决定书改正',
  'an amount has no unit below 分 (0.01 元), this has too many decimals; mend it from the decision document',
);

const unreadable = (raw: string): Fault =>
  fault(
    'error',
    'AMOUNT_UNREADABLE',
    `“${quote(raw)}”不是可识别的金额；请填写数字，如 10000.00`,
    `“${quote(raw)}” is not an amount we can read; write a number like 10000.00`,
  );

const unitWritten = (yuan: string): Fault =>
  fault(
    'note',
    'AMOUNT_UNIT_REPAIRED',
    `金额已按所写单位换算为 ${yuan} 元；请在业务系统中只填数字`,
    `the amount was read with the unit written beside it as ${yuan} 元; write the bare number in the bureau’s system`,
  );

const unitDoubtful = (yuan: string): Fault =>
  fault(
    'warning',
    'AMOUNT_UNIT_DOUBTFUL',
    `该栏单位是万元，按此金额为 ${yuan} 元，疑似把元填成了万元；请核对`,
    `this field is in 万元, which makes ${yuan} 元; probably 元 was written, check it`,
  );
