import { type Entry, readEntry } from '../evidence/entry.ts';
import { answerIn, type LoggedAnswer } from '../evidence/verify-answers.ts';
import type { PackEntryRow } from '../store/evidence-rows.ts';

/** What the log says of one batch up to a size. */
export interface ReplayedBatch {
  readonly entries: readonly PackEntryRow[];
  /** Entries from that size on: the rows of the database may know more than the checkpoint covers. */
  readonly later: boolean;
  readonly state: string | undefined;
  readonly sealed: Entry | undefined;
  /** Member states that exception entries gave, by idem key. */
  readonly exceptions: ReadonlyMap<string, string>;
  readonly receiptHashes: ReadonlySet<string>;
  /** What the newest entry of a member says was answered, by idem key. */
  readonly answers: ReadonlyMap<string, LoggedAnswer>;
  /** State of a member without an exception. */
  readonly usual: 'accepted' | 'open';
}

export function replayBatch(all: readonly PackEntryRow[], size: number): ReplayedBatch {
  const entries = all.filter(({ index }) => index < size);
  const exceptions = new Map<string, string>();
  const receiptHashes = new Set<string>();
  const answers = new Map<string, LoggedAnswer>();
  let [state, sealed, settledBy]: [string | undefined, Entry | undefined, string | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  for (const { entry: bytes } of entries) {
    const read = readEntry(bytes);
    if ('wrong' in read) continue;
    const { entry } = read;
    if (entry.receiptHash !== undefined) receiptHashes.add(entry.receiptHash);
    if (entry.to === undefined) continue;
    if (entry.delivery !== undefined) {
      exceptions.set(entry.delivery, entry.to);
      answers.set(entry.delivery, answerIn(entry));
    } else {
      state = entry.to;
      if (entry.action === 'batch.sealed') sealed = entry;
      if (entry.to === 'SETTLED') settledBy ??= String(entry.evidence['event']);
    }
  }
  const usual = settledBy === 'answered' ? 'accepted' : 'open';
  return { entries, later: entries.length < all.length, state, sealed, exceptions, answers, receiptHashes, usual };
}
