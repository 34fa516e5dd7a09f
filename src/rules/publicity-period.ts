import { type CivilDay, exists, isoDay } from './civil-day.ts';

/**
 * 公示期 of an administrative penalty, by the rules in force on the day of its decision (domain sheet 2.8):
 * - 发改委令第36号《信用修复管理办法》, from 2026-04-01: 轻微 in principle not shown, at most 3 months; 一般 3 months to 1 year;
 *   严重 1 to 3 years;
 * - 发改委令第58号 (试行), 2023-05-01 to 2026-03-31: 3 months to 3 years, 警告 and 通报批评 not shown;
 * - 发改办财金〔2019〕527号 before: 一般 3 months to 1 year, 严重 6 months to 3 years.
 * Counted from the date of the decision; of several kinds the longest counts.
 */
export interface PublicityPeriod {
  readonly rule: PublicityRule;
  readonly severity: Severity;
  /** False where the rule says that such a penalty is in principle not shown at all. */
  readonly shown: boolean;
  /** First day from which the party may ask for repair, `YYYY-MM-DD`. */
  readonly repairableFrom: string;
  /** Last day of publicity, `YYYY-MM-DD`; null: the bureau states that it has no end. */
  readonly endsOn: string | null;
}

export type PublicityRule = '令36号' | '令58号' | '527号';
export type Severity = '轻微' | '一般' | '严重';

/** The fields of a unified penalty that decide. */
export interface Publicised {
  /** `YYYY-MM-DD` */
  readonly decidedOn: string;
  readonly kinds: readonly string[];
  readonly severity?: Severity | undefined;
  /** 简易程序 */
  readonly summary?: boolean | undefined;
  /** 公示截止期 as the bureau states it; null: no end. It wins over what the rules would give. */
  readonly publicityUntil?: string | null | undefined;
}

export function publicityPeriod(penalty: Publicised): PublicityPeriod {
  const rule = ruleOf(penalty.decidedOn);
  const severity = penalty.severity ?? severityOf(penalty);
  const { shown, min, max } = monthsOf(rule, severity, penalty.kinds);
  const stated = penalty.publicityUntil;
  return {
    rule,
    severity,
    shown,
    repairableFrom: monthsAfter(penalty.decidedOn, min),
    endsOn: stated === undefined ? monthsAfter(penalty.decidedOn, max) : stated,
  };
}

function ruleOf(decidedOn: string): PublicityRule {
  if (decidedOn >= '2026-04-01') return '令36号';
  return decidedOn >= '2023-05-01' ? '令58号' : '527号';
}

const MILD: ReadonlySet<string> = new Set(['警告', '通报批评']);
const GRAVE: ReadonlySet<string> = new Set(['吊销许可证件', '限制从业', '责令关闭', '行政拘留']);

/** Where the bureau does not state it. 巨额 and 较大数额 have no figure in the rules: a fine alone counts as 一般. */
function severityOf({ kinds, summary }: Publicised): Severity {
  if (kinds.some((kind) => GRAVE.has(kind))) return '严重';
  return summary === true || onlyMild(kinds) ? '轻微' : '一般';
}

const onlyMild = (kinds: readonly string[]): boolean => kinds.length > 0 && kinds.every((kind) => MILD.has(kind));

interface Months {
  readonly shown: boolean;
  readonly min: number;
  readonly max: number;
}

function monthsOf(rule: PublicityRule, severity: Severity, kinds: readonly string[]): Months {
  if (rule === '令36号') return BY_36[severity];
  if (rule === '令58号') return onlyMild(kinds) ? NOT_SHOWN : { shown: true, min: 3, max: 36 };
  return severity === '严重' ? { shown: true, min: 6, max: 36 } : { shown: true, min: 3, max: 12 };
}

const NOT_SHOWN: Months = { shown: false, min: 0, max: 0 };
const BY_36: { readonly [S in Severity]: Months } = {
  轻微: { shown: false, min: 0, max: 3 },
  一般: { shown: true, min: 3, max: 12 },
  严重: { shown: true, min: 12, max: 36 },
};

/** The same day of a later month, or that month's last day. Throws RangeError unless `day` is `YYYY-MM-DD`. */
function monthsAfter(day: string, months: number): string {
  const [year, month, date] = day.split('-').map(Number);
  if (year === undefined || month === undefined || date === undefined)
    throw new RangeError('a day YYYY-MM-DD expected');
  const count = year * 12 + (month - 1) + months;
  return isoDay(lastThatExists({ year: Math.floor(count / 12), month: (count % 12) + 1, day: date }));
}

function lastThatExists(wanted: CivilDay): CivilDay {
  if (!(wanted.day > 28) || exists(wanted)) return wanted;
  return lastThatExists({ ...wanted, day: wanted.day - 1 });
}
