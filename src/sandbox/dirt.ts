import type { Random } from './random.ts';
import type { Kind, Row, World } from './world.ts';

/** What the hub is expected to make of a dirty record. */
export type Outcome = 'accepted' | 'quarantined';

/** One way in which real data is dirty. `label` begins with the number of the test-data catalogue (docs/sandbox.md). */
export interface DirtyCase {
  readonly label: string;
  readonly kinds: readonly Kind[];
  readonly outcome: Outcome;
  /** Where it is set aside, when not at intake. */
  readonly stage?: 'outbound';
  readonly zh: string;
  readonly en: string;
  /** The columns that differ from the clean row. */
  readonly spoil: (row: Row, scene: Scene) => Row;
  /** The case takes two rows: the clean one before it is part of the fault, or of the legal oddity. */
  readonly withRowBefore?: true;
  /** Does not stand for itself: only placed once, never strewn. */
  readonly once?: true;
}

interface Scene {
  readonly world: World;
  readonly index: number;
  readonly random: Random;
  /** The clean row before this one. */
  readonly before: Row;
}

export const fullWidth = (text: string): string =>
  text.replace(/[!-~]/g, (character) => String.fromCharCode(character.charCodeAt(0) + 0xfee0));

/** Dates as people write them; all of them can be read without doubt. */
export function handwritten(date: string, random: Random): string {
  const [year = '', month = '', day = ''] = date.split('-');
  const forms: readonly [string, ...string[]] = [
    `${year}.${Number(month)}.${Number(day)}`,
    `${year}年${Number(month)}月${Number(day)}日`,
    `${year}${month}${day}`,
    `${year}/${month}/${day} 00:00:00`,
    `${chineseDigits(year)}年${chineseNumber(Number(month))}月${chineseNumber(Number(day))}日`,
  ];
  return random.pick(forms);
}

const DIGITS = '〇一二三四五六七八九';
const chineseDigits = (text: string): string => text.replace(/\d/g, (digit) => DIGITS.charAt(Number(digit)));

/** 1–99. */
function chineseNumber(number: number): string {
  if (number < 10) return DIGITS.charAt(number);
  const tens = Math.floor(number / 10);
  const ones = number % 10;
  return `${tens === 1 ? '' : DIGITS.charAt(tens)}十${ones === 0 ? '' : DIGITS.charAt(ones)}`;
}

/** 〔2024〕 in the brackets of other keyboards; all of them are known. */
export const otherBrackets = (document: string, random: Random): string =>
  random.pick([
    document.replace('〔', '[').replace('〕', ']'),
    document.replace('〔', '［').replace('〕', '］'),
    document.replace('〔', '【').replace('〕', '】'),
    document.replace('〔', '（').replace('〕', '）'),
    document.replace('〔', '(').replace('〕', ')'),
    document.replace(/〕(\d+)号/, '〕第00$1号'),
  ] as const);

/** Days since 1899-12-30, as Excel counts from March 1900 on. */
export const excelSerial = (date: string): number => Math.round(Date.parse(`${date}T00:00:00Z`) / 86_400_000) + 25_569;
