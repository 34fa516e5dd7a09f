import { readEntry } from '../evidence/entry.ts';
import type { Reader } from '../store/database.ts';
import { entriesBeside, entriesOfRecords, type PackEntryRow } from '../store/evidence-rows.ts';
import { readEntries } from '../store/log-tree.ts';
import type { PackHead } from './covering-head.ts';
import type { ResolvedScope } from './pack-scope.ts';

interface Beside {
  readonly head: PackHead;
  /** Places of the entries of the scope's batches. */
  readonly indices: readonly number[];
}

/**
 * What a pack discloses besides the entries of its batches: what people and the hub itself did meanwhile, what the log says
 * of the records, and the last entry of all, which tells how old the head is.
 */
export async function contextEntries(
  db: Reader,
  scope: ResolvedScope,
  { head, indices }: Beside,
): Promise<PackEntryRow[]> {
  const { logNo, size } = head;
  if (scope.kind === 'log' || size === 0) return [];
  const found = (await readEntries(db, logNo, size - 1, 1)).map(({ index, entry }) => ({ index, entry }));
  if (scope.records !== undefined) found.push(...(await entriesOfRecords(db, logNo, [...scope.records])));
  if (scope.kind === 'period') {
    const [first, last] = [indices.reduce((a, b) => Math.min(a, b), size), indices.reduce((a, b) => Math.max(a, b), 0)];
    for await (const row of besides(db, { logNo, from: first, to: last })) found.push(row);
    for await (const row of besides(db, { logNo, from: last, to: size })) if (isOf(row, scope.value)) found.push(row);
  }
  return found.filter(({ index }) => index < size);
}

const PAGE = 1000;

async function* besides(
  db: Reader,
  { logNo, from, to }: { readonly logNo: number; readonly from: number; readonly to: number },
): AsyncGenerator<PackEntryRow> {
  for (let next = from; ; ) {
    const page = await entriesBeside(db, logNo, { from: next, to, limit: PAGE });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    next = last.index + 1;
  }
}

/** How a period was closed, after its last batch. */
function isOf({ entry }: PackEntryRow, period: string): boolean {
  const read = readEntry(entry);
  return 'entry' in read && read.entry.evidence['period'] === period;
}
