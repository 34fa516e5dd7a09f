/** Days that people entered over the national data: local holidays, corrections, years to come (schemas/calendar.json). */
export interface CalendarTable {
  readonly years: readonly CalendarYear[];
  readonly days: readonly CalendarDay[];
}

/** What is known of a year beyond what the national data says. */
export interface CalendarYear {
  readonly year: number;
  readonly scope: Scope;
  /** `provisional`: derived, waiting for the notice; `confirmed`: entered from the notice. */
  readonly state: 'provisional' | 'confirmed';
  /** The document that says so. */
  readonly source: string;
}

export interface CalendarDay {
  /** `YYYY-MM-DD` */
  readonly date: string;
  readonly kind: 'off' | 'work';
  readonly scope: Scope;
  /** 壮族三月三, 春节 … */
  readonly name: string;
  readonly source: string;
}

/** Whose calendar: 全国, or the region in which the bureau works. A regional day goes before a national one. */
export type Scope = (typeof SCOPES)[number];

export const SCOPES = ['national', 'guangxi'] as const;

export const EMPTY_TABLE: CalendarTable = { years: [], days: [] };

/**
 * The table with another one entered into it: the same day of the same scope is replaced; a year that is confirmed
 * loses what was only provisional about it.
 */
export function mergeTables(old: CalendarTable, fresh: CalendarTable): CalendarTable {
  const provisional = new Set(old.years.filter(({ state }) => state === 'provisional').map(yearKey));
  const confirmed = new Set(
    fresh.years.filter((year) => year.state === 'confirmed' && provisional.has(yearKey(year))).map(yearKey),
  );
  const outdated = ({ date, scope }: CalendarDay): boolean => confirmed.has(`${scope}/${Number(date.slice(0, 4))}`);
  const years = new Map([...old.years, ...fresh.years].map((year) => [yearKey(year), year]));
  const kept = old.days.filter((day) => !outdated(day));
  const days = new Map([...kept, ...fresh.days].map((day) => [`${day.date}/${day.scope}`, day]));
  return {
    years: [...years.values()].toSorted((a, b) => a.year - b.year || a.scope.localeCompare(b.scope)),
    days: [...days.values()].toSorted((a, b) => a.date.localeCompare(b.date) || a.scope.localeCompare(b.scope)),
  };
}

const yearKey = ({ scope, year }: CalendarYear): string => `${scope}/${year}`;

/** As it stands in the file: one entry a line. */
export function tableText({ years, days }: CalendarTable): string {
  const lines = (entries: readonly object[]): string =>
    entries.map((entry) => `    ${JSON.stringify(entry).replaceAll('":', '": ').replaceAll(',"', ', "')}`).join(',\n');
  return `{\n  "years": [\n${lines(years)}\n  ],\n  "days": [\n${lines(days)}\n  ]\n}\n`;
}
