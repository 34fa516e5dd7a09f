/** Exit codes of docs/evidence-format.md §9. */
export type FindingCode = 10 | 11 | 12 | 13 | 14 | 15;

/** One thing wrong with the log, named exactly. */
export interface Finding {
  readonly code: FindingCode;
  /** `log_entries 1/17`, `checkpoints 1/256`, `batches qx…`. */
  readonly where: string;
  readonly zh: string;
  readonly en: string;
}

/** The first of several that are there at once decides the exit code. */
const ORDER: readonly FindingCode[] = [12, 10, 15, 11, 14, 13];

export function exitCodeOf(findings: readonly Finding[]): number {
  return ORDER.find((code) => findings.some((finding) => finding.code === code)) ?? 0;
}

/** Keeps the first of each code in full and counts the rest: a log that is wrong everywhere must not fill the memory. */
export interface Findings {
  add(finding: Finding): void;
  readonly list: readonly Finding[];
  readonly more: () => number;
}

const MOST_PER_CODE = 20;

export function openFindings(): Findings {
  const list: Finding[] = [];
  let more = 0;
  return {
    add: (finding) => {
      if (list.filter(({ code }) => code === finding.code).length < MOST_PER_CODE) list.push(finding);
      else more += 1;
    },
    list,
    more: () => more,
  };
}
