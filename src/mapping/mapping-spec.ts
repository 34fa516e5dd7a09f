import type { Json, JsonObject } from '../json.ts';

/** Names of the closed list of formats that a mapping may apply; implemented in formats.ts. */
export type FormatName =
  | 'text'
  | 'code'
  | 'credit-code'
  | 'registration-number'
  | 'date'
  | 'amount-yuan'
  | 'amount-wan-yuan'
  | 'document-number'
  | 'licence-number'
  | 'name'
  | 'holder-kind'
  | 'publicity'
  | 'boolean'
  | 'list'
  | 'timestamp';

/** One target field of a mapping: a raw field's name, or a rule. No expressions, no scripts. */
export type FieldRule =
  | string
  | {
      readonly from?: string | readonly string[];
      readonly const?: Json;
      readonly as?: FormatName;
      readonly lookup?: { readonly [raw: string]: Json };
      readonly default?: Json;
    };

/** Dotted path in the unified record → rule. */
export interface MappingSpec {
  readonly [target: string]: FieldRule;
}

/** A raw row and (part of) what it must map to; the test suite and `hub check` run it. */
export interface Sample {
  readonly raw: JsonObject;
  readonly gives?: JsonObject;
  /** Fault codes that the row must end with instead. */
  readonly faults?: readonly string[];
}
