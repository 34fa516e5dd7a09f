/**
 * Why a record does not fit, as a value: never thrown. `error` keeps the record out (quarantine),
 * `warning` lets it pass and is shown, `note` says what was repaired on the way in.
 */
export interface Fault {
  /** AREA_ADJECTIVE, e.g. `CREDIT_CODE_CHECK_WRONG`; stable, scripts rely on it. */
  readonly code: string;
  readonly level: 'error' | 'warning' | 'note';
  /** Dotted path of the field in the unified or outbound record, '' for the whole record. */
  readonly path: string;
  /** One readable sentence that also says how to mend it. */
  readonly zh: string;
  readonly en: string;
}

/** What a pure rule makes of a text: a value unless a fault of level `error` stands beside it. */
export interface Reading<T> {
  readonly value: T | undefined;
  readonly faults: readonly Fault[];
}

export const isError = (fault: Fault): boolean => fault.level === 'error';

export const hasError = (faults: readonly Fault[]): boolean => faults.some(isError);

/** The same fault, standing at another path: rules know no paths, callers do. */
export const at = (path: string, faults: readonly Fault[]): Fault[] => faults.map((fault) => ({ ...fault, path }));

/** A fault of the whole text; the caller moves it to its field with `at`. */
export const fault = (level: Fault['level'], code: string, zh: string, en: string): Fault => ({
  code,
  level,
  path: '',
  zh,
  en,
});

const NO_FAULTS: readonly Fault[] = Object.freeze([]);

/** A value that stands as it is, or with the faults that came with reading it. */
export const read = <T>(value: T, faults: readonly Fault[] = NO_FAULTS): Reading<T> => ({ value, faults });

/** No value: `because` is of level `error`; what was noticed before it goes along. */
export const refuse = (because: Fault, before: readonly Fault[] = NO_FAULTS): Reading<never> => ({
  value: undefined,
  faults: [...before, because],
});
