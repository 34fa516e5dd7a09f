import type { Form } from '../schema/outbound.ts';
import type { UnifiedType } from '../schema/schema.ts';
import type { PushJob } from './job.ts';
import { matchesPattern } from './type-pattern.ts';

export interface WantedForms {
  /** Types that the job sends: those whose newest state counts, and those of which no version may be skipped. */
  readonly fullState: readonly string[];
  readonly everyVersion: readonly string[];
  /** Outbound forms of a record type, in order of trial. */
  readonly formsOf: (type: string) => readonly Form[];
}

/** What a push job's patterns (`licence/*`) mean among the types there are; the first pattern that fits a type has it. */
export function formsByType(
  job: PushJob,
  types: ReadonlyMap<string, UnifiedType>,
  forms: ReadonlyMap<string, Form>,
): WantedForms {
  const byType = new Map<string, readonly Form[]>();
  for (const [pattern, names] of Object.entries(job.types)) {
    const chosen = names.flatMap((name) => forms.get(name) ?? []);
    for (const type of matching(pattern, types.keys())) if (!byType.has(type)) byType.set(type, chosen);
  }
  const isEvery = (type: string): boolean => types.get(type)?.everyVersion ?? false;
  return {
    fullState: [...byType.keys()].filter((type) => !isEvery(type)),
    everyVersion: [...byType.keys()].filter(isEvery),
    formsOf: (type) => byType.get(type) ?? [],
  };
}

function matching(pattern: string, types: Iterable<string>): string[] {
  return [...types].filter((type) => matchesPattern(pattern, type));
}
