import type { Json, JsonObject } from '../json.ts';
import { type Publicised, publicityPeriod, type Severity } from '../rules/publicity-period.ts';

/** The closed list of `x-derive`: what a column holds where its record says nothing of it. Pure: the same record, the same value. */
export const DERIVED: { readonly [name: string]: (record: JsonObject) => Json | undefined } = {
  'publicity-end': publicityEnd,
};

/** 公示截止期 by the rules of the decision's time; nothing for a penalty that those rules do not show at all. */
function publicityEnd(record: JsonObject): string | undefined {
  const { decidedOn, kinds, severity, summary } = record;
  if (typeof decidedOn !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(decidedOn) || !Array.isArray(kinds))
    return undefined;
  const penalty: Publicised = {
    decidedOn,
    kinds: kinds.map(String),
    severity: isSeverity(severity) ? severity : undefined,
    summary: summary === true,
  };
  const { endsOn } = publicityPeriod(penalty);
  return endsOn !== null && endsOn > decidedOn ? endsOn : undefined;
}

const isSeverity = (value: Json | undefined): value is Severity =>
  value === '轻微' || value === '一般' || value === '严重';
