import type { PlatformSpec } from '../platform-spec.ts';
import type { PeriodBatch } from '../store/period-facts.ts';
import type { PeriodRow } from '../store/periods.ts';

/** How far a period's push has come. */
export interface Progress {
  /** The first byte, or the statement that there was nothing to send. */
  readonly triedAt: string | undefined;
  /** All that could leave had reached what `doneWhen` wants. */
  readonly doneAt: string | undefined;
  /** Batches that a run, the platform or time can still bring on; and those that wait for a person. */
  readonly active: number;
  readonly held: number;
}

type DoneWhen = 'handed-over' | 'received' | 'answered';

export function progressOf(
  row: PeriodRow,
  batches: readonly PeriodBatch[],
  platform: PlatformSpec | undefined,
): Progress {
  const own = batches.filter(({ state }) => state !== 'SPLIT');
  const held = own.filter(({ state }) => state === 'HELD').length;
  const level: DoneWhen = platform?.doneWhen ?? 'received';
  const times = own.map((batch) => reachedAt(batch, level, isCarried(platform)));
  const active = own.filter(({ state }, index) => state !== 'HELD' && times[index] === undefined).length;
  const nilReport = row.nilKind === 'report' ? row.nilAt : null;
  const reached = [...times, nilReport].filter((at) => typeof at === 'string');
  const done = row.sealedAt !== null && active === 0 && reached.length > 0;
  const tried = [...batches.map(({ triedAt }) => triedAt), nilReport].filter((at) => at !== null);
  return {
    triedAt: tried.toSorted()[0],
    doneAt: done ? reached.toSorted().at(-1) : undefined,
    active,
    held,
  };
}

/** When a batch came as far as the duty wants; undefined: not yet. */
function reachedAt(batch: PeriodBatch, level: DoneWhen, carried: boolean): string | undefined {
  if (batch.state === 'SETTLED')
    return (level === 'answered' ? undefined : batch.receivedAt) ?? batch.settledAt ?? undefined;
  if (level === 'answered') return undefined;
  if (batch.state === 'RECEIVED') return batch.receivedAt ?? batch.sentAt ?? undefined;
  return level === 'handed-over' && carried && batch.state === 'UNKNOWN' ? (batch.sentAt ?? undefined) : undefined;
}

/** Packages that people or a medium carry are handed over when they lie ready. */
const isCarried = (platform: PlatformSpec | undefined): boolean => platform !== undefined && CARRIED.has(platform.use);

const CARRIED: ReadonlySet<string> = new Set(['ferry', 'excel']);
